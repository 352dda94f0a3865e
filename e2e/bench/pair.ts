/** Two sides of a ratio, measured in turns: what else happens on the machine meets both. */
import { describeSeries, median } from './statistics.ts';

export interface Pair {
	readonly floorMs: readonly number[];
	readonly operatorMs: readonly number[];
}

export type PairFigures<Name extends string> = Readonly<
	Record<`${Name}.ratio` | `${Name}.ms` | `${Name}.floor_ms`, number>
>;

/** Measures both sides so many times, one after the other. Both resolve with milliseconds. */
export async function inTurns(
	runs: number,
	floor: () => Promise<number>,
	operator: () => Promise<number>,
): Promise<Pair> {
	const [floorMs, operatorMs]: [number[], number[]] = [[], []];
	for (let run = 0; run < runs; run++) {
		floorMs.push(await floor());
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
