/**
 * Decides whether a cluster answers, without flapping: one lost packet is no outage, one answer no recovery. A pure state
 * machine; each probe is one step.
 */
import type { ClusterObservation, ClusterProblem } from '../../../api/v1/index.ts';

export interface Health {
	readonly state: 'unknown' | 'up' | 'down';
	/** Failures in a row, or answers in a row while the cluster is down. */
	readonly streak: number;
	/** Why it does not answer: the last reason. */
	readonly problem?: ClusterProblem | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly lastSuccessAt?: number | undefined;
	/** Upper bound, in milliseconds, of the class of its latency. */
	readonly latencyClass?: number | undefined;
	/** Probes in a row whose latency was of another class. */
	readonly otherClass: number;
	/** The last latency, for metrics. */
	readonly latencyMs?: number | undefined;
}

export type Probe =
	| { readonly ok: true; readonly latencyMs: number; readonly at: number }
	| { readonly ok: false; readonly problem: ClusterProblem };

export const unknownHealth: Health = { state: 'unknown', streak: 0, otherClass: 0 };

/** This many failures in a row are an outage. */
export const failuresUntilDown = 3;
/** This many answers in a row end an outage. */
const answersUntilUp = 2;
/** After this many probes of another class in a row the shown latency changes. */
const probesUntilClass = 4;

/** Upper bounds of the classes of latency, in milliseconds. */
const latencyClasses = [10, 50, 250, 1_000, 5_000] as const;
const longestClass = 30_000;

/** These problems don't pass by themselves. The owner has to act, so they are told at once. */
const definite: ReadonlySet<string> = new Set([
	'TLSNotVerified',
	'KubeconfigInvalid',
	'KubeconfigUnsafe',
	'KubeconfigNotFound',
	'ClusterMisbehaves',
]);

/**
 * Continues after a restart from what the status said: for a cluster that was reached one failure is still no outage, and
 * the first probe, which has to connect, changes no latency.
 */
export function recallHealth(
	health: Health,
	said: { readonly reachable?: boolean; readonly latency?: string } = {},
): Health {
	if (health.state !== 'unknown' || health.latencyClass !== undefined) return health;
	const latencyClass = [...latencyClasses, longestClass].find((bound) => latencyText(bound) === said.latency);
	const state = said.reachable === true ? 'up' : health.state;
	return state === health.state && latencyClass === undefined
		? health
		: { ...health, state, ...(latencyClass === undefined ? {} : { latencyClass }) };
}

export function stepHealth(health: Health, probe: Probe): Health {
	return probe.ok ? answered(health, probe) : failed(health, probe.problem);
}

function answered(health: Health, { latencyMs, at }: Extract<Probe, { ok: true }>): Health {
	const latencyClass = latencyClasses.find((bound) => latencyMs <= bound) ?? longestClass;
	const isSame = health.latencyClass === undefined || health.latencyClass === latencyClass;
	const otherClass = isSame ? 0 : health.otherClass + 1;
	const isMoved = isSame || otherClass >= probesUntilClass;
	const streak = health.state === 'down' ? health.streak + 1 : 0;
	const isUp = health.state !== 'down' || streak >= answersUntilUp;
	return {
		state: isUp ? 'up' : 'down',
		streak: isUp ? 0 : streak,
		...(isUp ? {} : { problem: health.problem }),
		lastSuccessAt: at,
		latencyClass: isMoved ? latencyClass : health.latencyClass,
		otherClass: isMoved ? 0 : otherClass,
		latencyMs,
	};
}

function failed(health: Health, problem: ClusterProblem): Health {
	const { latencyMs: _, ...before } = health;
	if (health.state === 'down') return { ...before, streak: 0, problem };
	const streak = health.streak + 1;
	// A cluster that was never reached has no good past that could speak for it.
	const isDown = health.state === 'unknown' || streak >= failuresUntilDown || definite.has(problem.reason);
	return { ...before, state: isDown ? 'down' : 'up', streak: isDown ? 0 : streak, problem };
}

export function reachableOf({ state }: Health): ClusterObservation['reachable'] {
	return state === 'up' ? 'yes' : state === 'down' ? 'no' : 'unknown';
}

/** The latency as the status shows it: `under 50ms`. */
export function describeLatency({ latencyClass }: Health): string | undefined {
	return latencyClass === undefined ? undefined : latencyText(latencyClass);
}

function latencyText(bound: number): string {
	return bound >= 1_000 ? `under ${bound / 1_000}s` : `under ${bound}ms`;
}
