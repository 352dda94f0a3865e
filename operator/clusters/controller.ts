/**
 * Works on joined clusters beside their meshes. Each cluster has a key of its own in a queue of its own, so that a cluster
 * that is slow, hangs or is gone delays neither another one nor a mesh. Runs in every replica. Without the lease it looks
 * at nothing and writes nothing.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ClusterObservation } from '../../api/v1/index.ts';
import type { Child } from '../apply/child.ts';
import { kinds } from '../runtime/kinds.ts';
import { type PassContext, type PassResult, WorkQueue } from '../runtime/queue/work-queue.ts';
import { type AskAtStart, askOnce } from '../runtime/start-waits.ts';
import type { ReflectorChange } from '../runtime/watch/change-handlers.ts';
import type { ClusterNames } from './cluster-objects.ts';
import { type ClusterControllerOptions, makeContext } from './controller-context.ts';
import { type ClusterCell, cellKey, newCell } from './keep/cell.ts';
import type { KeeperContext } from './keep/context.ts';
import { isDefect } from './keep/failure.ts';
import { ClusterKeeper } from './keep/keeper.ts';
import { leave } from './keep/leave.ts';
import { ClusterLink } from './keep/link.ts';
import { areOnlyFigures, publicationNotice } from './keep/news.ts';
import { KubeconfigSecrets } from './kubeconfig/secrets.ts';
import type { PublicationOutcome } from './secret/publication.ts';
import type { ClusterRecord } from './secret/record.ts';
import type { LeftBehind } from './told.ts';
import { WakeLimit } from './wake-limit.ts';
import { entriesOf, entryIn, isSameWish, type MeshOfClusters, type WantedMesh } from './wanted-mesh.ts';

/** More clusters than can hang at a time in practice: a pass over one that hangs ends after its deadlines. */
const defaultConcurrency = 64;
/** Ends a pass that hangs. */
const passTimeoutMs = 60_000;
/** At the end passes get this long: each may be broken off anywhere, and one that hangs must not keep the lease. */
const stopMs = 2_000;
/** News of many clusters are told together: this long after the first, and longer the more there are. */
const tellAfterMs = 20;
const tellPerClusterMs = 5;
/** News from a cluster wake its own pass this often, and its mesh this often. What comes beyond that is folded. */
const eventLimit = { burst: 10, refillMs: 500 };
const newsLimit = { burst: 20, refillMs: 3_000 };
/** Figures wait longer: after a start the latencies of all clusters move, one after the other. */
const tellFiguresAfterMs = 60_000;

export class ClusterController {
	readonly queue: WorkQueue<string>;
	readonly #options: ClusterControllerOptions;
	readonly #context: KeeperContext;
	readonly #link: ClusterLink;
	readonly #keeper: ClusterKeeper;
	readonly #kubeconfigs: KubeconfigSecrets;
	readonly #cells = new Map<string, ClusterCell>();
	readonly #meshes = new Map<string, WantedMesh>();
	readonly #eventLimit = new WakeLimit(eventLimit);
	readonly #newsLimit = new WakeLimit(newsLimit);
	#localId = '';

	constructor(options: ClusterControllerOptions) {
		this.#options = options;
		const { api, log } = options;
		this.#kubeconfigs = new KubeconfigSecrets(api, {
			onChange: ({ namespace, name }, interested) => {
				for (const key of interested) this.#wake(key, `Secret ${namespace}/${name}`);
			},
			onError: (error) => log.warn({ err: error }, 'a watch of kubeconfig Secrets is disturbed'),
		});
		this.#context = makeContext(options, {
			localId: () => this.#localId,
			kubeconfigs: this.#kubeconfigs,
			cellsOf: (mesh) => [...this.#cells.values()].filter((cell) => cell.mesh === mesh),
			wake: (key, reason) => this.#wake(key, reason, this.#eventLimit.delayMs(key, options.now())),
			wakeMesh: (mesh, reason) => this.#wakeMesh(mesh, reason),
			observed: (cell, mesh, observation) => this.#observed(cell, mesh, observation),
			onPublished: (mesh, cluster, outcome) => this.#published(mesh, cluster, outcome),
		});
		this.#link = new ClusterLink(this.#context);
		this.#keeper = new ClusterKeeper(this.#context, this.#link);
		this.queue = new WorkQueue<string>({
			worker: (key, context) => this.#pass(key, context),
			concurrency: options.concurrency ?? defaultConcurrency,
			reconcileTimeoutMs: passTimeoutMs,
			...(options.queueHooks === undefined ? {} : { hooks: options.queueHooks }),
		});
	}

	/** Learns the identity of this cluster. Nothing elsewhere is looked at before `lead`. */
	async start(ask: AskAtStart = askOnce): Promise<void> {
		const { apiVersion, kind } = kinds.Namespace;
		const name = 'kube-system';
		const header = await ask(`Namespace ${name}`, (signal) =>
			this.#options.api.getMetadata({ apiVersion, kind, name }, { signal }),
		);
		this.#localId = header.metadata.uid ?? '';
	}

	lead(): void {
		this.queue.start();
	}

	/** As `MeshController.stop`. */
	async stop(deadlineMs: number): Promise<boolean> {
		const { unfinished } = await this.queue.stop({ deadlineMs: Math.min(deadlineMs, stopMs) });
		this.#kubeconfigs.stop();
		await Promise.all([...this.#cells.values()].map((cell) => cell.connection?.close()));
		this.#cells.clear();
		return unfinished.length === 0;
	}

	/** UID of `kube-system` of this cluster. */
	get localId(): string {
		return this.#localId;
	}

	/** The names by which other clusters know this one. */
	namesOf(mesh: Pick<MeshOfClusters, 'name' | 'clusterName'>): ClusterNames {
		return this.#context.namesOf(mesh);
	}

	/** Sets what a mesh wants of its clusters from now on. Changes are worked on at once. */
	setWanted(mesh: WantedMesh): void {
		const before = this.#meshes.get(mesh.name);
		this.#meshes.set(mesh.name, mesh);
		const entries = new Map(entriesOf(mesh).map((entry) => [entry.name, entry]));
		const records = new Map(this.#context.recordsOf(mesh).map((record) => [record.cluster, record]));
		for (const name of new Set([...entries.keys(), ...records.keys()])) {
			const key = cellKey(mesh.name, name);
			const isNew = !this.#cells.has(key);
			if (isNew) this.#cells.set(key, newCell(mesh.name, name));
			// A cluster that leaves is cleaned with the kubeconfig by which it joined.
			const secret = (entries.get(name) ?? records.get(name))?.kubeconfig;
			const reader = { mesh: mesh.name, namespace: mesh.namespace };
			this.#kubeconfigs.setInterest(key, secret === undefined ? undefined : { name: secret, reader });
			if (isNew) this.#wake(key, 'listed');
		}
		if (before !== undefined && !isSameWish(before, mesh)) {
			for (const cell of this.#context.cellsOf(mesh.name)) this.#wake(cell.key, `MeshInstallation ${mesh.name}`);
		}
	}

	/** Forgets a mesh that is gone. */
	forget(mesh: string): void {
		if (!this.#meshes.delete(mesh)) return;
		for (const cell of this.#context.cellsOf(mesh)) this.#drop(cell);
	}

	/** The records that a mesh keeps itself. */
	recordsOf(mesh: Pick<MeshOfClusters, 'name' | 'namespace'>): readonly ClusterRecord[] {
		return this.#context.recordsOf(mesh);
	}

	/** The observations of a mesh's clusters, by name. */
	observationsOf(mesh: string): readonly ClusterObservation[] {
		return this.#context.cellsOf(mesh).flatMap(({ observation }) => observation ?? []);
	}

	/** Clusters that were given up by this process. */
	leftBehindOf(mesh: string): readonly LeftBehind[] {
		return this.#context.cellsOf(mesh).flatMap(({ leftBehind }) => leftBehind ?? []);
	}

	/** Handles a change of a Secret that represents a cluster. */
	secretChanged({ current, old }: ReflectorChange<Child>): void {
		for (const child of [old, current]) {
			if (child?.clusterRecord === undefined || child.instance === undefined) continue;
			const { cluster } = child.clusterRecord;
			this.#wake(cellKey(child.instance, cluster), `Secret of cluster ${cluster}`);
		}
	}

	/**
	 * Looks at everything again, to catch what was missed: at each cluster at its own time within `withinMs`, because
	 * hundreds at once would be a storm.
	 */
	relist(withinMs: number): void {
		this.#kubeconfigs.relist();
		const { now, random } = this.#options;
		for (const cell of this.#cells.values())
			if (!Number.isFinite(cell.relistAt)) cell.relistAt = now() + withinMs * random();
	}

	async #pass(key: string, context: PassContext): Promise<PassResult> {
		const cell = this.#cells.get(key);
		const mesh = cell === undefined ? undefined : this.#meshes.get(cell.mesh);
		if (cell === undefined || mesh === undefined) return {};
		const { log } = this.#options;
		const about = { meshInstallation: cell.mesh, cluster: cell.cluster };
		log.debug({ ...about, reasons: context.reasons }, 'pass over a cluster');
		try {
			return await this.#lookAt(cell, mesh, context);
		} catch (error) {
			const level = isDefect(error) && !context.signal.aborted ? 'error' : 'warn';
			log[level]({ err: error, ...about, attempt: context.attempt }, 'pass over a cluster failed');
			throw error;
		} finally {
			// The cell was dropped while its connection was made.
			if (this.#cells.get(key) !== cell) this.#disconnect(cell);
		}
	}

	async #lookAt(cell: ClusterCell, mesh: WantedMesh, { signal }: PassContext): Promise<PassResult> {
		if (this.#options.now() >= cell.relistAt) {
			cell.relistAt = Number.POSITIVE_INFINITY;
			cell.connection?.relist();
		}
		const record = this.#context.recordOf(mesh, cell.cluster);
		const names = this.namesOf(mesh);
		// A cluster that has begun to leave leaves, even when it is listed again meanwhile.
		if (mesh.kind === 'keeping' && record?.state !== 'Leaving') {
			const entry = entryIn(mesh, cell.cluster);
			if (entry !== undefined) return this.#keeper.keep({ cell, mesh, entry, record, names, signal });
		}
		if (record !== undefined) return leave(this.#context, this.#link, { cell, mesh, record, names, signal });
		this.#drop(cell);
		return {};
	}

	#observed(cell: ClusterCell, mesh: WantedMesh, observation: ClusterObservation | undefined): void {
		// The cell was forgotten while a pass went on.
		if (this.#cells.get(cell.key) !== cell) return;
		if (observation === undefined) {
			// The cluster has left. If it is listed again meanwhile, it begins as a new one.
			this.#drop(cell);
			if (entryIn(mesh, cell.cluster) !== undefined) {
				this.#cells.set(cell.key, newCell(mesh.name, cell.cluster));
				this.#wake(cell.key, 'listed again');
			}
			this.#wakeMesh(mesh.name, `cluster ${cell.cluster} has left`);
			this.#wakeOthers(cell, mesh, `cluster ${cell.cluster} has left`);
			return;
		}
		this.#options.onObserved(mesh.name, cell.cluster, cell, observation);
		if (isDeepStrictEqual(cell.observation, observation)) return;
		const { observation: before } = cell;
		const isJoinedNow = observation.state !== before?.state;
		cell.observation = observation;
		if (before !== undefined && areOnlyFigures(before, observation))
			this.#options.wakeMesh(mesh.name, `figures of cluster ${cell.cluster}`, tellFiguresAfterMs);
		else this.#wakeMesh(mesh.name, `cluster ${cell.cluster}`, this.#newsLimit.delayMs(cell.key, this.#options.now()));
		if (isJoinedNow) this.#wakeOthers(cell, mesh, `cluster ${cell.cluster} is ${observation.state}`);
	}

	/** Wakes primaries, which are told about the cluster, and clusters that were compared with it and refused. */
	#wakeOthers(cell: ClusterCell, mesh: WantedMesh, reason: string): void {
		for (const other of this.#context.cellsOf(mesh.name)) {
			const isPrimary = entryIn(mesh, other.cluster)?.role === 'Primary';
			if (other !== cell && (isPrimary || (other.problems?.length ?? 0) > 0)) this.#wake(other.key, reason);
		}
	}

	#published(mesh: MeshOfClusters, cluster: string, outcome: PublicationOutcome): void {
		if (outcome === 'unchanged') return;
		if (outcome === 'rotated') {
			this.#options.onRotated(mesh.name, cluster);
			// Clusters that are nearly due renew too, so that pods are replaced once for all of them.
			for (const other of this.#context.cellsOf(mesh.name))
				if (other.cluster !== cluster) this.#wake(other.key, `token of cluster ${cluster} renewed`);
		}
		this.#options.onNotice(mesh.name, publicationNotice(cluster, outcome));
	}

	#drop(cell: ClusterCell): void {
		this.#cells.delete(cell.key);
		this.#eventLimit.forget(cell.key);
		this.#newsLimit.forget(cell.key);
		this.#options.onObserved(cell.mesh, cell.cluster, cell, undefined);
		this.#kubeconfigs.setInterest(cell.key, undefined);
		this.#disconnect(cell);
	}

	#disconnect(cell: ClusterCell): void {
		cell.connection?.close().catch((error: unknown) => this.#options.log.debug({ err: error }, 'closing a connection'));
		cell.connection = undefined;
	}

	#wake(key: string, reason: string, afterMs = 0): void {
		if (this.#cells.has(key)) this.queue.add(key, { reason, afterMs });
	}

	#wakeMesh(mesh: string, reason: string, afterMs = 0): void {
		const wanted = this.#meshes.get(mesh);
		const count = wanted === undefined ? 0 : entriesOf(wanted).length;
		this.#options.wakeMesh(mesh, reason, Math.max(afterMs, tellAfterMs + tellPerClusterMs * count));
	}
}
