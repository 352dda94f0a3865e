/**
 * Measures what a joined cluster can do to the operator: in each mode of a hostile API server, how fast `/healthz` answers,
 * how long drift at home lives compared with before, and how much memory is resident. The worst of all modes counts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Mode, type ModeName, modes } from '../hostile/modes.ts';
import { openScene, type Scene } from '../hostile/scene.ts';

export interface HostileFigures {
	readonly 'hostile.healthz_ms': number;
	readonly 'hostile.drift_ratio': number;
	readonly 'hostile.rss_mb': number;
	readonly notes: readonly string[];
}

/** Each mode goes on this long at least, and until the cluster is suspended if it should be. */
const attackMs = 5_000;
const offenceDeadlineMs = 90_000;
/** Changes at home are repaired one after the other, this many before and while the server misbehaves. */
const repairs = 24;

interface Attack {
	readonly name: string;
	readonly healthMs: number;
	readonly rssMB: number;
	readonly ratio: number;
	readonly suspendedMs: number | undefined;
}

export async function measureHostile(): Promise<HostileFigures> {
	await using scene = await openScene();
	const attacks: Attack[] = [];
	for (const [name, mode] of Object.entries(modes) as readonly [ModeName, Mode][])
		attacks.push(await measureAttack(scene, name, mode));
	const worst = (of: (attack: Attack) => number) => Math.max(...attacks.map(of));
	return {
		'hostile.healthz_ms': worst(({ healthMs }) => healthMs),
		'hostile.drift_ratio': worst(({ ratio }) => ratio),
		'hostile.rss_mb': worst(({ rssMB }) => rssMB),
		notes: attacks.map(
			({ name, healthMs, rssMB, ratio, suspendedMs }) =>
				`${name}: /healthz ${healthMs.toFixed(0)} ms, drift ${ratio.toFixed(2)} times, ${rssMB.toFixed(0)} MB${suspendedMs === undefined ? '' : `, suspended after ${(suspendedMs / 1_000).toFixed(1)} s`}`,
		),
	};
}

async function measureAttack(scene: Scene, name: ModeName, mode: Mode): Promise<Attack> {
	const before = await scene.repairs(repairs);
	const { healthMs, rssMB, result } = await scene.watched(async () => {
		const startedAt = performance.now();
		await scene.become(name);
		await scene.touch();
		const series = await scene.repairs(repairs);
		const suspendedMs = mode.offence === undefined ? undefined : await untilSuspended(scene, name, startedAt);
		await sleep(Math.max(0, startedAt + attackMs - performance.now()));
		return { series, suspendedMs };
	});
	if (scene.operator.hasExited()) throw new Error(`${name}: the operator has ended`);
	await scene.become('good');
	await scene.touch();
	await scene.untilWell();
	return { name, healthMs, rssMB, ratio: mean(result.series) / mean(before), suspendedMs: result.suspendedMs };
}

async function untilSuspended(scene: Scene, name: string, startedAt: number): Promise<number> {
	while (scene.condition('Reachable')?.reason !== 'ClusterMisbehaves') {
		if (performance.now() - startedAt > offenceDeadlineMs) throw new Error(`${name}: the cluster was not suspended`);
		await sleep(20);
	}
	return performance.now() - startedAt;
}

/** Not the median: a repair that is stored before its edit is acknowledged counts as nothing. */
function mean(series: readonly number[]): number {
	return series.reduce((sum, value) => sum + value, 0) / series.length;
}
