/**
 * Between meshes and their joined clusters: from a spec to what is wanted of each cluster, and from what is known of them
 * to the facts that the mesh is rendered with and to its status.
 */
import {
	clusterNameOf,
	deletionOf,
	namespaceOf,
	type ParsedSpec,
	type ParsedStatus,
	tryDuration,
} from '../../../api/v1/index.ts';
import { type Child, isRolledOutAndAvailable } from '../../apply/child.ts';
import type { Owner } from '../../apply/identity.ts';
import { defaultTrustDomain } from '../../clusters/checks/gather-mesh.ts';
import type { ClusterController } from '../../clusters/controller.ts';
import { type ClusterRecord, recordsIn, replacedHash } from '../../clusters/keep/record.ts';
import { isSettled, type RotationPolicy } from '../../clusters/keep/rotation.ts';
import type { ClusterObjects } from '../../clusters/types.ts';
import { crossNetworkPort, type ResolvedMesh } from '../../releases/index.ts';
import {
	applySetId,
	type ClusterFacts,
	type ControlPlaneAddresses,
	type NetworkGateway,
	readerServiceAccount,
	renderReader,
} from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { ClustersObservation } from '../../status/clusters.ts';
import { gatewayAddresses } from '../../status/gateway-addresses.ts';
import type { StoredInstallation } from '../installation.ts';
import { wantedCluster, wantsDataPlane } from './cluster-entry.ts';
import { clusterObjects, primaryReader, releaseNamespacesThere } from './cluster-objects.ts';
import { ControlPlaneEndpoints } from './control-plane-endpoints.ts';

type MultiCluster = NonNullable<ParsedSpec['multiCluster']>;

/** 720 h, as the description of `credentials.lifetime` says. */
const defaultTokenLifetimeMs = 720 * 60 * 60_000;
const defaultRenewShare = 0.7;
/** What of a mesh's workloads waits for other clusters is looked at again after so long, milliseconds. */
const unsettledRecheckMs = 1_000;
/** The Service by which others enter a network is found under this port. */
const gatewayName = 'istio-ingressgateway';

/** What is read of the caches here. */
export interface LiveHere {
	get(key: string): Child | undefined;
	ofKind(kind: Kind): Iterable<Child>;
}

export interface JoinedClustersOptions {
	readonly api: ApiServer;
	readonly live: LiveHere;
	readonly controller: ClusterController;
	/** Something that a mesh's clusters depend on moved in this namespace. */
	readonly wakeNamespace: (namespace: string) => void;
	readonly onError: (error: unknown) => void;
	readonly wallClock: () => number;
}

export class JoinedClusters {
	readonly #options: JoinedClustersOptions;
	readonly #endpoints: ControlPlaneEndpoints;
	/** The last wish of each mesh: the same object as long as nothing differs. */
	readonly #bases = new Map<string, { readonly mesh: ResolvedMesh; readonly addresses: string }>();
	readonly #objects = new WeakMap<object, ClusterObjects>();
	readonly #readers = new WeakMap<ResolvedMesh, readonly KubeObject[]>();

	constructor(options: JoinedClustersOptions) {
		this.#options = options;
		this.#endpoints = new ControlPlaneEndpoints(options.api, options.wakeNamespace, options.onError);
	}

	/** Says what this mesh wants of its clusters. Rejects with TransientError where the addresses of Pilot can't be read. */
	async want(object: StoredInstallation, spec: ParsedSpec, mesh: ResolvedMesh, signal: AbortSignal): Promise<void> {
		const { controller, wallClock } = this.#options;
		const { multiCluster = {}, deletion } = spec;
		const { clusters = [] } = multiCluster;
		const { name } = object.metadata;
		if (clusters.length === 0 && this.#recordsOf(name, mesh.namespace).length === 0) {
			this.forget(name);
			return;
		}
		const hasDataPlane = clusters.some(
			(entry) => wantsDataPlane(entry) && !entry.dataPlane?.controlPlaneAddresses?.length,
		);
		if (hasDataPlane) await this.#endpoints.synced(signal);
		const addresses: ControlPlaneAddresses = hasDataPlane
			? this.#endpoints.of(mesh.namespace)
			: { pilot: [], policy: [], telemetry: [] };
		const basis = this.#basisOf(name, mesh, addresses);
		let objects = this.#objects.get(basis);
		if (objects === undefined) {
			objects = clusterObjects(mesh, { addresses, wallClock });
			this.#objects.set(basis, objects);
		}
		const status = object.status as ParsedStatus | undefined;
		controller.setWanted({
			name,
			namespace: mesh.namespace,
			owner: ownerOf(object),
			...given(multiCluster, ['clusterName', 'network', 'podCIDRs', 'serviceCIDRs', 'server']),
			trustDomain: mesh.trustDomain ?? defaultTrustDomain,
			release: { version: mesh.release.version, hasNetworks: mesh.release.mesh.networks },
			followsSecrets: false,
			paused: spec.paused === true,
			tokenLifetimeMs: tryDuration(multiCluster.credentials?.lifetime ?? '') ?? defaultTokenLifetimeMs,
			rotation: policyOf(multiCluster),
			leaveTimeoutMs: tryDuration(deletion?.timeout ?? '') ?? deletionOf(object).timeoutMs,
			isLeaving: false,
			isForced: false,
			clusters: clusters.map(wantedCluster),
			before: new Map(
				(status?.clusters ?? []).map((cluster) => [
					cluster.name,
					{
						...given(cluster, ['secret', 'podCIDRs', 'serviceCIDRs', 'latency', 'reachable']),
						...(cluster.inventory === undefined ? {} : { inventoryHash: cluster.inventory.hash }),
					},
				]),
			),
			leftBehind: new Set((status?.leftBehind ?? []).map(({ cluster }) => cluster)),
			objects,
			basis,
		});
	}

	/**
	 * All clusters of an installation that is being deleted leave. Read without trust: an invalid one can leave as well.
	 * Returns the names of those that are still there.
	 */
	leaveAll(object: StoredInstallation): readonly string[] {
		const { name } = object.metadata;
		const namespace = namespaceOf(object);
		const clusterName = clusterNameOf(object);
		const records = this.#recordsOf(name, namespace);
		if (records.length === 0) {
			// Nothing was begun anywhere, and nothing is to be begun any more, while what is here goes.
			this.forget(name);
			return [];
		}
		const { timeoutMs, force } = deletionOf(object);
		this.#options.controller.setWanted({
			name,
			namespace,
			owner: ownerOf(object),
			...(clusterName === undefined ? {} : { clusterName }),
			trustDomain: '',
			release: { version: '', hasNetworks: false },
			followsSecrets: false,
			paused: false,
			tokenLifetimeMs: 0,
			rotation: { renewShare: 1 },
			leaveTimeoutMs: timeoutMs,
			isLeaving: true,
			isForced: force,
			clusters: [],
			before: new Map(),
			leftBehind: new Set(),
			objects: leavingObjects(name),
			basis: undefined,
		});
		return records.map(({ cluster }) => cluster);
	}

	/** The Secrets that stand for clusters of an installation, which is let go with all that it made. */
	recordChildren({ metadata: { name } }: StoredInstallation): readonly Child[] {
		return [...this.#options.live.ofKind(kinds.Secret)].filter(
			({ clusterRecord, instance }) => clusterRecord !== undefined && instance === name,
		);
	}

	forget(mesh: string): void {
		this.#options.controller.forget(mesh);
		this.#bases.delete(mesh);
	}

	stop(): void {
		this.#endpoints.stop();
	}

	/** What joined clusters add to how the mesh is rendered. `againInMs`: what is not adopted yet is to be looked at again. */
	factsOf(
		object: StoredInstallation,
		{ multiCluster = {} }: ParsedSpec,
		mesh: ResolvedMesh,
	): {
		readonly facts: Pick<ClusterFacts, 'remoteSecrets' | 'networkGateways'>;
		readonly againInMs: number | undefined;
	} {
		const { live, wallClock } = this.#options;
		const records = recordsIn(mesh.namespace, live.ofKind(kinds.Secret));
		const wanted = replacedHash(records);
		const pilot = live.get(objectKey({ ...kinds.Deployment, namespace: mesh.namespace, name: 'istio-pilot' }));
		const current = pilot?.workload?.remoteSecrets;
		const isReady =
			pilot?.workload === undefined || current === wanted || isSettled(records, policyOf(multiCluster), wallClock());
		const remoteSecrets = isReady ? wanted : current;
		const networkGateways = this.#gatewaysOf(object, multiCluster, mesh);
		return {
			facts: {
				...(remoteSecrets === undefined ? {} : { remoteSecrets }),
				...(networkGateways === undefined ? {} : { networkGateways }),
			},
			againInMs: isReady ? undefined : unsettledRecheckMs,
		};
	}

	/** Whether pods that read the Secrets of clusters are those of the Secrets as they are. */
	isFollowed(namespace: string): boolean {
		const { live } = this.#options;
		const wanted = replacedHash(recordsIn(namespace, live.ofKind(kinds.Secret)));
		return ['istio-pilot', 'istio-policy', 'istio-telemetry'].every((name) => {
			const workload = live.get(objectKey({ ...kinds.Deployment, namespace, name }))?.workload;
			return (
				workload === undefined ||
				// Mixer of a release that does not read them has none.
				((workload.remoteSecrets === wanted || (name !== 'istio-pilot' && workload.remoteSecrets === undefined)) &&
					isRolledOutAndAvailable(workload))
			);
		});
	}

	/** Accounts by which primaries read this cluster: part of the mesh. */
	readersHere({ multiCluster = {} }: ParsedSpec, mesh: ResolvedMesh): readonly KubeObject[] {
		const primaries = (multiCluster.clusters ?? []).filter(({ role }) => role === 'Primary');
		if (primaries.length === 0) return [];
		const known = this.#readers.get(mesh);
		if (known !== undefined) return known;
		const objects = primaries.flatMap(({ name }) =>
			renderReader(mesh, { readBy: primaryReader(name), applySet: applySetId(mesh.name) }).filter(
				({ kind }) => kind !== 'Namespace',
			),
		);
		this.#readers.set(mesh, objects);
		return objects;
	}

	/** Accounts of primaries that are leaving stay until they have left: the Secrets with their tokens go first. */
	keptReaders(
		{ metadata: { name } }: StoredInstallation,
		{ multiCluster = {} }: ParsedSpec,
		mesh: ResolvedMesh,
	): ReadonlyMap<string, string> {
		const primaries = new Set(
			(multiCluster.clusters ?? []).flatMap((entry) => (entry.role === 'Primary' ? [entry.name] : [])),
		);
		const leaving = this.#recordsOf(name, mesh.namespace).filter(
			({ role, cluster }) => role === 'Primary' && !primaries.has(cluster),
		);
		return new Map(
			leaving.flatMap(({ cluster }) =>
				renderReader(mesh, { readBy: primaryReader(cluster), applySet: '' })
					.filter(({ kind }) => kind !== 'Namespace')
					.map((object) => [
						objectKey(object),
						`the account by which cluster ${cluster} reads this one stays until it has left`,
					]),
			),
		);
	}

	/** For the status. Undefined where the mesh has, and had, nothing to do with other clusters. */
	observationOf(object: StoredInstallation, spec: ParsedSpec, namespace: string): ClustersObservation | undefined {
		const { controller } = this.#options;
		const { name } = object.metadata;
		const listed = (spec.multiCluster?.clusters ?? []).map((entry) => ({
			name: entry.name,
			role: entry.role ?? 'Remote',
		}));
		const records = this.#recordsOf(name, namespace);
		const { clusters, leftBehind } = (object.status ?? {}) as ParsedStatus;
		const isConcerned = listed.length > 0 || records.length > 0 || clusters !== undefined || leftBehind !== undefined;
		if (!isConcerned) return undefined;
		return {
			listed,
			seen: controller.observationsOf(name),
			leaving: records.map(({ cluster }) => cluster).filter((cluster) => !listed.some((one) => one.name === cluster)),
			leftBehind: controller.leftBehindOf(name).map(({ objects, ...rest }) => ({ ...rest, objects: [...objects] })),
		};
	}

	/** Its own, not those that another primary keeps here. */
	#recordsOf(mesh: string, namespace: string): readonly ClusterRecord[] {
		return this.#options.controller.recordsOf({ name: mesh, namespace });
	}

	#basisOf(name: string, mesh: ResolvedMesh, addresses: ControlPlaneAddresses): object {
		const text = JSON.stringify(addresses);
		const known = this.#bases.get(name);
		if (known?.mesh === mesh && known.addresses === text) return known;
		const basis = { mesh, addresses: text };
		this.#bases.set(name, basis);
		return basis;
	}

	/** Where networks are entered, as far as it is known; what was said before counts until a cluster was looked at. */
	#gatewaysOf(
		{ status, metadata }: StoredInstallation,
		{ clusters = [], network }: MultiCluster,
		mesh: ResolvedMesh,
	): Readonly<Record<string, readonly NetworkGateway[]>> | undefined {
		if ((mesh.networks ?? []).length === 0) return undefined;
		const seen = this.#options.controller.observationsOf(metadata.name);
		const before = (status as ParsedStatus | undefined)?.clusters ?? [];
		const gateway = this.#options.live.get(
			objectKey({ ...kinds.Service, namespace: mesh.namespace, name: gatewayName }),
		);
		const here = gatewayAddresses(gateway === undefined ? undefined : { ...gateway, ...gateway.service });
		const places = [
			...(network === undefined ? [] : [{ network, addresses: here.addresses ?? [] }]),
			...clusters.flatMap((entry) =>
				entry.network === undefined
					? []
					: [
							{
								network: entry.network,
								addresses:
									seen.find(({ name }) => name === entry.name)?.gateways ??
									before.find(({ name }) => name === entry.name)?.gateways ??
									[],
							},
						],
			),
		];
		const byNetwork = Map.groupBy(places, (place) => place.network);
		const gateways = [...byNetwork].flatMap(([name, all]) => {
			const addresses = [...new Set(all.flatMap((place) => place.addresses))].sort();
			return addresses.length === 0
				? []
				: [[name, addresses.map((address) => ({ address, port: crossNetworkPort }))] as const];
		});
		return gateways.length === 0 ? undefined : Object.fromEntries(gateways);
	}
}

function policyOf({ credentials }: MultiCluster): RotationPolicy {
	return { renewShare: credentials?.renewAt ?? defaultRenewShare };
}

function ownerOf({ apiVersion, kind, metadata: { name, uid = '' } }: StoredInstallation): Owner {
	return { apiVersion, kind, name, uid };
}

function given<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
	return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Pick<T, K>;
}

/** Of a mesh that may be invalid: enough to take away what it made. */
function leavingObjects(mesh: string): ClusterObjects {
	return {
		labelledNamespaces: [],
		readerAccount: readerServiceAccount,
		readerAccountFor: (primary) => readerServiceAccount(primaryReader(primary)),
		problemsOf: () => [],
		samples: () => [],
		inCluster: async () => ({ objects: [] }),
		release: (there, signal) => releaseNamespacesThere(mesh, there, signal),
	};
}
