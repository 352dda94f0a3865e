/** What a mesh of istiod takes from what the cluster shows. Pure. */
import { defaultRevision, definedFields } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { JoinedFacts } from '../../render/index.ts';
import {
	cniDaemonSet,
	defaultTag,
	type IstiodFacts,
	injectionWebhookName,
	injectorConfigName,
	istiodName,
	meshConfigName,
	selfSignedSecret,
	servingSecret,
	tagWebhookName,
	validationWebhookNames,
} from '../../render/istiod/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type ObjectReference, objectKey } from '../../runtime/object.ts';
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
			...(mesh.cni === undefined
				? []
				: [
						{ ...kinds.DaemonSet, namespace, name: cniDaemonSet },
						{ ...kinds.ConfigMap, namespace, name: injectorConfigName(mesh) },
					]),
			...[injectionWebhookName(mesh), ...ofTags].map((name) => ({ ...kinds.MutatingWebhookConfiguration, name })),
			...validators(mesh),
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
	const unanswered = validators(mesh)
		.filter((webhook) => isUnanswered(sight.child(objectKey(webhook))))
		.map(({ name }) => name)
		.sort();
	return {
		...joined,
		...definedFields({ caSecretHash: secret?.hash, unanswered: unanswered.length === 0 ? undefined : unanswered }),
	};
}

/** The webhooks for objects. A cluster that is served from elsewhere has none. */
export function validators(mesh: ResolvedIstiodMesh): readonly ObjectReference[] {
	return mesh.isServedFromElsewhere === true
		? []
		: validationWebhookNames(mesh).map((name) => ({ ...kinds.ValidatingWebhookConfiguration, name }));
}

/** Whether nobody could answer for a webhook: it is not there, or istiod has not written its authority into it. */
function isUnanswered(webhook: Child | undefined): boolean {
	return webhook === undefined || webhook.awaitsAuthority === true;
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
