/** Deletes what is kept in a cluster that leaves. */
import { webhookGraceLeft } from '../../apply/installation-memory.ts';
import { removeChildren } from '../../apply/remove.ts';
import { isWebhook, kinds } from '../../runtime/kinds.ts';
import { describeObject } from '../../runtime/object.ts';
import type { KeeperContext } from './context.ts';
import { ClusterFailure, inCluster, quote } from './failure.ts';
import type { ClusterLink } from './link.ts';
import { failureContextOf } from './source.ts';
import type { LeavingVisit } from './visit.ts';

/** Ends work after a time with a failure of the cluster, so that a silent cluster can't stay in the mesh. */
export async function within<T>(
	ms: number,
	signal: AbortSignal,
	work: (bounded: AbortSignal) => Promise<T>,
): Promise<T> {
	const timeout = AbortSignal.timeout(ms);
	try {
		return await work(AbortSignal.any([signal, timeout]));
	} catch (error) {
		signal.throwIfAborted();
		if (!timeout.aborted || error instanceof ClusterFailure) throw error;
		throw new ClusterFailure(
			{ reason: 'Unreachable', message: `its API server did not answer within ${ms / 1_000} s` },
			true,
		);
	}
}

export interface Cleaned {
	readonly isDone: boolean;
	readonly sentence: string;
	readonly left: readonly string[];
}

/** @param isAll delete everything at once, because there is no more time for an order */
export async function clean(
	context: KeeperContext,
	link: ClusterLink,
	visit: LeavingVisit,
	isAll: boolean,
): Promise<Cleaned> {
	const { cell, mesh, record, names, signal } = visit;
	const asked = await link.connect(visit, record);
	// The kubeconfig may have been deleted together with the entry. An open connection works as long as this process lives.
	const there = asked ?? cell.connection;
	if (there === undefined) {
		const { namespace, name } = record.kubeconfig;
		const sentence = cell.health.problem?.message ?? `Secret ${namespace}/${name} has no kubeconfig that can be used`;
		return { isDone: record.id === undefined && cell.facts === undefined, sentence, left: [] };
	}
	const failures = failureContextOf(there.access);
	const { secrets } = failures;
	return inCluster(failures, signal, async () => {
		const { apiVersion, kind } = kinds.Namespace;
		const { metadata } = await there.api.getMetadata({ apiVersion, kind, name: 'kube-system' }, { signal });
		if (record.id !== undefined && metadata.uid !== record.id) {
			const problem = `the kubeconfig leads to another cluster than the one that leaves; nothing was deleted there`;
			return { isDone: false, sentence: problem, left: [] };
		}
		await there.synced(signal);
		const labels = (await mesh.objects.release?.(there, signal)) ?? [];
		const children = there.live.ofApplySet(names.applySet);
		const graceMs = isAll ? 0 : webhookGraceLeft(there.memory, context.now());
		const targets = graceMs > 0 ? children.filter(isWebhook) : children;
		const removal = await removeChildren(there.api, there.live, targets, isAll, signal, (child) => {
			if (isWebhook(child)) there.memory.webhookGoneAt = context.now();
			context.onApply(child.kind, 'deleted');
		});
		const errors = [...labels, ...removal.errors];
		if (errors.length > 0) throw new AggregateError(errors);
		// The names come from that cluster, so they are quoted.
		const left = children.map((child) => quote(describeObject(child), secrets));
		return {
			isDone: children.length === 0,
			sentence: `waiting for ${left.slice(0, 5).join(', ')} to be gone there`,
			left,
		};
	});
}
