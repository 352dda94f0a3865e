/** A mesh as the operator would render it in this cluster now: with the certificates and Secrets that only the cluster knows. */
import { type Child, toChild } from '../../apply/child.ts';
import { injectorCertificate } from '../../mesh/injector-certificate.ts';
import { factsOf, type Sight, secretsOf, type Waiting, waitingOf } from '../../plan/classic/mesh-facts.ts';
import { type SecretFacts, toSecretFacts } from '../../plan/secret-facts.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { injectorName, injectorWebhook } from '../../render/classic/injector-names.ts';
import { meshConfigMap } from '../../render/classic/mesh-config.ts';
import { render, renderCrds } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, type ObjectReference, objectKey } from '../../runtime/object.ts';

export interface LiveMesh extends Waiting {
	readonly objects: readonly KubeObject[];
}

/** Rejects where the API server does not answer. What the caller may not read is taken as unknown, as by the operator. */
export async function renderLive(api: ApiServer, mesh: ResolvedMesh): Promise<LiveMesh> {
	const signal = AbortSignal.timeout(60_000);
	const sight = await look(api, mesh);
	const own = await injectorCertificate(mesh, {
		api,
		known: undefined,
		now: Date.now(),
		// To be shown, masked, and forgotten.
		mayIssue: true,
		signal,
	}).catch((error: unknown) => {
		if (isForbidden(error)) return undefined;
		throw error;
	});
	const facts = factsOf(mesh, own, sight);
	const objects = [...renderCrds(mesh), ...render(mesh, facts)];
	// Since when the mesh configuration stands as it is, the operator alone knows.
	return { objects, ...waitingOf(mesh, facts, objects, sight, true) };
}

async function look(api: ApiServer, mesh: ResolvedMesh): Promise<Sight> {
	const { namespace } = mesh;
	const references: readonly ObjectReference[] = [
		...[injectorName, 'istio-citadel', 'istio-policy'].map((name) => ({ ...kinds.Deployment, namespace, name })),
		{ ...kinds.ConfigMap, namespace, name: meshConfigMap },
		{ ...kinds.MutatingWebhookConfiguration, name: injectorWebhook(mesh) },
	];
	const children = new Map<string, Child>();
	const secrets = new Map<string, SecretFacts | 'unknown'>();
	await Promise.all([
		...references.map(async (reference) => {
			const found = await find(api, reference);
			if (found !== undefined && found !== 'forbidden') children.set(objectKey(reference), toChild(found));
		}),
		...secretsOf(mesh).map(async ({ name }) => {
			const found = await find(api, { ...kinds.Secret, namespace, name });
			if (found !== undefined) secrets.set(name, found === 'forbidden' ? 'unknown' : toSecretFacts(found));
		}),
	]);
	return { child: (key) => children.get(key), secret: (name) => secrets.get(name) };
}

async function find(api: ApiServer, reference: ObjectReference): Promise<KubeObject | 'forbidden' | undefined> {
	try {
		return await api.get(reference);
	} catch (error) {
		if (isNotFound(error)) return undefined;
		if (isForbidden(error)) return 'forbidden';
		throw error;
	}
}
