/**
 * Measures what a joined cluster can do to the operator: in each mode of a hostile API server, how fast `/healthz` answers,
 * how long drift at home lives compared with when the cluster is well, and how much memory is resident. The worst of all
 * modes counts.
 *
 * The hostile server runs on the same machine, and takes a processor from the operator and from the API server at home. In
 * life it has its own. So the other side of the ratio is measured while the same process takes as much of the processor, at
 * the same pace, without sending anything. What remains is what the operator loses to it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Mode, type ModeName, modes } from '../hostile/modes.ts';
import { openScene, type Scene } from '../hostile/scene.ts';
import { mean, quantile, trimmedMean } from './statistics.ts';

export interface HostileFigures {
	readonly 'hostile.healthz_ms': number;
	readonly 'hostile.drift_ratio': number;
	readonly 'hostile.rss_mb': number;
	readonly notes: readonly string[];
}

/** Each mode is tried this often, and each time both sides of the ratio are measured, one after the other. */
const rounds = 3;
/** From when the server begins to misbehave: changes at home are repaired one after the other. */
const windowMs = 3_000;
const offenceDeadlineMs = 90_000;

interface Attack {
	readonly name: string;
	readonly healthMs: number;
	readonly rssMB: number;
	readonly attacked: readonly number[];
	readonly without: readonly number[];
	readonly suspendedMs: number | undefined;
}

/** @param names of the modes that are tried; default: all. Throws when there is none of that name. */
export async function measureHostile(names: readonly string[] = Object.keys(modes)): Promise<HostileFigures> {
	const unknown = names.filter((name) => !Object.hasOwn(modes, name));
	if (unknown.length > 0)
		throw new Error(`There is no mode ${unknown.join(', ')}. There are: ${Object.keys(modes).join(', ')}.`);
	await using scene = await openScene();
	const attacks: Attack[] = [];
	for (const [name, mode] of Object.entries(modes) as readonly [ModeName, Mode][]) {
		if (!names.includes(name)) continue;
		const tries: Attack[] = [];
		for (let round = 0; round < rounds; round++) tries.push(await measureAttack(scene, name, mode));
		attacks.push(together(name, tries));
	}
	const worst = (of: (attack: Attack) => number) => Math.max(...attacks.map(of));
	return {
		'hostile.healthz_ms': worst(({ healthMs }) => healthMs),
		'hostile.drift_ratio': worst(ratioOf),
		'hostile.rss_mb': worst(({ rssMB }) => rssMB),
		notes: attacks.map(describe),
	};
}

async function measureAttack(scene: Scene, name: ModeName, mode: Mode): Promise<Attack> {
	const { healthMs, rssMB, result } = await scene.watched(async () => {
		const startedAt = performance.now();
		await scene.become(name);
		// The operator connects at once.
		await scene.touch();
		const suspension = mode.offence === undefined ? undefined : untilSuspended(scene, name, startedAt);
		const [attacked, suspendedMs] = await Promise.all([scene.repairs({ ms: windowMs }), suspension]);
		return { attacked, suspendedMs };
	});
	if (scene.operator.hasExited()) throw new Error(`${name}: the operator has ended`);
	const { spent } = await scene.become('good');
	await scene.touch();
	await scene.untilWell();
	await scene.burn(spent);
	const without = await scene.repairs({ ms: windowMs });
	return { name, healthMs, rssMB, without, ...result };
}

async function untilSuspended(scene: Scene, name: string, startedAt: number): Promise<number> {
	while (scene.condition('Reachable')?.reason !== 'ClusterMisbehaves') {
		if (performance.now() - startedAt > offenceDeadlineMs) throw new Error(`${name}: the cluster was not suspended`);
		await sleep(20);
	}
	return performance.now() - startedAt;
}

function together(name: string, tries: readonly Attack[]): Attack {
	const all = (of: (attack: Attack) => number) => Math.max(...tries.map(of));
	return {
		name,
		healthMs: all(({ healthMs }) => healthMs),
		rssMB: all(({ rssMB }) => rssMB),
		attacked: tries.flatMap(({ attacked }) => attacked),
		without: tries.flatMap(({ without }) => without),
		suspendedMs: tries[0]?.suspendedMs === undefined ? undefined : all(({ suspendedMs }) => suspendedMs ?? 0),
	};
}

/**
 * Without the slowest twentieth of each side: one repair that waits for the disk or for a neighbour on this machine would
 * outweigh all others. A time in which the operator does nothing else shows in the answers of `/healthz`.
 */
function ratioOf({ attacked, without }: Attack): number {
	return trimmedMean(attacked, 0.05) / trimmedMean(without, 0.05);
}

function describe(attack: Attack): string {
	const { name, healthMs, rssMB, attacked, without, suspendedMs } = attack;
	const shown = (series: readonly number[]) =>
		`${mean(series).toFixed(1)} ms (p50 ${quantile(series, 0.5).toFixed(1)}, p95 ${quantile(series, 0.95).toFixed(1)}, ${series.length} repairs)`;
	const suspended = suspendedMs === undefined ? '' : `, suspended within ${(suspendedMs / 1_000).toFixed(1)} s`;
	return `${name}: drift ${ratioOf(attack).toFixed(2)} times, ${shown(attacked)} and without ${shown(without)}; /healthz ${healthMs.toFixed(0)} ms, ${rssMB.toFixed(0)} MB${suspended}`;
}
