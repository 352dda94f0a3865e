/**
 * Connects meshes with their joined clusters. It says what a mesh wants of each cluster, and turns what is known about them
 * into facts for rendering the mesh and into its status.
 */
import { isDeepStrictEqual } from 'node:util';
import {
	type ClusterObservation,
	clusterNameOf,
	deletionOf,
	namespaceOf,
	type ParsedStatus,
} from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import { type AuthorityWish, authoritySetId } from '../../clusters/authority.ts';
import type { ClusterObjects } from '../../clusters/cluster-objects.ts';
import type { ClusterController } from '../../clusters/controller.ts';
import type { ClusterRecord } from '../../clusters/secret/record.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { readerServiceAccount } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { CertificateAuthorityObservation } from '../../status/certificate-authority.ts';
import type { ClustersObservation, NetworkProblem } from '../../status/clusters.ts';
import type { MeshAuthorities } from '../authority/mesh-authorities.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PreparedMesh } from '../prepare.ts';
import type { JoinedProxies } from '../proxies/joined-proxies.ts';
import { clusterObjects, releaseNamespacesThere } from './cluster-objects.ts';
import { ControlPlaneEndpoints } from './control-plane-endpoints.ts';
import { inTurn, type Turn } from './in-turn.ts';
import { joinedFacts } from './joined-facts.ts';
import { networkProblems } from './network-entries.ts';
import { controlPlaneGateway } from './network-gateways.ts';
import { primariesHere, renderReadersHere } from './readers.ts';
import { isFollowed, type LiveHere, rolledOutAt } from './remote-secrets.ts';
import { ownerOf, wantedMesh } from './wanted-mesh.ts';

export interface JoinedClustersOptions {
	readonly api: ApiServer;
	readonly lines: Lines;
	readonly live: LiveHere;
	readonly controller: ClusterController;
	readonly proxies: Pick<JoinedProxies, 'look'>;
	readonly authorities: Pick<MeshAuthorities, 'keep' | 'toldOf' | 'forget'>;
	/** Called when something changed in this namespace that a mesh's clusters depend on. */
	readonly wakeNamespace: (namespace: string) => void;
	readonly onError: (error: unknown) => void;
	readonly wallClock: () => number;
}

export class JoinedClusters {
	readonly #options: JoinedClustersOptions;
	readonly #endpoints: ControlPlaneEndpoints;
	/** The last wish of each mesh. It stays the same object while nothing differs. */
	readonly #bases = new Map<
		string,
		{ readonly mesh: ResolvedMesh; readonly former?: ResolvedMesh; readonly text: string }
	>();
	readonly #objects = new WeakMap<object, ClusterObjects>();
	readonly #readers = new WeakMap<
		ResolvedMesh,
		{ readonly primaries: readonly string[]; readonly objects: readonly KubeObject[] }
	>();

	constructor(options: JoinedClustersOptions) {
		this.#options = options;
		const { api, lines, wakeNamespace, onError } = options;
		const services = lines.controlPlaneServices;
		this.#endpoints = new ControlPlaneEndpoints({ api, services, onChange: wakeNamespace, onError });
	}

	/**
	 * Sets what this mesh wants of its clusters. Rejects with TransientError when the addresses of Pilot can't be read.
	 * @param turn while the version changes: which clusters have the data plane of `mesh` already
	 */
	async want(
		object: StoredInstallation,
		{ mesh, paused }: Pick<PreparedMesh, 'mesh' | 'paused'>,
		signal: AbortSignal,
		turn?: Turn,
	): Promise<void> {
		const { controller, lines, proxies, wallClock } = this.#options;
		const { clusters } = mesh.multiCluster;
		const authority = await this.#issue(object, mesh, paused, signal);
		if (clusters.length === 0 && controller.recordsOf(mesh).length === 0) {
			this.#leave(mesh.name);
			return;
		}
		const needsAddresses = clusters.some(({ dataPlane }) => dataPlane?.controlPlaneAddresses.length === 0);
		if (needsAddresses) await this.#endpoints.synced(signal);
		const { services } = lines.of(mesh).multiCluster.dataPlane;
		const addresses = needsAddresses ? this.#endpoints.of(mesh.namespace, services) : {};
		const gateway = controlPlaneGateway(mesh, lines.of(mesh).multiCluster, this.#options.live);
		const basis = this.#basisOf(mesh, { addresses, gateway }, turn);
		let objects = this.#objects.get(basis);
		if (objects === undefined) {
			const options = { lines, addresses, gateway, proxies, wallClock };
			const next = clusterObjects(mesh, options);
			objects = turn === undefined ? next : inTurn(next, clusterObjects(turn.former, options), turn);
			this.#objects.set(basis, objects);
		}
		controller.setWanted(wantedMesh(object, mesh, { lines, paused, authority, objects, basis }));
	}

	/**
	 * Lets all clusters of an installation leave that is being deleted. Reads it without trust, because an invalid one can
	 * leave too. Returns the names of those that are still there.
	 */
	leaveAll(object: StoredInstallation): readonly string[] {
		const { name } = object.metadata;
		const namespace = namespaceOf(object);
		const clusterName = clusterNameOf(object);
		const records = this.#recordsOf(name, namespace);
		if (records.length === 0) {
			// Nothing was begun anywhere. Nothing may begin any more while the rest is deleted here.
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
				release: (there, signal) => releaseNamespacesThere({ name, namespace }, there, signal),
			},
		});
		return records.map(({ cluster }) => cluster);
	}

	/** The Secrets that represent clusters of an installation, and its authority, which is given up with all that it made. */
	recordChildren({ metadata: { name } }: StoredInstallation): readonly Child[] {
		return [...this.#options.live.ofKind(kinds.Secret)].filter(
			({ clusterRecord, instance, partOf }) =>
				(clusterRecord !== undefined && instance === name) || partOf === authoritySetId(name),
		);
	}

	/** Forgets the clusters of a mesh that is gone, or has none. */
	forget(mesh: string): void {
		this.#leave(mesh);
		this.#options.authorities.forget(mesh);
	}

	#leave(mesh: string): void {
		this.#options.controller.forget(mesh);
		this.#bases.delete(mesh);
	}

	stop(): void {
		this.#endpoints.stop();
	}

	/** The facts that joined clusters add to rendering the mesh. */
	factsOf({ status }: StoredInstallation, mesh: ResolvedMesh): ReturnType<typeof joinedFacts> {
		const { live, lines, wallClock, controller } = this.#options;
		const seen = { seen: controller.observationsOf(mesh.name), before: status?.clusters ?? [] };
		return joinedFacts(lines, mesh, live, seen, wallClock());
	}

	/** Whether the pods that read the Secrets of clusters were made for the present ones. */
	isFollowed(namespace: string): boolean {
		const { lines, live } = this.#options;
		return isFollowed(lines, namespace, live);
	}

	/** When the pods that read the Secrets of clusters were last replaced for changed ones. */
	rolledOutAt(namespace: string): number | undefined {
		const { lines, live } = this.#options;
		return rolledOutAt(lines, namespace, live);
	}

	/** The records that a mesh keeps itself, when its Secrets are seen. */
	recordsOf(mesh: ResolvedMesh): readonly ClusterRecord[] {
		return this.#options.controller.recordsOf(mesh);
	}

	/** Names of the clusters whose proxies ask this mesh. One that leaves is not among them, and no primary is. */
	remotesOf(object: StoredInstallation): readonly string[] {
		return this.#recordsOf(object.metadata.name, namespaceOf(object)).flatMap(({ cluster, role, state }) =>
			role === 'Primary' || state === 'Leaving' ? [] : [cluster],
		);
	}

	/** Accounts by which primaries read this cluster. The same list while nothing differs. */
	readersHere(mesh: ResolvedMesh): readonly KubeObject[] {
		const { controller, lines } = this.#options;
		const primaries = primariesHere(mesh, controller.recordsOf(mesh));
		const known = this.#readers.get(mesh);
		if (known !== undefined && isDeepStrictEqual(known.primaries, primaries)) return known.objects;
		const objects = renderReadersHere(lines, mesh, primaries);
		this.#readers.set(mesh, { primaries, objects });
		return objects;
	}

	/** What was seen of a mesh's clusters. */
	observationsOf(mesh: string): readonly ClusterObservation[] {
		return this.#options.controller.observationsOf(mesh);
	}

	/** What is seen of the authority of a mesh, with how the operator issues it. */
	authorityOf(
		mesh: ResolvedMesh,
		seen: CertificateAuthorityObservation | 'none',
	): CertificateAuthorityObservation | 'none' {
		const issuing = this.#options.authorities.toldOf(mesh.name);
		return seen === 'none' || issuing === undefined ? seen : { ...seen, source: 'Issued', issuing };
	}

	/** The observation for the status. Undefined when the mesh has, and had, nothing to do with other clusters. */
	observationOf(object: StoredInstallation, mesh: ResolvedMesh): ClustersObservation | undefined {
		const { status } = object;
		const { controller } = this.#options;
		const listed = mesh.multiCluster.clusters.map(({ name, role }) => ({ name, role }));
		const records = controller.recordsOf(mesh);
		const { clusters, leftBehind }: ParsedStatus = status ?? {};
		const isConcerned = listed.length > 0 || records.length > 0 || clusters !== undefined || leftBehind !== undefined;
		if (!isConcerned) return undefined;
		return {
			listed,
			seen: controller.observationsOf(mesh.name),
			leaving: records.map(({ cluster }) => cluster).filter((cluster) => !listed.some((one) => one.name === cluster)),
			networks: this.#networkProblems(object, mesh),
			leftBehind: controller
				.leftBehindOf(mesh.name)
				.map(({ objects, ...rest }) => ({ ...rest, objects: [...objects] })),
		};
	}

	/** Keeps the authority here. Returns what clusters with a control plane of their own are to have. */
	async #issue(
		object: StoredInstallation,
		mesh: ResolvedMesh,
		paused: boolean,
		signal: AbortSignal,
	): Promise<AuthorityWish | undefined> {
		const { authorities, controller, lines } = this.#options;
		const wanted = lines.of(mesh).issues?.(mesh);
		if (wanted === undefined) {
			authorities.forget(mesh.name);
			return undefined;
		}
		const cluster = controller.namesOf({ name: mesh.name, ...mesh.multiCluster }).readBy;
		const records = controller.recordsOf(mesh);
		return authorities.keep(mesh, wanted, { owner: ownerOf(object), cluster, paused, records, signal });
	}

	#networkProblems({ status }: StoredInstallation, mesh: ResolvedMesh): readonly NetworkProblem[] {
		const { live, lines, controller } = this.#options;
		const seen = { seen: controller.observationsOf(mesh.name), before: status?.clusters ?? [] };
		return networkProblems(mesh, lines.of(mesh).multiCluster, live, seen);
	}

	/** The mesh's own records, not those that another primary keeps here. */
	#recordsOf(name: string, namespace: string): readonly ClusterRecord[] {
		return this.#options.controller.recordsOf({ name, namespace });
	}

	#basisOf(mesh: ResolvedMesh, ways: object, turn: Turn | undefined): object {
		const text = JSON.stringify([ways, turn?.clusters]);
		const known = this.#bases.get(mesh.name);
		if (known?.mesh === mesh && known.former === turn?.former && known.text === text) return known;
		const basis = { mesh, text, ...(turn === undefined ? {} : { former: turn.former }) };
		this.#bases.set(mesh.name, basis);
		return basis;
	}
}
