/**
 * One pass over one joined cluster, in one direction: kubeconfig → connection → probe → checks → record → what is kept
 * there → token → Secret. Decided from what is seen now; whatever ends a pass in between, the next goes on from there.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type ApplyResult, applyInstallation } from '../apply/applier.ts';
import type { Child } from '../apply/child.ts';
import type { ApplyHooks } from '../apply/writer.ts';
import { BlockedError, InvalidError } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { objectKey } from '../runtime/object.ts';
import type { ReflectorChange } from '../runtime/reflector.ts';
import type { PassResult } from '../runtime/work-queue.ts';
import type { ClusterCell } from './cell.ts';
import { blockingProblems } from './checks.ts';
import { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { distribute, distributedKeys, distributedRecords } from './distribute.ts';
import { ClusterFailure, clusterFailure, inCluster } from './failure.ts';
import { failuresUntilDown, recallHealth, stepHealth } from './health.ts';
import { readClusterKubeconfig } from './kubeconfig.ts';
import type { KubeconfigSecret } from './kubeconfig-secrets.ts';
import { observationOf, type PassFindings } from './observe.ts';
import { probe } from './probe.ts';
import type { ClusterProblem } from './problem.ts';
import { claim, keepPublished, takeOver } from './publication.ts';
import { type ClusterRecord, recordOf, recordReference, recordSecret } from './record.ts';
import { nextPassInMs, probeDelayMs, recheckDelayMs } from './schedule.ts';
import { failureContextOf, sourceOf } from './source.ts';
import type { ClusterNames, WantedCluster, WantedMesh } from './types.ts';

/** What a record says may be in a cluster. */
type Marks = Pick<ClusterRecord, 'role' | 'dataPlane'>;

/** A probe that fails faster (milliseconds) is made once more at once. */
const quickMs = 1_000;

/** A failure is told when it comes so often in a row: one that the next try mends is no news. */
const failuresUntilTold = 2;

/** Each answer came in time, and all of them together did not: nobody else would tell of it. */
const tooSlow = new ClusterFailure(
	{
		reason: 'RemoteApplyFailed',
		message: 'work in the cluster did not end within the time of a pass, and begins anew',
	},
	false,
);

export class ClusterKeeper {
	readonly #context: KeeperContext;

	constructor(context: KeeperContext) {
		this.#context = context;
	}

	/** Makes and keeps what an entry asks for. Rejects only when something in this cluster fails. */
	async keep(
		cell: ClusterCell,
		mesh: WantedMesh,
		entry: WantedCluster,
		record: ClusterRecord | undefined,
		signal: AbortSignal,
	): Promise<PassResult> {
		const found: PassFindings = {};
		cell.health = recallHealth(cell.health, mesh.before.get(entry.name));
		try {
			await this.#walk(cell, mesh, entry, record, found, signal);
			cell.failures = 0;
		} catch (error) {
			const failure = isOutOfTime(signal) ? tooSlow : error;
			if (failure !== tooSlow) signal.throwIfAborted();
			if (!(failure instanceof ClusterFailure)) throw failure;
			cell.failures++;
			const problem = failure.isReach ? await this.#judge(cell, failure.problem, signal) : failure.problem;
			if (problem !== undefined && cell.failures >= failuresUntilTold) found.joinProblem ??= problem;
		}
		const { now, wallClock, random } = this.#context;
		const after = this.#context.recordOf(mesh, entry.name);
		this.#context.observed(cell, mesh, observationOf(cell, mesh, entry, after, found, wallClock()));
		const records = [...(after === undefined ? [] : [after]), ...distributedRecords(this.#context, cell, mesh)];
		const inMs = nextPassInMs(cell, records, mesh.rotation, { now: now(), wallClock: wallClock(), random });
		return { requeueAfterMs: Math.min(inMs, found.againInMs ?? inMs) };
	}

	async #walk(
		cell: ClusterCell,
		mesh: WantedMesh,
		entry: WantedCluster,
		record: ClusterRecord | undefined,
		found: PassFindings,
		signal: AbortSignal,
	): Promise<void> {
		// What was asked for before may still be there, and has to be seen to be taken away.
		const kept = {
			kubeconfig: entry.kubeconfig,
			role: record?.role === 'Primary' ? record.role : entry.role,
			dataPlane: entry.dataPlane !== undefined || record?.dataPlane === true,
		};
		const there = await this.connect(cell, mesh, kept, signal);
		if (there === undefined) return;
		await this.#probe(cell, there, signal);
		// One that has just failed to answer is asked nothing else; it is no outage yet.
		if (cell.health.state !== 'up' || cell.health.streak > 0) return;
		const isJoined = record?.state === 'Published';
		let failure: ClusterFailure | undefined;
		let problems: readonly ClusterProblem[];
		try {
			problems = await this.#check(cell, mesh, entry, record, there, signal);
		} catch (error) {
			// That it can't be checked anew changes nothing for one that has joined, while it is the one that was checked.
			const known = cell.checkedBy === cell.connectedBy ? cell.problems : undefined;
			if (!isJoined || known === undefined || !(error instanceof ClusterFailure)) throw error;
			failure = error;
			problems = known;
		}
		if (blockingProblems(problems, { isJoined }).length > 0) {
			found.waiting = 'waiting for the checks to hold; nothing was written';
			return;
		}
		if (mesh.paused) {
			if (!isJoined) found.joinProblem = { reason: 'Paused', message: 'spec.paused is true: nothing is written' };
			return;
		}
		const names = this.#context.namesOf(mesh);
		// Before the first write of its kind in the cluster: what may be left there is remembered from here on.
		if (record?.state === 'Published') {
			if (record.dataPlane !== kept.dataPlane || record.role !== kept.role) {
				await inCluster(failureContextOf(there.access), signal, () => there.synced(signal));
				await this.#publish(cell, mesh, entry, kept, names, there, signal);
			}
		} else {
			await this.#begin(cell, mesh, entry, record, kept, signal);
		}
		let isComplete = false;
		try {
			isComplete = await this.#keepThere(cell, mesh, entry, names, there, found, signal);
		} catch (error) {
			// An object that is refused keeps no cluster out in which the account is: its token is renewed all the same.
			if (!isJoined || !(error instanceof ClusterFailure) || error.isReach) throw error;
			failure ??= error;
		}
		const marks = isComplete ? { role: entry.role, dataPlane: entry.dataPlane !== undefined } : kept;
		await this.#publish(cell, mesh, entry, marks, names, there, signal);
		if (failure !== undefined) throw failure;
		if (entry.role === 'Primary') await distribute(this.#context, cell, mesh, names, there, signal);
	}

	/** The open connection by the kubeconfig as it is now; undefined where there is none that may be used. */
	async connect(
		cell: ClusterCell,
		mesh: WantedMesh,
		entry: Pick<ClusterRecord, 'kubeconfig' | 'role' | 'dataPlane'>,
		signal: AbortSignal,
	): Promise<ClusterConnection | undefined> {
		const { kubeconfigs, settings } = this.#context;
		const { namespace, name, key } = entry.kubeconfig;
		const refuse = (problem: ClusterProblem): undefined => {
			this.#probed(cell, { ok: false, problem });
			cell.isRefused = true;
			return undefined;
		};
		let secret: KubeconfigSecret | undefined;
		try {
			secret = await kubeconfigs.read({ namespace, name }, signal);
		} catch (error) {
			signal.throwIfAborted();
			this.#context.onWatchError(cell, error);
			return refuse({
				reason: 'KubeconfigUnreadable',
				message: `Secret ${namespace}/${name} with the kubeconfig could not be read`,
			});
		}
		const content = secret?.get(key);
		if (content === undefined) {
			return refuse({
				reason: 'KubeconfigNotFound',
				message:
					secret === undefined
						? `there is no Secret ${namespace}/${name}, which kubeconfigSecret names: make it, or correct the name`
						: `Secret ${namespace}/${name} has no key ${key}, which kubeconfigSecret names: correct one of the two`,
			});
		}
		const kept = { dataPlane: entry.dataPlane, secrets: entry.role === 'Primary' };
		const connectedBy = createHash('sha256').update(content).update(JSON.stringify(kept)).digest('base64');
		if (cell.connection !== undefined && cell.connectedBy === connectedBy) {
			// It is there again: what its absence had put off is done now.
			if (cell.isRefused) cell.nextProbeAt = 0;
			cell.isRefused = false;
			return cell.connection;
		}
		const read = readClusterKubeconfig(content, settings);
		if (!read.ok) {
			const { reason, message } = read.problem;
			return refuse({ reason, message: `Secret ${namespace}/${name}, key ${key}: ${message}` });
		}
		const before = cell.connection;
		const { access } = read;
		cell.connection = new ClusterConnection({
			access,
			api: this.#context.connect(access.credentials),
			namespace: mesh.namespace,
			partOf: this.#context.namesOf(mesh).applySet,
			kept,
			onChange: (change) => {
				if (!change.initial && this.#context.needsPass(change)) {
					const { kind, metadata } = change.current ?? change.old;
					// The operator there begins or ceases to list a cluster: who is told of what by whom is asked anew.
					if (isHandover(change)) cell.nextCheckAt = 0;
					this.#context.wake(cell.key, `${kind} ${metadata.name} ${change.type} there`);
				}
			},
			wake: (reason) => this.#context.wake(cell.key, reason),
			onError: (error) => {
				this.#context.onWatchError(cell, clusterFailure(error, failureContextOf(access)));
				this.#probeSoon(cell);
			},
			now: this.#context.now,
		});
		cell.connectedBy = connectedBy;
		cell.isRefused = false;
		cell.nextProbeAt = 0;
		cell.nextCheckAt = 0;
		// What was applied there is as true as before; which API server it was is checked before anything is written.
		if (before !== undefined) {
			for (const [object, applied] of before.memory.applied) cell.connection.memory.applied.set(object, applied);
			cell.connection.memory.recalled = before.memory.recalled;
			await before.close();
		}
		return cell.connection;
	}

	async #probe(cell: ClusterCell, there: ClusterConnection, signal: AbortSignal): Promise<void> {
		const { now, wallClock } = this.#context;
		if (now() < cell.nextProbeAt) return;
		const context = failureContextOf(there.access);
		let startedAt = now();
		let answer = await probe(there.api, context, signal);
		// A connection that just then ended is no news; silence, which takes its time, is asked once.
		if (!answer.ok && now() - startedAt < quickMs) {
			startedAt = now();
			answer = await probe(there.api, context, signal);
		}
		if (!answer.ok) {
			this.#probed(cell, answer);
			return;
		}
		const { id } = answer;
		if (id !== undefined && cell.facts !== undefined && cell.facts.id !== id) {
			cell.nextCheckAt = 0;
			cell.checkedBy = '';
		}
		this.#probed(cell, { ok: true, latencyMs: now() - startedAt, at: wallClock() });
	}

	/**
	 * A request failed as if the cluster were not reached. One lost request is no outage: a probe decides. What is left of
	 * the failure where it answers, once it has come often enough in a row to be told.
	 */
	async #judge(cell: ClusterCell, problem: ClusterProblem, signal: AbortSignal): Promise<ClusterProblem | undefined> {
		if (cell.connection === undefined || cell.health.state !== 'up') {
			this.#probed(cell, { ok: false, problem });
			return undefined;
		}
		cell.nextProbeAt = 0;
		await this.#probe(cell, cell.connection, signal);
		return cell.health.streak === 0 && cell.health.state === 'up' && cell.failures >= failuresUntilDown
			? problem
			: undefined;
	}

	/** A watch that breaks is the first sign of an outage: a cluster that was well is asked at once, and not when its time has come. */
	#probeSoon(cell: ClusterCell): void {
		const { state, streak } = cell.health;
		if (state !== 'up' || streak > 0 || cell.nextProbeAt === 0) return;
		cell.nextProbeAt = 0;
		this.#context.wake(cell.key, 'a watch there was disturbed');
	}

	#probed(cell: ClusterCell, probe: Parameters<typeof stepHealth>[1]): void {
		const { now, random } = this.#context;
		const wasDown = cell.health.state === 'down';
		cell.health = stepHealth(cell.health, probe);
		// The answer that makes sure comes soon after the first, however long it was down.
		cell.downs = cell.health.state === 'down' && !probe.ok ? cell.downs + 1 : 0;
		// What could not be looked at meanwhile is looked at at once.
		if (wasDown && cell.health.state === 'up') cell.nextCheckAt = 0;
		cell.nextProbeAt = now() + probeDelayMs(cell, random);
	}

	async #check(
		cell: ClusterCell,
		mesh: WantedMesh,
		entry: WantedCluster,
		record: ClusterRecord | undefined,
		there: ClusterConnection,
		signal: AbortSignal,
	): Promise<readonly ClusterProblem[]> {
		const { now, random, checks } = this.#context;
		const checkedFor = checks.subjectOf(cell, mesh, entry);
		if (cell.problems !== undefined && now() < cell.nextCheckAt && cell.checkedFor === checkedFor) return cell.problems;
		const context = failureContextOf(there.access);
		const checked = await inCluster(context, signal, () => checks.check(cell, mesh, entry, record, there, signal));
		// What could not be read now is as true as it was; and what another cluster says is not about this one.
		const isOther = checked.problems.some(({ reason }) => reason === 'OtherCluster');
		if (!isOther) cell.facts = checked.facts ?? cell.facts;
		cell.problems = checked.problems;
		cell.checkedFor = checkedFor;
		cell.checkedBy = cell.connectedBy;
		cell.refusals = checked.problems.length > 0 ? cell.refusals + 1 : 0;
		cell.nextCheckAt = now() + recheckDelayMs(cell, random);
		return checked.problems;
	}

	async #begin(
		cell: ClusterCell,
		mesh: WantedMesh,
		{ name: cluster, kubeconfig }: WantedCluster,
		record: ClusterRecord | undefined,
		{ role, dataPlane }: Marks,
		signal: AbortSignal,
	): Promise<void> {
		const { api, live } = this.#context;
		const id = cell.facts?.id;
		const own = { cluster, role, dataPlane, kubeconfig, ...(id === undefined ? {} : { id }) };
		const pending: ClusterRecord = { ...own, state: 'Pending' };
		if (isDeepStrictEqual(record, pending)) return;
		const standing = record === undefined ? live.get(objectKey(recordReference(mesh.namespace, cluster))) : undefined;
		const told = standing === undefined ? undefined : recordOf(standing);
		if (told?.state === 'Published') {
			const target = { api, live, mesh, writer: this.#context.writerHere(mesh, signal) };
			if (await takeOver(target, told, own, cell.publication, { signal })) return;
		}
		if (record === undefined) await this.#claim(mesh, cluster, signal);
		await this.#context.writerHere(mesh, signal).apply(recordSecret(mesh, pending), true);
	}

	async #claim(mesh: WantedMesh, cluster: string, signal: AbortSignal): Promise<void> {
		try {
			await claim({ api: this.#context.api, mesh }, recordReference(mesh.namespace, cluster), { signal });
		} catch (error) {
			throw conflictOf(error);
		}
	}

	/** What is kept in the cluster: the account by which Pilot reads it, and its data plane. */
	async #keepThere(
		cell: ClusterCell,
		mesh: WantedMesh,
		entry: WantedCluster,
		names: ClusterNames,
		there: ClusterConnection,
		found: PassFindings,
		signal: AbortSignal,
	): Promise<boolean> {
		const context = failureContextOf(there.access);
		const applied = await inCluster(context, signal, async () => {
			await there.synced(signal);
			const planned = await mesh.objects.inCluster(entry, there, names, signal);
			const secrets = distributedKeys(this.#context, cell, mesh);
			const result = await applyInstallation(
				there.applier(this.#hooks(cell, mesh)),
				{
					owner: undefined,
					partOf: names.applySet,
					recordedHash: mesh.before.get(entry.name)?.inventoryHash,
					...planned,
					kept: { has: (key) => planned.kept?.has(key) === true || secrets.has(key) },
				},
				there.memory,
				signal,
			);
			const after = await mesh.objects.afterApply?.(entry, there, result, signal);
			return { result, note: [planned.note, ...(after?.notes ?? [])].filter(Boolean).join('; '), after };
		});
		const { result, note, after } = applied;
		const errors = [...result.errors, ...(after?.errors ?? [])];
		if (result.hash !== undefined) found.inventory = { objects: result.objects, hash: result.hash };
		if (result.againInMs !== undefined) found.againInMs = result.againInMs;
		if (errors.length > 0) throw clusterFailure(new AggregateError(errors), context);
		if (entry.dataPlane !== undefined) found.dataPlane = dataPlaneOf(there, result, note);
		return result.hash !== undefined;
	}

	async #publish(
		cell: ClusterCell,
		mesh: WantedMesh,
		entry: WantedCluster,
		{ role, dataPlane }: Marks,
		names: ClusterNames,
		there: ClusterConnection,
		signal: AbortSignal,
	): Promise<void> {
		const { api, live, wallClock } = this.#context;
		const { name: cluster, kubeconfig } = entry;
		// While nothing can be learned, what was known of it goes on.
		const id = cell.facts?.id ?? this.#context.recordOf(mesh, cluster)?.id;
		try {
			const outcome = await keepPublished(
				{ api, live, mesh, writer: this.#context.writerHere(mesh, signal) },
				sourceOf(this.#context, mesh, entry, there, mesh.objects.readerAccount(names.readBy), signal),
				{
					record: { cluster, role, dataPlane, kubeconfig, ...(id === undefined ? {} : { id }) },
					lifetimeMs: mesh.tokenLifetimeMs,
					policy: mesh.rotation,
					others: this.#context.recordsOf(mesh).filter((other) => other.cluster !== cluster),
					wasPublished: mesh.before.get(cluster)?.secret !== undefined,
					now: wallClock(),
				},
				cell.publication,
				{ signal },
			);
			if (outcome === 'rotated') this.#context.wakeMesh(mesh.name, `token of cluster ${cluster} renewed`);
			this.#context.onPublished(mesh, cluster, outcome);
		} catch (error) {
			throw conflictOf(error);
		}
	}

	#hooks(cell: ClusterCell, mesh: WantedMesh): ApplyHooks {
		return {
			onNotice: ({ type, reason, message }) =>
				this.#context.onNotice(mesh.name, { type, reason, message: `cluster ${cell.cluster}: ${message}` }),
			onOutcome: this.#context.onApply,
		};
	}
}

/** Whether a pass ends because its time is over, and not because the operator stops. */
function isOutOfTime({ aborted, reason }: AbortSignal): boolean {
	return aborted && reason instanceof DOMException && reason.name === 'TimeoutError';
}

/** Whether a Secret about a cluster came into other hands, or went, or ceased to be one that Pilot reads. */
function isHandover({ old, current }: ReflectorChange<Child>): boolean {
	if ((current ?? old).clusterRecord === undefined) return false;
	return old?.partOf !== current?.partOf || old?.clusterRecord?.isPublished !== current?.clusterRecord?.isPublished;
}

/** A Secret that is somebody else's, or is changed again and again, is the cluster's trouble; every other failure here is not. */
function conflictOf(error: unknown): unknown {
	return (error instanceof InvalidError && error.reason === 'SecretConflict') || error instanceof BlockedError
		? new ClusterFailure({ reason: 'SecretConflict', message: error.message }, false)
		: error;
}

function dataPlaneOf(
	there: ClusterConnection,
	{ gate }: ApplyResult,
	note: string,
): PassFindings['dataPlane'] & object {
	// What was seen last says nothing about now.
	if (there.live.isBehind(kinds.Deployment)) return { waiting: 'the Deployments there can not be seen now' };
	const behind = [...there.live.ofKind(kinds.Deployment)].find(
		({ workload }) => workload !== undefined && workload.available < workload.desired,
	);
	if (behind?.workload !== undefined) {
		const { available, desired, stalled, isRolledOut } = behind.workload;
		const message = `Deployment ${behind.metadata.name}: ${available} of ${desired} pods are available`;
		// Not one that is on its way, nor one of several pods that is replaced.
		const isDegraded = stalled !== undefined || (isRolledOut && available === 0);
		if (isDegraded) return { problem: { reason: 'DataPlaneDegraded', message } };
		return { waiting: gate ?? message, ...(note === '' ? {} : { note }) };
	}
	return { ...(gate === undefined ? {} : { waiting: gate }), ...(note === '' ? {} : { note }) };
}
