/** What a mesh of istiod takes from what the cluster shows. Pure. */
import { defaultRevision, definedFields } from '../../../api/v1/index.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { JoinedFacts } from '../../render/index.ts';
import {
	defaultTag,
	defaultValidator,
	type IstiodFacts,
	injectionWebhookName,
	istiodName,
	meshConfigName,
	selfSignedSecret,
	servingSecret,
	tagWebhookName,
	validationWebhookName,
} from '../../render/istiod/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { readable, type Seen, type Sight } from '../sight.ts';

/** What the facts and gates of a mesh are decided from. */
export function seenByIstiod(mesh: ResolvedIstiodMesh): Seen {
	const { namespace, revision, tags, defaultTo } = mesh;
	const revisions = new Set([revision, defaultTo, ...tags.map((tag) => tag.revision)]);
	const ofTags = [defaultTag, ...tags.map(({ name }) => name)].map((tag) => tagWebhookName(mesh, tag));
	return {
		children: [
			...[...revisions].map((one) => ({ ...kinds.Deployment, namespace, name: nameOf(mesh, one) })),
			...mesh.gateways.map(({ name }) => ({ ...kinds.Deployment, namespace, name })),
			{ ...kinds.ConfigMap, namespace, name: meshConfigName(mesh) },
			...[injectionWebhookName(mesh), ...ofTags].map((name) => ({ ...kinds.MutatingWebhookConfiguration, name })),
			...[validationWebhookName(mesh), defaultValidator].map((name) => ({
				...kinds.ValidatingWebhookConfiguration,
				name,
			})),
		],
		secrets: secretsOf(mesh),
	};
}

/** Secrets of others: what istiod signs with, or serves with. */
function secretsOf({ authority, isServedFromElsewhere = false }: ResolvedIstiodMesh): readonly string[] {
	if (isServedFromElsewhere) return [];
	return [authority.external === undefined ? (authority.caSecretName ?? selfSignedSecret) : servingSecret];
}

export function istiodFactsOf(mesh: ResolvedIstiodMesh, sight: Sight, joined: JoinedFacts): IstiodFacts {
	const { caSecretName } = mesh.authority;
	const secret = caSecretName === undefined ? undefined : readable(sight.secret(caSecretName));
	return { ...joined, ...definedFields({ caSecretHash: secret?.hash }) };
}

/** Key of istiod's Deployment. */
export function istiodKey(mesh: ResolvedIstiodMesh): string {
	return keyOf(mesh, mesh.revision);
}

/** Key of the Deployment of a revision, `default` for the one without a name. */
export function revisionKey(mesh: ResolvedIstiodMesh, revision: string): string {
	return keyOf(mesh, revision === defaultRevision ? undefined : revision);
}

function keyOf(mesh: ResolvedIstiodMesh, revision: string | undefined): string {
	return objectKey({ ...kinds.Deployment, namespace: mesh.namespace, name: nameOf(mesh, revision) });
}

function nameOf({ namespace }: ResolvedIstiodMesh, revision: string | undefined): string {
	return istiodName({ namespace, ...definedFields({ revision }) });
}
