/** Keeps the link to a cluster: the open connection for the present kubeconfig, and the health that follows from probes. */

import { createHash } from 'node:crypto';
import { type ClusterProblem, timeText } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { ReflectorChange } from '../../runtime/watch/change-handlers.ts';
import { readClusterKubeconfig } from '../kubeconfig/kubeconfig.ts';
import { notReadable } from '../kubeconfig/may-read.ts';
import type { KubeconfigSecret } from '../kubeconfig/secrets.ts';
import type { ClusterRecord } from '../secret/record.ts';
import type { ClusterCell } from './cell.ts';
import { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { clusterFailure, isDefect, misbehaviour } from './failure.ts';
import { failuresUntilDown, stepHealth } from './health.ts';
import { probe } from './probe.ts';
import { probeDelayMs } from './schedule.ts';
import { failureContextOf } from './source.ts';
import { isSuspended, nextSuspension } from './suspension.ts';
import type { Visit } from './visit.ts';

/** A probe that fails faster than this is repeated at once. */
const quickMs = 1_000;

export class ClusterLink {
	readonly #context: KeeperContext;

	constructor(context: KeeperContext) {
		this.#context = context;
	}

	/** The open connection for the present kubeconfig. Undefined when no kubeconfig may be used. */
	async connect(
		{ cell, mesh, names, signal }: Visit,
		entry: Pick<ClusterRecord, 'kubeconfig' | 'role' | 'dataPlane'>,
	): Promise<ClusterConnection | undefined> {
		const { kubeconfigs, settings } = this.#context;
		const { namespace, name, key } = entry.kubeconfig;
		const reader = { mesh: mesh.name, namespace: mesh.namespace };
		const refuse = (problem: ClusterProblem): undefined => {
			this.#probed(cell, { ok: false, problem });
			cell.isRefused = true;
			return undefined;
		};
		let secret: KubeconfigSecret | undefined;
		try {
			secret = await kubeconfigs.read({ name: { namespace, name }, reader }, signal);
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
			return refuse({ reason: 'KubeconfigNotFound', message: notReadable(reader, { namespace, name, key }) });
		}
		const kept = { dataPlane: entry.dataPlane, secrets: entry.role === 'Primary' };
		const connectedBy = createHash('sha256').update(content).update(JSON.stringify(kept)).digest('base64');
		if (isSuspended(cell, this.#context.now())) {
			if (cell.suspension?.connectedBy === connectedBy) {
				cell.nextProbeAt = cell.suspension.until;
				return undefined;
			}
			// Its owner has changed the kubeconfig. What it did before still counts when it misbehaves again.
			if (cell.suspension !== undefined) cell.suspension = { ...cell.suspension, until: this.#context.now() };
		}
		if (cell.connection !== undefined && cell.connectedBy === connectedBy) {
			// The kubeconfig is there again: work that waited for it is done now.
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
			api: this.#context.connect(access.credentials, (offence) =>
				this.suspend(cell, connectedBy, misbehaviour(offence, failureContextOf(access)).problem),
			),
			namespace: mesh.namespace,
			partOf: names.applySet,
			kept,
			onChange: (change) => {
				if (!change.initial && this.#context.needsPass(change)) {
					const { kind, metadata } = change.current ?? change.old;
					// The operator there has begun or stopped listing a cluster, so it is decided anew who tells whom about what.
					if (isHandover(change)) cell.nextCheckAt = 0;
					this.#context.wake(cell.key, `${kind} ${metadata.name} ${change.type} there`);
				}
			},
			wake: (reason) => this.#context.wake(cell.key, reason),
			onError: (error) => {
				if (isDefect(error)) {
					this.#context.onDefect(cell, error);
					return;
				}
				this.#context.onWatchError(cell, clusterFailure(error, failureContextOf(access)));
				this.#probeSoon(cell);
			},
			now: this.#context.now,
		});
		cell.connectedBy = connectedBy;
		cell.isRefused = false;
		cell.nextProbeAt = 0;
		cell.nextCheckAt = 0;
		// What was applied there still holds. Before anything is written, it is checked that it is the same API server.
		if (before !== undefined) {
			for (const [object, applied] of before.memory.applied) cell.connection.memory.applied.set(object, applied);
			cell.connection.memory.recalled = before.memory.recalled;
			await before.close();
		}
		return cell.connection;
	}

	/** Probes the cluster when it is time. The result is in the cell's health. */
	async probe({ cell, signal }: Visit, there: ClusterConnection): Promise<void> {
		const { now, wallClock } = this.#context;
		if (now() < cell.nextProbeAt) return;
		const context = failureContextOf(there.access);
		let startedAt = now();
		let answer = await probe(there.api, context, signal);
		// When a connection ended just then, that is no news. Silence takes its time, and is asked once.
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
	 * Suspends a cluster that has misbehaved: ends its connection, with all that is kept of it, and tells until when.
	 * @param connectedBy of the connection by which it did
	 */
	suspend(cell: ClusterCell, connectedBy: string, { reason, message }: ClusterProblem): void {
		const { now, wallClock, random, wake, onWatchError } = this.#context;
		if (isSuspended(cell, now()) || cell.connectedBy !== connectedBy) return;
		const next = nextSuspension(cell.suspension, now(), random);
		const problem = {
			reason,
			message: `${message}; nothing is asked of it until ${timeText(wallClock() + next.forMs)}, or until its kubeconfig changes`,
		};
		const { connection } = cell;
		cell.connection = undefined;
		cell.connectedBy = '';
		this.#probed(cell, { ok: false, problem });
		cell.suspension = { ...next, problem, connectedBy };
		cell.nextProbeAt = next.until;
		connection?.close().catch((error: unknown) => onWatchError(cell, error));
		wake(cell.key, 'it misbehaves');
	}

	/**
	 * Judges a request that failed as if the cluster were not reached. One lost request is no outage, so a probe decides.
	 * When the cluster answers, the failure is returned once it has come often enough in a row to be told.
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

	/**
	 * Probes soon. A watch that breaks is the first sign of an outage, so a cluster that was well is probed at once instead
	 * of at its time.
	 */
	#probeSoon(cell: ClusterCell): void {
		const { state, streak } = cell.health;
		if (state !== 'up' || streak > 0 || cell.nextProbeAt === 0 || isSuspended(cell, this.#context.now())) return;
		cell.nextProbeAt = 0;
		this.#context.wake(cell.key, 'a watch there was disturbed');
	}

	#probed(cell: ClusterCell, probe: Parameters<typeof stepHealth>[1]): void {
		const { now, random } = this.#context;
		// Requests that end with the connection say nothing new.
		if (isSuspended(cell, now())) return;
		const wasDown = cell.health.state === 'down';
		cell.health = stepHealth(cell.health, probe);
		// The probe that confirms the first answer comes soon, however long the cluster was down.
		cell.downs = cell.health.state === 'down' && !probe.ok ? cell.downs + 1 : 0;
		// What could not be looked at meanwhile is looked at now.
		if (wasDown && cell.health.state === 'up') cell.nextCheckAt = 0;
		cell.nextProbeAt = now() + probeDelayMs(cell, random);
	}
}

/** Whether a Secret about a cluster changed hands, went, or stopped being one that Pilot reads. */
function isHandover({ old, current }: ReflectorChange<Child>): boolean {
	if ((current ?? old).clusterRecord === undefined) return false;
	return old?.partOf !== current?.partOf || old?.clusterRecord?.isPublished !== current?.clusterRecord?.isPublished;
}
