/**
 * One pass over one joined cluster, in one direction: kubeconfig → connection → probe → checks → record → what is kept
 * there → token → Secret. Decided from what is seen now; whatever ends a pass in between, the next goes on from there.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import type { PassResult } from '../../runtime/queue/work-queue.ts';
import { blockingProblems } from '../checks/checks.ts';
import type { ClusterLink } from './cluster-link.ts';
import type { KeeperContext } from './context.ts';
import { distribute, distributedRecords } from './distribute.ts';
import { ClusterFailure, inCluster } from './failure.ts';
import { recallHealth } from './health.ts';
import { keepThere } from './keep-there.ts';
import { observationOf, type PassFindings } from './observe.ts';
import { nextPassInMs, recheckDelayMs } from './schedule.ts';
import { begin, type Marks, publish } from './secret-here.ts';
import { failureContextOf } from './source.ts';
import type { KeepingVisit, VisitThere } from './visit.ts';

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
	async keep(visit: KeepingVisit): Promise<PassResult> {
		const { cell, mesh, entry, signal } = visit;
		const found: PassFindings = {};
		cell.health = recallHealth(cell.health, mesh.before.get(entry.name));
		try {
			await this.#walk(visit, found);
			cell.failures = 0;
		} catch (error) {
			const failure = isOutOfTime(signal) ? tooSlow : error;
			if (failure !== tooSlow) signal.throwIfAborted();
			if (!(failure instanceof ClusterFailure)) throw failure;
			cell.failures++;
			const problem = failure.isReach ? await this.#link.judge(visit, failure.problem) : failure.problem;
			if (problem !== undefined && cell.failures >= failuresUntilTold) found.joinProblem ??= problem;
		}
		const { now, wallClock, random } = this.#context;
		const after = this.#context.recordOf(mesh, entry.name);
		this.#context.observed(cell, mesh, observationOf({ cell, mesh, entry, record: after }, found, wallClock()));
		const records = [...(after === undefined ? [] : [after]), ...distributedRecords(this.#context, cell, mesh)];
		const inMs = nextPassInMs(cell, records, mesh.rotation, { now: now(), wallClock: wallClock(), random });
		return { requeueAfterMs: Math.min(inMs, found.againInMs ?? inMs) };
	}

	async #walk(visit: KeepingVisit, found: PassFindings): Promise<void> {
		const { cell, mesh, entry, record } = visit;
		const kept = keptOf(visit);
		const there = await this.#link.connect(visit, { kubeconfig: entry.kubeconfig, ...kept });
		if (there === undefined) return;
		await this.#link.probe(visit, there);
		// One that has just failed to answer is asked nothing else; it is no outage yet.
		if (cell.health.state !== 'up' || cell.health.streak > 0) return;
		const isJoined = record?.state === 'Published';
		const visitThere: VisitThere = { ...visit, there };
		const { problems, failure: notChecked } = await this.#checkOrRecall(visitThere);
		if (blockingProblems(problems, { isJoined }).length > 0) {
			found.waiting = 'waiting for the checks to hold; nothing was written';
			return;
		}
		if (mesh.paused) {
			if (!isJoined) found.joinProblem = { reason: 'Paused', message: 'spec.paused is true: nothing is written' };
			return;
		}
		await this.#record(visitThere, kept);
		let failure = notChecked;
		let isComplete = false;
		try {
			isComplete = await keepThere(this.#context, visitThere, found);
		} catch (error) {
			// An object that is refused keeps no cluster out in which the account is: its token is renewed all the same.
			if (!isJoined || !(error instanceof ClusterFailure) || error.isReach) throw error;
			failure ??= error;
		}
		const marks = isComplete ? { role: entry.role, dataPlane: entry.dataPlane !== undefined } : kept;
		await publish(this.#context, visitThere, marks);
		if (failure !== undefined) throw failure;
		if (entry.role === 'Primary') await distribute(this.#context, visitThere);
	}

	/** Before the first write of its kind in the cluster: what may be left there is remembered from here on. */
	async #record(visit: VisitThere, kept: Marks): Promise<void> {
		const { record, there, signal } = visit;
		if (record?.state !== 'Published') {
			await begin(this.#context, visit, kept);
		} else if (record.dataPlane !== kept.dataPlane || record.role !== kept.role) {
			await inCluster(failureContextOf(there.access), signal, () => there.synced(signal));
			await publish(this.#context, visit, kept);
		}
	}

	/** That it can't be checked anew changes nothing for one that has joined, while it is the one that was checked. */
	async #checkOrRecall(
		visit: VisitThere,
	): Promise<{ readonly problems: readonly ClusterProblem[]; readonly failure?: ClusterFailure }> {
		const { cell, record } = visit;
		try {
			return { problems: await this.#check(visit) };
		} catch (error) {
			const known = cell.checkedBy === cell.connectedBy ? cell.problems : undefined;
			if (record?.state !== 'Published' || known === undefined || !(error instanceof ClusterFailure)) throw error;
			return { problems: known, failure: error };
		}
	}

	async #check(visit: VisitThere): Promise<readonly ClusterProblem[]> {
		const { cell, there, signal } = visit;
		const { now, random, checks } = this.#context;
		const checkedFor = checks.subjectOf(visit);
		if (cell.problems !== undefined && now() < cell.nextCheckAt && cell.checkedFor === checkedFor) return cell.problems;
		const checked = await inCluster(failureContextOf(there.access), signal, () => checks.check(visit));
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
}

/** What is, or may be, in the cluster: what was asked for before may still be there, and has to be seen to be taken away. */
function keptOf({ entry, record }: KeepingVisit): Marks {
	return {
		role: record?.role === 'Primary' ? record.role : entry.role,
		dataPlane: entry.dataPlane !== undefined || record?.dataPlane === true,
	};
}

/** Whether a pass ends because its time is over, and not because the operator stops. */
function isOutOfTime({ aborted, reason }: AbortSignal): boolean {
	return aborted && reason instanceof DOMException && reason.name === 'TimeoutError';
}
