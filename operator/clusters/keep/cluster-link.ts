/**
 * The line to a cluster: from the kubeconfig as it is now to an open connection, and from probes to its health.
 */

import { createHash } from 'node:crypto';
import type { ClusterProblem } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { ReflectorChange } from '../../runtime/watch/reflector.ts';
import { readClusterKubeconfig } from '../kubeconfig/kubeconfig.ts';
import type { KubeconfigSecret } from '../kubeconfig/secrets.ts';
import type { ClusterCell } from './cell.ts';
import { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { clusterFailure } from './failure.ts';
import { failuresUntilDown, stepHealth } from './health.ts';
import { probe } from './probe.ts';
import type { ClusterRecord } from './record.ts';
import { probeDelayMs } from './schedule.ts';
import { failureContextOf } from './source.ts';
import type { Visit } from './visit.ts';

/** A probe that fails faster (milliseconds) is made once more at once. */
const quickMs = 1_000;

export class ClusterLink {
	readonly #context: KeeperContext;

	constructor(context: KeeperContext) {
		this.#context = context;
	}

	/** The open connection by the kubeconfig as it is now; undefined where there is none that may be used. */
	async connect(
		{ cell, mesh, names, signal }: Visit,
		entry: Pick<ClusterRecord, 'kubeconfig' | 'role' | 'dataPlane'>,
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
			partOf: names.applySet,
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

	/** Asks whether it answers, where it is time to. What was found is in the health of the cell. */
	async probe({ cell, signal }: Visit, there: ClusterConnection): Promise<void> {
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
	async judge(visit: Visit, problem: ClusterProblem): Promise<ClusterProblem | undefined> {
		const { cell } = visit;
		if (cell.connection === undefined || cell.health.state !== 'up') {
			this.#probed(cell, { ok: false, problem });
			return undefined;
		}
		cell.nextProbeAt = 0;
		await this.probe(visit, cell.connection);
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
}

/** Whether a Secret about a cluster came into other hands, or went, or ceased to be one that Pilot reads. */
function isHandover({ old, current }: ReflectorChange<Child>): boolean {
	if ((current ?? old).clusterRecord === undefined) return false;
	return old?.partOf !== current?.partOf || old?.clusterRecord?.isPublished !== current?.clusterRecord?.isPublished;
}
