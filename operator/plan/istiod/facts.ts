/** What a mesh of istiod takes from what the cluster shows. Pure. */
import { definedFields } from '../../../api/v1/index.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { JoinedFacts } from '../../render/index.ts';
import {
	defaultValidator,
	type IstiodFacts,
	injectionWebhookName,
	istiodName,
	meshConfigName,
	selfSignedSecret,
	validationWebhookName,
} from '../../render/istiod/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { readable, type Seen, type Sight } from '../sight.ts';

/** What the facts and gates of a mesh are decided from. */
export function seenByIstiod(mesh: ResolvedIstiodMesh): Seen {
	const { namespace } = mesh;
	return {
		children: [
			{ ...kinds.Deployment, namespace, name: istiodName(mesh) },
			{ ...kinds.ConfigMap, namespace, name: meshConfigName(mesh) },
			{ ...kinds.MutatingWebhookConfiguration, name: injectionWebhookName(mesh) },
			...[validationWebhookName(mesh), defaultValidator].map((name) => ({
				...kinds.ValidatingWebhookConfiguration,
				name,
			})),
		],
		secrets: [mesh.authority.caSecretName ?? selfSignedSecret],
	};
}

export function istiodFactsOf(mesh: ResolvedIstiodMesh, sight: Sight, joined: JoinedFacts): IstiodFacts {
	const { caSecretName } = mesh.authority;
	const secret = caSecretName === undefined ? undefined : readable(sight.secret(caSecretName));
	return { ...joined, ...definedFields({ caSecretHash: secret?.hash }) };
}

/** Key of istiod's Deployment. */
export function istiodKey(mesh: ResolvedIstiodMesh): string {
	return objectKey({ ...kinds.Deployment, namespace: mesh.namespace, name: istiodName(mesh) });
}
