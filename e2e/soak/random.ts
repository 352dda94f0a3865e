/** Chance that can be had again: every decision of a run follows from its seed. */
import { createHash } from 'node:crypto';

export interface Random {
	/** In [0, 1). */
	readonly fraction: () => number;
	/** A whole number from `least` to `most`, both included. */
	readonly whole: (least: number, most: number) => number;
	readonly isLucky: (probability: number) => boolean;
	/** Undefined when there is nothing to pick from. */
	readonly pick: <T>(items: readonly T[]) => T | undefined;
	/** Chance of its own for a part of the run: what other parts do does not change it. */
	readonly for: (part: string) => Random;
}

/** mulberry32 (Tommy Ettinger, public domain), begun at a hash of the seed. */
export function randomFrom(seed: string): Random {
	let state = createHash('sha256').update(seed).digest().readUInt32LE();
	const fraction = () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	return {
		fraction,
		whole: (least, most) => least + Math.floor(fraction() * (most - least + 1)),
		isLucky: (probability) => fraction() < probability,
		pick: (items) => items[Math.floor(fraction() * items.length)],
		for: (part) => randomFrom(`${seed}/${part}`),
	};
}
