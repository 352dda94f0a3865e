/** Two sides of a ratio, measured in turns: what else happens on the machine meets both. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describeSeries, median } from './statistics.ts';

export interface Pair {
	readonly floorMs: readonly number[];
	readonly operatorMs: readonly number[];
}

export type PairFigures<Name extends string> = Readonly<
	Record<`${Name}.ratio` | `${Name}.ms` | `${Name}.floor_ms`, number>
>;

/**
 * Both sides begin on a server that has been quiet for this time. The first consistent list after some 100 ms without one is
 * answered at once, and the next ones wait for a turn (kubernetes `progressRequestPeriod`): whoever came second would pay.
 */
const quietMs = 500;

/** Measures both sides so many times, one after the other. Both resolve with milliseconds. */
export async function inTurns(
	runs: number,
	floor: () => Promise<number>,
	operator: () => Promise<number>,
): Promise<Pair> {
	const [floorMs, operatorMs]: [number[], number[]] = [[], []];
	for (let run = 0; run < runs; run++) {
		await sleep(quietMs);
		floorMs.push(await floor());
		await sleep(quietMs);
		operatorMs.push(await operator());
	}
	return { floorMs, operatorMs };
}

export function asFigures<Name extends string>(name: Name, { floorMs, operatorMs }: Pair): PairFigures<Name> {
	const [floor, operator] = [median(floorMs), median(operatorMs)];
	return {
		[`${name}.ratio`]: operator / floor,
		[`${name}.ms`]: operator,
		[`${name}.floor_ms`]: floor,
	} as PairFigures<Name>;
}

export function describePair({ floorMs, operatorMs }: Pair): string {
	return `${describeSeries(operatorMs)} ms, floor ${describeSeries(floorMs)} ms`;
}
