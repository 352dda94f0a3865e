/**
 * Between meshes and their joined clusters: says what a mesh wants of each cluster, and from what is known of them the facts
 * that the mesh is rendered with and its status.
 */
import { clusterNameOf, deletionOf, namespaceOf, type ParsedStatus } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { ClusterObjects } from '../../clusters/cluster-objects.ts';
import type { ClusterController } from '../../clusters/controller.ts';
import type { ClusterRecord } from '../../clusters/keep/record.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { type ClusterFacts, type ControlPlaneAddresses, readerServiceAccount } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { ClustersObservation } from '../../status/clusters.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PreparedMesh } from '../prepare.ts';
import { clusterObjects, releaseNamespacesThere } from './cluster-objects.ts';
import { ControlPlaneEndpoints } from './control-plane-endpoints.ts';
import { networkGateways } from './network-gateways.ts';
import { keptReaders, renderReadersHere } from './readers.ts';
import { isFollowed, type LiveHere, remoteSecretsFor } from './remote-secrets.ts';
import { ownerOf, wantedMesh } from './wanted-mesh.ts';

/** While pods wait for other clusters to be renewed too, the mesh is looked at again after this time. */
const unsettledRecheckMs = 1_000;

const noAddresses: ControlPlaneAddresses = { pilot: [], policy: [], telemetry: [] };

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
	async want(
		object: StoredInstallation,
		{ mesh, paused }: Pick<PreparedMesh, 'mesh' | 'paused'>,
		signal: AbortSignal,
	): Promise<void> {
		const { controller, wallClock } = this.#options;
		const { clusters } = mesh.multiCluster;
		if (clusters.length === 0 && controller.recordsOf(mesh).length === 0) {
			this.forget(mesh.name);
			return;
		}
		const needsAddresses = clusters.some(({ dataPlane }) => dataPlane?.controlPlaneAddresses.length === 0);
		if (needsAddresses) await this.#endpoints.synced(signal);
		const addresses = needsAddresses ? this.#endpoints.of(mesh.namespace) : noAddresses;
		const basis = this.#basisOf(mesh, addresses);
		let objects = this.#objects.get(basis);
		if (objects === undefined) {
			objects = clusterObjects(mesh, { addresses, wallClock });
			this.#objects.set(basis, objects);
		}
		controller.setWanted(wantedMesh(object, mesh, { paused, objects, basis }));
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
			kind: 'leaving',
			name,
			namespace,
			owner: ownerOf(object),
			...(clusterName === undefined ? {} : { clusterName }),
			leaveTimeoutMs: timeoutMs,
			isForced: force,
			objects: {
				readerAccount: readerServiceAccount,
				release: (there, signal) => releaseNamespacesThere(name, there, signal),
			},
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
		{ status }: StoredInstallation,
		mesh: ResolvedMesh,
	): {
		readonly facts: Pick<ClusterFacts, 'remoteSecrets' | 'networkGateways'>;
		readonly againInMs: number | undefined;
	} {
		const { live, wallClock, controller } = this.#options;
		const { remoteSecrets, isSettled } = remoteSecretsFor(mesh, live, wallClock());
		const { clusters: before = [] } = (status ?? {}) as ParsedStatus;
		const gateways = networkGateways(mesh, live, { seen: controller.observationsOf(mesh.name), before });
		return {
			facts: {
				...(remoteSecrets === undefined ? {} : { remoteSecrets }),
				...(gateways === undefined ? {} : { networkGateways: gateways }),
			},
			againInMs: isSettled ? undefined : unsettledRecheckMs,
		};
	}

	/** Whether pods that read the Secrets of clusters are those of the Secrets as they are. */
	isFollowed(namespace: string): boolean {
		return isFollowed(namespace, this.#options.live);
	}

	/** Accounts by which primaries read this cluster. The same objects for the same mesh. */
	readersHere(mesh: ResolvedMesh): readonly KubeObject[] {
		const known = this.#readers.get(mesh) ?? renderReadersHere(mesh);
		this.#readers.set(mesh, known);
		return known;
	}

	/** Why accounts of primaries that are leaving stay, by their keys. */
	keptReaders(mesh: ResolvedMesh): ReadonlyMap<string, string> {
		return keptReaders(mesh, this.#options.controller.recordsOf(mesh));
	}

	/** For the status. Undefined where the mesh has, and had, nothing to do with other clusters. */
	observationOf({ status }: StoredInstallation, mesh: ResolvedMesh): ClustersObservation | undefined {
		const { controller } = this.#options;
		const listed = mesh.multiCluster.clusters.map(({ name, role }) => ({ name, role }));
		const records = controller.recordsOf(mesh);
		const { clusters, leftBehind } = (status ?? {}) as ParsedStatus;
		const isConcerned = listed.length > 0 || records.length > 0 || clusters !== undefined || leftBehind !== undefined;
		if (!isConcerned) return undefined;
		return {
			listed,
			seen: controller.observationsOf(mesh.name),
			leaving: records.map(({ cluster }) => cluster).filter((cluster) => !listed.some((one) => one.name === cluster)),
			leftBehind: controller
				.leftBehindOf(mesh.name)
				.map(({ objects, ...rest }) => ({ ...rest, objects: [...objects] })),
		};
	}

	/** Its own, not those that another primary keeps here. */
	#recordsOf(name: string, namespace: string): readonly ClusterRecord[] {
		return this.#options.controller.recordsOf({ name, namespace });
	}

	#basisOf(mesh: ResolvedMesh, addresses: ControlPlaneAddresses): object {
		const text = JSON.stringify(addresses);
		const known = this.#bases.get(mesh.name);
		if (known?.mesh === mesh && known.addresses === text) return known;
		const basis = { mesh, addresses: text };
		this.#bases.set(mesh.name, basis);
		return basis;
	}
}
