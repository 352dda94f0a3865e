/**
 * Which workloads are restarted, so that their pods get the present proxy, and which are not, and why. Pure: what it says
 * follows from the proxies that run and from what each workload says of itself.
 */
import { type CountedMesh, isOf, type ProxyFacts, unknownVersion, versionOf } from './count.ts';

/** The kinds whose pods `kubectl rollout restart` replaces. */
export const restartedKinds = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

export interface WorkloadReference {
	readonly kind: (typeof restartedKinds)[number];
	readonly namespace: string;
	readonly name: string;
}

/** What a workload says of itself. */
export interface WorkloadSeen {
	/** Whether its roll-out is over: all pods are of its template and available. */
	readonly isSettled: boolean;
	/** Why its roll-out does not go on, in a word. */
	readonly stalled: string | undefined;
	/** `spec.paused` of a Deployment. */
	readonly isPaused: boolean;
	/** Whether its pods are replaced only when somebody deletes them, or only some of them are. */
	readonly isByHand: boolean;
	/** Whether the proxy is in its template: a restart brings the same one again. */
	readonly hasOwnProxy: boolean;
	/** Version for which it was restarted last, and when, milliseconds since 1970. */
	readonly restartedFor: string | undefined;
	readonly restartedAtMs: number | undefined;
	/** How many pods a roll-out may take away at once. */
	readonly takesAway: number;
	/** Labels of its pods. */
	readonly podLabels: Readonly<Record<string, string>>;
}

/** A budget that is about pods of a workload. */
export interface BudgetSeen {
	readonly name: string;
	readonly disruptionsAllowed: number;
}

/** `Deployment shop/web` */
export function nameOfWorkload({ kind, namespace, name }: WorkloadReference): string {
	return `${kind} ${namespace}/${name}`;
}

/** The workload of that name. Undefined for anything else. */
export function workloadOfName(text: string): WorkloadReference | undefined {
	const [, kindText, namespace, name] = /^(\w+) ([^/ ]+)\/([^/ ]+)$/.exec(text) ?? [];
	const kind = restartedKinds.find((one) => one === kindText);
	return kind === undefined || namespace === undefined || name === undefined ? undefined : { kind, namespace, name };
}

export interface Lagging {
	/** Workloads with pods whose proxy is of another version than the mesh, by name, sorted. */
	readonly workloads: ReadonlyMap<string, WorkloadReference>;
	/** All workloads with proxies of the mesh. */
	readonly total: number;
	/** Pods with such a proxy that nothing restarts: Jobs, pods alone, kinds of others. */
	readonly others: number;
}

/** Whether a proxy is of another version than the mesh. One whose version nobody can tell does not lag. */
function lagsBehind(proxy: ProxyFacts, mesh: CountedMesh): boolean {
	const version = versionOf(proxy, mesh);
	return version !== mesh.version && version !== unknownVersion;
}

/** How many proxies of a mesh are of another version. */
export function countLagging(facts: Iterable<ProxyFacts>, mesh: CountedMesh): number {
	let count = 0;
	for (const proxy of facts) if (isOf(proxy, mesh) && lagsBehind(proxy, mesh)) count += proxy.count ?? 1;
	return count;
}

export function laggingIn(facts: Iterable<ProxyFacts>, mesh: CountedMesh): Lagging {
	const all = new Set<string>();
	const lagging = new Map<string, WorkloadReference>();
	let others = 0;
	for (const proxy of facts) {
		if (!isOf(proxy, mesh)) continue;
		const lags = lagsBehind(proxy, mesh);
		const kind = restartedKinds.find((one) => one === proxy.owner?.kind);
		if (kind === undefined || proxy.owner === undefined) {
			if (lags) others++;
			continue;
		}
		const reference = { kind, namespace: proxy.namespace, name: proxy.owner.name };
		const name = nameOfWorkload(reference);
		all.add(name);
		if (lags) lagging.set(name, reference);
	}
	return { workloads: new Map([...lagging].sort(([a], [b]) => (a < b ? -1 : 1))), total: all.size, others };
}

/** How many workloads are restarted at the same time: a number, or a part of all of them. At least one. */
export function atOnce(maxUnavailable: number | string | undefined, total: number): number {
	if (maxUnavailable === undefined) return 1;
	if (typeof maxUnavailable === 'number') return Math.max(1, maxUnavailable);
	return Math.max(1, Math.floor((total * Number.parseInt(maxUnavailable, 10)) / 100));
}

/** What is done with a workload that lags. */
export type Judgement =
	| { readonly do: 'restart' }
	/** It is being restarted already. */
	| { readonly do: 'wait' }
	/** `why`: the end of a sentence about it. `isPassing`: whether it is expected to change by itself. */
	| { readonly do: 'skip'; readonly why: string; readonly isPassing: boolean };

/** Judges a workload with pods that lag behind this version. */
export function judge(seen: WorkloadSeen, budgets: readonly BudgetSeen[], version: string): Judgement {
	const skip = (why: string, isPassing = false): Judgement => ({ do: 'skip', why, isPassing });
	if (seen.restartedFor === version) {
		return seen.isSettled
			? skip(`was restarted for ${version}, and its pods still get another proxy: is it injected by this mesh?`)
			: { do: 'wait' };
	}
	if (seen.isPaused) return skip('is paused (spec.paused)');
	if (seen.isByHand) return skip('replaces its pods only by hand (OnDelete, or a partition)');
	if (seen.hasOwnProxy) return skip('has the proxy in its own template: inject it anew (meshwright inject)');
	if (!seen.isSettled) return skip('is being rolled out, or its pods are not all available', true);
	const narrow = budgets.find(({ disruptionsAllowed }) => disruptionsAllowed < seen.takesAway);
	return narrow === undefined
		? { do: 'restart' }
		: skip(
				`would lose ${seen.takesAway} pods at once, and PodDisruptionBudget ${narrow.name} allows ${narrow.disruptionsAllowed}`,
				true,
			);
}

/** What became of a workload that was restarted. */
export type Progress = { readonly is: 'done' | 'going' } | { readonly is: 'failed'; readonly why: string };

export function progressOf(
	seen: WorkloadSeen,
	version: string,
	{ nowMs, deadlineMs }: { readonly nowMs: number; readonly deadlineMs: number },
): Progress {
	if (seen.isSettled || seen.restartedFor !== version) return { is: 'done' };
	if (seen.stalled !== undefined) return { is: 'failed', why: seen.stalled };
	const late = seen.restartedAtMs !== undefined && nowMs - seen.restartedAtMs > deadlineMs;
	return late ? { is: 'failed', why: `not within ${Math.round(deadlineMs / 60_000)}m` } : { is: 'going' };
}
