/**
 * One pass over one joined cluster, in one direction: kubeconfig → connection → probe → checks → record → what is kept
 * there → token → Secret. Decided from what is seen now; whatever ends a pass in between, the next goes on from there.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ClusterProblem } from '../../../api/v1/index.ts';
import { type ApplyResult, applyInstallation, hasBeenReady } from '../../apply/applier.ts';
import type { ApplyHooks } from '../../apply/writer.ts';
import { BlockedError, InvalidError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import type { PassResult } from '../../runtime/queue/work-queue.ts';
import { blockingProblems } from '../checks/checks.ts';
import type { ClusterNames } from '../cluster-objects.ts';
import type { WantedCluster } from '../wanted-cluster.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import type { ClusterCell } from './cell.ts';
import type { ClusterLink } from './cluster-link.ts';
import type { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { distribute, distributedKeys, distributedRecords } from './distribute.ts';
import { ClusterFailure, clusterFailure, inCluster, quote } from './failure.ts';
import { recallHealth } from './health.ts';
import { observationOf, type PassFindings } from './observe.ts';
import { claim, keepPublished, takeOver } from './publication.ts';
import { type ClusterRecord, recordOf, recordReference, recordSecret } from './record.ts';
import { nextPassInMs, recheckDelayMs } from './schedule.ts';
import { failureContextOf, sourceOf } from './source.ts';

/** What a record says may be in a cluster. */
type Marks = Pick<ClusterRecord, 'role' | 'dataPlane'>;

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
	readonly #link: ClusterLink;

	constructor(context: KeeperContext, link: ClusterLink) {
		this.#context = context;
		this.#link = link;
	}

	/** Makes and keeps what an entry asks for. Rejects only when something in this cluster fails. */
	async keep(
		cell: ClusterCell,
		mesh: KeepingMesh,
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
			const problem = failure.isReach ? await this.#link.judge(cell, failure.problem, signal) : failure.problem;
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
		mesh: KeepingMesh,
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
		const there = await this.#link.connect(cell, mesh, kept, signal);
		if (there === undefined) return;
		await this.#link.probe(cell, there, signal);
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

	async #check(
		cell: ClusterCell,
		mesh: KeepingMesh,
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
		mesh: KeepingMesh,
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

	async #claim(mesh: KeepingMesh, cluster: string, signal: AbortSignal): Promise<void> {
		try {
			await claim({ api: this.#context.api, mesh }, recordReference(mesh.namespace, cluster), { signal });
		} catch (error) {
			throw conflictOf(error);
		}
	}

	/** What is kept in the cluster: the account by which Pilot reads it, and its data plane. */
	async #keepThere(
		cell: ClusterCell,
		mesh: KeepingMesh,
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
				there.applier(this.#hooks(cell, mesh, context.secrets)),
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
		mesh: KeepingMesh,
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

	/** Warnings of another API server, and who wrote there, are its words. */
	#hooks(cell: ClusterCell, mesh: KeepingMesh, secrets: readonly string[]): ApplyHooks {
		return {
			onNotice: ({ type, reason, message }) =>
				this.#context.onNotice(mesh.name, {
					type,
					reason,
					message: `cluster ${cell.cluster}: ${quote(message, secrets)}`,
				}),
			onOutcome: this.#context.onApply,
		};
	}
}

/** Whether a pass ends because its time is over, and not because the operator stops. */
function isOutOfTime({ aborted, reason }: AbortSignal): boolean {
	return aborted && reason instanceof DOMException && reason.name === 'TimeoutError';
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
		const message = quote(`Deployment ${behind.metadata.name}: ${available} of ${desired} pods are available`, []);
		// Not one that is on its way, nor one of several pods that is replaced.
		const isDegraded =
			stalled !== undefined ||
			(isRolledOut && available === 0 && hasBeenReady(there.memory, objectKey(behind)) !== false);
		if (isDegraded) return { problem: { reason: 'DataPlaneDegraded', message } };
		return { waiting: gate ?? message, ...(note === '' ? {} : { note }) };
	}
	return { ...(gate === undefined ? {} : { waiting: gate }), ...(note === '' ? {} : { note }) };
}
