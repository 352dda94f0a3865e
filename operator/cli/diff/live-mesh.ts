/** Views a mesh as the operator would write it in this cluster now, by the operator's own view. */
import { clusterLabel } from '../../../api/v1/index.ts';
import { type Child, toChild } from '../../apply/child.ts';
import { ownRecordsIn } from '../../clusters/secret/record.ts';
import { lines } from '../../lines/index.ts';
import { type StoredInstallation, toInstallation } from '../../mesh/installation.ts';
import { joinedFacts } from '../../mesh/joined/joined-facts.ts';
import { primariesHere, renderReadersHere } from '../../mesh/joined/readers.ts';
import { servingCertificate } from '../../mesh/serving-certificate.ts';
import { emptyViewMemory, type Lookout, type MeshView, viewMesh } from '../../mesh/view.ts';
import { type SecretFacts, toSecretFacts } from '../../plan/secret-facts.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import { type KubeObject, type ObjectReference, objectKey } from '../../runtime/object.ts';

const deadlineMs = 60_000;

/**
 * Makes the view. Rejects when the API server does not answer. What the caller may not read counts as unknown, as for the
 * operator. Only the operator knows since when the mesh configuration is as it is, so here it counts as followed.
 */
export async function viewLive(api: ApiServer, mesh: ResolvedMesh): Promise<MeshView> {
	const signal = AbortSignal.timeout(deadlineMs);
	const line = lines.of(mesh);
	const [children, installation] = await Promise.all([readChildren(api, mesh), readStored(api, mesh.name)]);
	const live = {
		get: (key: string) => children.get(key),
		ofKind: ({ kind }: Kind) => [...children.values()].filter((child) => child.kind === kind),
	};
	const primaries = primariesHere(mesh, ownRecordsIn(mesh, live.ofKind(kinds.Secret)));
	const seen = { seen: [], before: installation?.status?.clusters ?? [] };
	const subject = {
		line,
		mesh,
		joined: joinedFacts(lines, mesh, live, seen, Date.now()).facts,
		render: (facts: object) => [
			...lines.renderCrds(mesh),
			...lines.render(mesh, facts),
			...renderReadersHere(lines, mesh, primaries),
		],
	};
	return viewMesh(subject, lookoutOf(api, mesh, children), emptyViewMemory(), { nowMs: Date.now(), signal });
}

function lookoutOf(api: ApiServer, { name, namespace }: ResolvedMesh, children: ReadonlyMap<string, Child>): Lookout {
	const secrets = new Map<string, SecretFacts | 'unknown'>();
	return {
		child: (key) => children.get(key),
		secret: (secret) => secrets.get(secret.name),
		async expectSecrets(names) {
			await Promise.all(
				names.map(async (secret) => {
					const found = await find(api, { ...kinds.Secret, ...secret });
					if (found !== undefined) secrets.set(secret.name, found === 'forbidden' ? 'unknown' : toSecretFacts(found));
				}),
			);
		},
		certificate: (request, known, signal) =>
			servingCertificate(request, {
				api,
				namespace,
				applySet: applySetId(name),
				known,
				nowMs: Date.now(),
				// A new certificate is shown masked, and then forgotten.
				mayIssue: true,
				signal,
			}).catch((error: unknown) => {
				if (isForbidden(error)) return undefined;
				throw error;
			}),
	};
}

/** The children that the operator would have in its caches for this mesh, by `objectKey`. */
async function readChildren(api: ApiServer, mesh: ResolvedMesh): Promise<ReadonlyMap<string, Child>> {
	const { namespace } = mesh;
	const line = lines.of(mesh);
	const { readers, gateway } = line.multiCluster;
	const references: readonly ObjectReference[] = [
		...line.sees(mesh).children,
		...readers.always.map((name) => ({ ...kinds.Deployment, namespace, name })),
		{ ...kinds.Service, namespace, name: gateway.service },
	];
	const found = await Promise.all([
		...references.map(async (reference) => [await find(api, reference)]),
		listRecords(api, namespace),
	]);
	return new Map(
		found
			.flat()
			.filter((object) => object !== undefined && object !== 'forbidden')
			.map((object) => [objectKey(object), toChild(object)]),
	);
}

/** The Secrets of joined clusters. Empty when the caller may not list them. */
async function listRecords(api: ApiServer, namespace: string): Promise<readonly KubeObject[]> {
	const { apiVersion, kind } = kinds.Secret;
	try {
		const options = { namespace, labelSelector: clusterLabel, metadataOnly: true } as const;
		const { items } = await api.list<KubeObject>(kinds.Secret, options);
		return items.map((item) => ({ ...item, apiVersion, kind }));
	} catch (error) {
		if (isForbidden(error) || isNotFound(error)) return [];
		throw error;
	}
}

async function readStored(api: ApiServer, name: string): Promise<StoredInstallation | undefined> {
	const found = await find(api, { ...kinds.MeshInstallation, name });
	return found === undefined || found === 'forbidden' ? undefined : toInstallation(found, () => undefined);
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
