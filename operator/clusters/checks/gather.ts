/** Gathers facts of a cluster: before anything is written in it, and again from time to time while it is joined. */

import type { ApiServer } from '../../runtime/client/api-server.ts';
import { InvalidError } from '../../runtime/errors.ts';
import { collectionPath, type Kind, kinds } from '../../runtime/kinds.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { mergeBlocks } from './cidrs.ts';
import { countOf, isUid, versionText } from './foreign.ts';
import { type Blocks, podBlocks, serviceBlocks } from './gather-addresses.ts';
import { gatherMesh, type MeshThere } from './gather-mesh.ts';
import { type Known, known, optional, unknown } from './known.ts';

export interface GatherOptions {
	/** Namespace of the mesh that the cluster joins. */
	readonly namespace: string;
	/** Blocks that the user has written. They are not discovered. */
	readonly podCIDRs?: readonly string[] | undefined;
	readonly serviceCIDRs?: readonly string[] | undefined;
	/** Secret with the certificate authority there, when no MeshInstallation there names one. */
	readonly caSecretName?: string | undefined;
}

export interface ClusterFactsSeen {
	/** UID of the namespace kube-system, which tells clusters apart. */
	readonly id: string;
	/** The API server's version: `v1.36.3`. */
	readonly serverVersion: string;
	/** How long the API server took to tell its version over an open connection. */
	readonly latencyMs: number;
	readonly podCIDRs: Blocks;
	readonly serviceCIDRs: Blocks;
	readonly mesh: MeshThere;
	/** A rough number, to two digits. */
	readonly services: Known<number>;
	readonly endpoints: Known<number>;
}

/**
 * Reads what a join needs to know. Changes nothing: the one POST is a dry run.
 *
 * Rejects when the cluster as a whole can't be judged: TransientError (no answer, or 5xx to one of the two calls that
 * everything depends on), RequestError (401; 403 or 404 to one of these two calls), the signal's reason. Everything else is
 * a value, with the reason when it is not known.
 */
export async function gatherFacts(
	api: ApiServer,
	{ namespace, podCIDRs, serviceCIDRs, caSecretName }: GatherOptions,
	signal?: AbortSignal,
): Promise<ClusterFactsSeen> {
	// One after the other: the first request opens the connection, so that the second measures the answer alone.
	const id = await clusterId(api, signal);
	const started = performance.now();
	// Something that is no API server may answer with nothing.
	const { gitVersion } = (await api.version({ signal })) ?? {};
	const latencyMs = performance.now() - started;
	const [pods, ofServices, mesh, services, endpoints] = await Promise.all([
		written(podCIDRs, 'podCIDRs') ?? podBlocks(api, signal),
		written(serviceCIDRs, 'serviceCIDRs') ?? serviceBlocks(api, namespace, signal),
		gatherMesh(api, namespace, caSecretName, signal),
		count(api, kinds.Service, signal),
		count(api, kinds.Endpoints, signal),
	]);
	return {
		id,
		serverVersion: versionText(gitVersion),
		latencyMs,
		podCIDRs: pods,
		serviceCIDRs: ofServices,
		mesh,
		services,
		endpoints,
	};
}

/** The UID of kube-system. Rejects like `gatherFacts`. */
export async function clusterId(api: ApiServer, signal?: AbortSignal): Promise<string> {
	const { apiVersion, kind } = kinds.Namespace;
	const { metadata } = await api.getMetadata({ apiVersion, kind, name: 'kube-system' }, { signal });
	if (!isUid(metadata?.uid)) {
		throw new InvalidError('Unreachable', `${api.host} answers, but not as a Kubernetes API server does`);
	}
	return metadata.uid;
}

function written(blocks: readonly string[] | undefined, field: string): Blocks | undefined {
	return blocks === undefined || blocks.length === 0 ? undefined : known(mergeBlocks(blocks), field);
}

/** Asks for one object. The API server says how many more there are. */
function count(api: ApiServer, kind: Kind, signal: AbortSignal | undefined): Promise<Known<number>> {
	return optional(`the ${kind.kind === 'Service' ? 'Services' : kind.kind}`, async () => {
		const { body } = await api.request<unknown>({
			method: 'GET',
			path: collectionPath(kind),
			query: { limit: 1 },
			accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
			kind: kind.kind,
			signal,
		});
		// With metadata alone the items of an empty list are null.
		const items = isRecord(body) ? (body.items ?? []) : undefined;
		if (!isRecord(body) || !Array.isArray(items)) {
			return unknown('the answer is no list');
		}
		const { remainingItemCount: more } = isRecord(body.metadata) ? body.metadata : {};
		return known(roundToTwoDigits(countOf(items.length + countOf(more))), 'the API server');
	});
}

/** Rounds 1,234 to 1,200, so that a status changes when something happened and not with each Service. */
export function roundToTwoDigits(value: number): number {
	return Number(value.toPrecision(2));
}
