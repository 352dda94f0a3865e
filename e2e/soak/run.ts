/** One soak, from the clusters to the verdict. */
import { setTimeout as sleep } from 'node:timers/promises';
import { act, beginWith, type Wanted } from './acts.ts';
import { commandOf, type SoakOptions } from './options.ts';
import { randomFrom } from './random.ts';
import type { Replica } from './replica.ts';
import { openStage, type Stage } from './stage.ts';
import { type Bounds, growthOf, judge, judgeMemory } from './verdict.ts';

export interface SoakRun extends SoakOptions {
	/** Where logs are kept. */
	readonly folder: string;
	readonly bounds: Bounds;
	/** Whether clusters that are lent will do. */
	readonly isShort: boolean;
	readonly signal: AbortSignal;
	/** Announces a step. */
	readonly say: (text: string) => void;
	/** Tells how far it is. */
	readonly tell: (line: string) => void;
}

const sampleMs = 5_000;
const tellMs = 15_000;
/** From this part of the time on one replica is not killed any more, so that its memory can be followed. */
const sparedFrom = 0.4;

/** Resolves with what was not as it should be. Rejects with the signal's reason when it is interrupted. */
export async function soak(run: SoakRun): Promise<readonly string[]> {
	const { minutes, meshes, seed, folder, bounds, isShort, signal, say, tell } = run;
	const random = randomFrom(seed);
	say(`Seed ${seed}; logs in ${folder}`);
	tell(commandOf(run));
	await using stage = await openStage({ random, folder, isShort });
	signal.throwIfAborted();
	say(`Two operators, ${meshes} meshes, and ${minutes} minutes in which a tenth of all requests goes wrong`);
	for (const replica of stage.replicas) await replica.start();
	const wanted = await beginWith(stage, meshes, random.for('begin'));

	const durationMs = minutes * 60_000;
	const begun = performance.now();
	const spared = random.for('spared').pick(stage.replicas);
	const over = new AbortController();
	const end = AbortSignal.any([over.signal, signal]);
	const mayKill = (replica: Replica) => replica !== spared || performance.now() - begun < sparedFrom * durationMs;
	const watching = watch(stage, wanted, begun, end, tell);
	const timer = setTimeout(() => over.abort(), durationMs);
	try {
		await act(stage, wanted, random, { end, mayKill });
	} finally {
		clearTimeout(timer);
		over.abort();
		await watching;
	}
	signal.throwIfAborted();

	say('The API servers are well again');
	stage.calm();
	tell(await lineOf(stage, wanted, begun));
	const memory = stage.replicas.flatMap(judgeMemory);
	const verdict = await raceWith(signal, judge(stage, wanted, bounds, say));
	for (const line of figures(stage, verdict.readyAfterMs)) tell(line);
	const problems = [...stage.problems, ...memory, ...verdict.problems];
	stage.journal.line(problems.length === 0 ? 'all is as it should be' : problems.join('\n'));
	return problems;
}

/** Measures memory, and tells how far everything is, until the end. */
async function watch(
	stage: Stage,
	wanted: Wanted,
	begun: number,
	end: AbortSignal,
	tell: (line: string) => void,
): Promise<void> {
	let toldAt = performance.now();
	while (!end.aborted) {
		await sleep(sampleMs, undefined, { signal: end }).catch(() => undefined);
		await Promise.all(stage.replicas.map((replica) => replica.measure()));
		if (performance.now() - toldAt < tellMs || end.aborted) continue;
		toldAt = performance.now();
		tell(await lineOf(stage, wanted, begun));
	}
}

async function lineOf(stage: Stage, wanted: Wanted, begun: number): Promise<string> {
	const seconds = Math.round((performance.now() - begun) / 1_000);
	const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
	const operators = await Promise.all(
		stage.replicas.map(async (replica) => {
			const now = replica.memory.at(-1);
			const size = now === undefined ? '–' : `${now.mb.toFixed(0)} MB`;
			return `${replica.name} ${(await replica.isReady()) ? 'ready' : 'not ready'} ${size}`;
		}),
	);
	const { all, misbehaved } = total(stage);
	return `${time.padStart(6)}  ${all} requests, ${misbehaved} misbehaved; ${wanted.meshes.size} meshes; ${operators.join(', ')}`;
}

function total({ home, there }: Stage): { readonly all: number; readonly misbehaved: number } {
	return {
		all: home.counts.all + there.counts.all,
		misbehaved: home.counts.misbehaved + there.counts.misbehaved,
	};
}

function figures(stage: Stage, readyAfterMs: number | undefined): readonly string[] {
	const { all, misbehaved } = total(stage);
	const memory = stage.replicas.map(({ name, memory: samples }) => {
		const [first, last] = growthOf(samples);
		const growth =
			first === undefined || last === undefined ? '' : `heap ${first.toFixed(0)} → ${last.toFixed(0)} MB, `;
		return `${name} ${growth}at most ${Math.max(0, ...samples.map(({ mb }) => mb)).toFixed(0)} MB`;
	});
	return [
		`requests ${all}, misbehaved ${misbehaved}`,
		`acts: ${stage.journal.summary}`,
		`memory of the last processes: ${memory.join('; ')}`,
		...(stage.journal.countOf('slow') === 0
			? []
			: [`${stage.journal.countOf('slow')} requests were slow although they were left alone: the machine is busy`]),
		`all ready after ${readyAfterMs === undefined ? '–' : `${(readyAfterMs / 1_000).toFixed(1)} s`}`,
	];
}

async function raceWith<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
	const { promise: aborted, reject } = Promise.withResolvers<never>();
	const onAbort = () => reject(signal.reason);
	signal.addEventListener('abort', onAbort, { once: true });
	try {
		return await Promise.race([work, aborted]);
	} finally {
		signal.removeEventListener('abort', onAbort);
	}
}
