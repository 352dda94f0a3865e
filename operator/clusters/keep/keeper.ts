/**
 * One pass over one joined cluster, in one direction: kubeconfig → connection → probe → checks → record → what is kept
 * there → token → Secret. It decides from what it sees now. Whatever ends a pass in between, the next one goes on from
 * there.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import type { PassResult } from '../../runtime/queue/work-queue.ts';
import type { IssuedAuthority } from '../authority.ts';
import { blockingProblems } from '../checks/check-cluster.ts';
import type { ClusterRecord } from '../secret/record.ts';
import { keepAuthority } from './authority.ts';
import type { KeeperContext } from './context.ts';
import { distribute, distributedRecords } from './distribute.ts';
import { ClusterFailure, inCluster, isDefect, ourDefect } from './failure.ts';
import { recallHealth } from './health.ts';
import { type KeptResult, keepThere } from './keep-there.ts';
import type { ClusterLink } from './link.ts';
import { observationOf, type PassFindings } from './observe.ts';
import { nextPassInMs, recheckDelayMs } from './schedule.ts';
import { begin, type Marks, publish } from './secret-here.ts';
import { failureContextOf } from './source.ts';
import type { KeepingVisit, VisitThere } from './visit.ts';

/** A failure is told when it comes this often in a row. One that the next try mends is no news. */
const failuresUntilTold = 2;

/** Each answer came in time, but all of them together took too long. Nobody else would report that. */
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
			if (!(failure instanceof ClusterFailure)) {
				if (isDefect(failure)) this.#observe(visit, { ...found, joinProblem: ourDefect });
				throw failure;
			}
			cell.failures++;
			if (failure.problem.reason === 'ClusterMisbehaves') this.#link.suspend(cell, cell.connectedBy, failure.problem);
			const problem = failure.isReach ? await this.#link.judge(visit, failure.problem) : failure.problem;
			if (problem !== undefined && cell.failures >= failuresUntilTold) found.joinProblem ??= problem;
		}
		const { now, wallClock, random } = this.#context;
		const after = this.#observe(visit, found);
		const records = [...(after === undefined ? [] : [after]), ...distributedRecords(this.#context, cell, mesh)];
		const inMs = nextPassInMs(cell, records, mesh.rotation, { now: now(), wallClock: wallClock(), random });
		return { requeueAfterMs: Math.min(inMs, found.againInMs ?? inMs) };
	}

	/** Tells what was found. Returns the record as it is now. */
	#observe({ cell, mesh, entry }: KeepingVisit, found: PassFindings): ClusterRecord | undefined {
		const { recordOf, observed, wallClock } = this.#context;
		const record = recordOf(mesh, entry.name);
		observed(cell, mesh, observationOf({ cell, mesh, entry, record }, found, wallClock()));
		return record;
	}

	async #walk(visit: KeepingVisit, found: PassFindings): Promise<void> {
		const { cell, mesh, entry, record } = visit;
		const kept = keptOf(visit);
		const there = await this.#link.connect(visit, { kubeconfig: entry.kubeconfig, ...kept });
		if (there === undefined) return;
		await this.#link.probe(visit, there);
		// A cluster that has just failed to answer is asked nothing else. It is no outage yet.
		if (cell.health.state !== 'up' || cell.health.streak > 0) return;
		const isJoined = record?.state === 'Published';
		const visitThere: VisitThere = { ...visit, there };
		const { problems, failure: notChecked } = await this.#checkOrRecall(visitThere);
		if (blockingProblems(problems, { isJoined }).length > 0) {
			found.waiting = 'waiting for the checks to hold; nothing was written';
			return;
		}
		mesh.objects.lookAt?.(entry, there);
		if (mesh.paused) {
			if (!isJoined) found.joinProblem = { reason: 'Paused', message: 'spec.paused is true: nothing is written' };
			return;
		}
		await this.#record(visitThere, kept);
		let failure = notChecked;
		let done: KeptResult = { isComplete: false };
		try {
			done = await keepThere(this.#context, visitThere, found);
		} catch (error) {
			// A refused object keeps no cluster out that has the account: its token is renewed all the same.
			if (!isJoined || !(error instanceof ClusterFailure) || error.isReach) throw error;
			failure ??= error;
		}
		const marks = done.isComplete ? { role: entry.role, dataPlane: entry.dataPlane !== undefined } : kept;
		const had = cell.authority;
		let authority: IssuedAuthority | undefined;
		try {
			authority = await keepAuthority(this.#context, visitThere);
		} catch (error) {
			// What keeps a cluster from its authority, keeps it from nothing else.
			if (!(error instanceof ClusterFailure) || error.isReach) throw error;
			failure ??= error;
		}
		await publish(this.#context, visitThere, marks, done.isInCharge, authority);
		// The next stage of a change of roots depends on it.
		if (cell.authority !== had) this.#context.wakeMesh(mesh.name, `authority of cluster ${cell.cluster}`);
		if (failure !== undefined) throw failure;
		if (entry.role === 'Primary') await distribute(this.#context, visitThere);
	}

	/** Records, before the first write of its kind in the cluster, what may be left there from now on. */
	async #record(visit: VisitThere, kept: Marks): Promise<void> {
		const { record, there, signal } = visit;
		if (record?.state !== 'Published') {
			await begin(this.#context, visit, kept);
		} else if (record.dataPlane !== kept.dataPlane || record.role !== kept.role) {
			await inCluster(failureContextOf(there.access), signal, () => there.synced(signal));
			await publish(this.#context, visit, kept);
		}
	}

	/**
	 * Checks the cluster, or recalls the last result. When the checks can't be made anew, a joined cluster goes on, as long
	 * as it is the one that was checked.
	 */
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
		// Facts that could not be read now are as true as before. But the words of another cluster are not about this one.
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

/**
 * What is, or may be, in the cluster. What was asked for before may still exist, and has to be seen in order to be deleted.
 */
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
