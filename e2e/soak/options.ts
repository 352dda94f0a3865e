/** The options of a soak. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export interface SoakOptions {
	/** How long everything goes wrong. */
	readonly minutes: number;
	/** How many meshes come and go. */
	readonly meshes: number;
	readonly seed: string;
}

const mostMinutes = 24 * 60;
const mostMeshes = 50;

/** Throws when an option is wrong, with a message for the user. */
export function readOptions(args?: readonly string[]): SoakOptions {
	const { values } = parseArgs({
		...(args === undefined ? {} : { args: [...args] }),
		options: {
			minutes: { type: 'string', default: '10' },
			meshes: { type: 'string', default: '20' },
			seed: { type: 'string' },
		},
	});
	const minutes = Number(values.minutes);
	if (!/^\d+(\.\d+)?$/.test(values.minutes) || minutes <= 0 || minutes > mostMinutes) {
		throw new Error(
			`--minutes must be a number above 0 and at most ${mostMinutes}, not ${JSON.stringify(values.minutes)}`,
		);
	}
	const meshes = Number(values.meshes);
	if (!/^\d+$/.test(values.meshes) || meshes < 1 || meshes > mostMeshes) {
		throw new Error(`--meshes must be a whole number from 1 to ${mostMeshes}, not ${JSON.stringify(values.meshes)}`);
	}
	const seed = values.seed ?? String(randomInt(1_000_000));
	if (!/^[\w.-]{1,40}$/.test(seed)) {
		throw new Error(`--seed must have 1 to 40 letters, digits, dots or dashes, not ${JSON.stringify(seed)}`);
	}
	return { minutes, meshes, seed };
}

/** The command that runs the same again. */
export function commandOf({ minutes, meshes, seed }: SoakOptions): string {
	return `npm run soak -- --minutes ${minutes} --meshes ${meshes} --seed ${seed}`;
}
