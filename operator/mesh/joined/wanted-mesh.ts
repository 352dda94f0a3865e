/** Turns a mesh into what is wanted of its clusters. Pure. */
import { definedFields, type ParsedStatus } from '../../../api/v1/index.ts';
import type { Owner } from '../../apply/identity.ts';
import type { AuthorityWish } from '../../clusters/authority.ts';
import { defaultTrustDomain } from '../../clusters/checks/gather-mesh.ts';
import type { ClusterObjects } from '../../clusters/cluster-objects.ts';
import type { KeepingMesh, StatusBefore } from '../../clusters/wanted-mesh.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { StoredInstallation } from '../installation.ts';

export interface WantedMeshOptions {
	readonly lines: Lines;
	readonly paused: boolean;
	readonly authority?: AuthorityWish | undefined;
	readonly objects: ClusterObjects;
	/** Changes (by identity) with everything that `objects` depends on. */
	readonly basis: unknown;
}

export function wantedMesh(
	object: StoredInstallation,
	mesh: ResolvedMesh,
	{ lines, paused, authority, objects, basis }: WantedMeshOptions,
): KeepingMesh {
	const { clusters = [], leftBehind = [] }: ParsedStatus = object.status ?? {};
	const { multiCluster } = lines.of(mesh);
	return {
		kind: 'keeping',
		...mesh.multiCluster,
		name: mesh.name,
		namespace: mesh.namespace,
		owner: ownerOf(object),
		trustDomain: mesh.trustDomain ?? defaultTrustDomain,
		release: { version: mesh.release.version, hasNetworks: multiCluster.knowsNetworks(mesh) },
		followsSecrets: multiCluster.readsSecretsAgain(mesh.release),
		paused,
		...(authority === undefined ? {} : { authority }),
		before: new Map(clusters.map((cluster) => [cluster.name, statusBefore(cluster)])),
		leftBehind: new Set(leftBehind.map(({ cluster }) => cluster)),
		objects,
		basis,
	};
}

export function ownerOf({ apiVersion, kind, metadata: { name, uid = '' } }: StoredInstallation): Owner {
	return { apiVersion, kind, name, uid };
}

function statusBefore({
	secret,
	podCIDRs,
	serviceCIDRs,
	latency,
	reachable,
	inventory,
}: NonNullable<ParsedStatus['clusters']>[number]): StatusBefore {
	return definedFields({ secret, podCIDRs, serviceCIDRs, latency, reachable, inventoryHash: inventory?.hash });
}
