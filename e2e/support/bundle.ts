/**
 * The program that processes under test run: the bundle as it is shipped. It starts four times as fast as the sources, and
 * tests that kill an operator at each of its writes start one for each.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWhenOrphaned } from '../control-plane/guard.ts';
import { setting } from '../control-plane/source.ts';

/** Names the bundle that the runner built for all test files of its run. */
export const bundleVariable = 'MESHWRIGHT_TEST_BUNDLE';

/**
 * Flags of Node for programs under test, which mostly live for less than a second: room for young objects from the start.
 * V8 begins with one MB and would collect garbage again and again until it had given as much. It takes a tenth less CPU time.
 */
export const shortLivedFlags = ['--min-semi-space-size=16'] as const;

let bundle: Promise<string> | undefined;

/** Path of the bundle: that of the runner, or one that is built now and goes with this process. `dist` is somebody else's. */
export function operatorBundle(): Promise<string> {
	bundle ??= build();
	return bundle;
}

async function build(): Promise<string> {
	const given = setting(process.env, bundleVariable);
	if (given !== undefined) return given;
	// Not before it is needed: it brings the bundler along.
	const { buildBundle } = await import('../../deploy/build.ts');
	const folder = await mkdtemp(join(tmpdir(), 'meshwright-bundle-'));
	await removeWhenOrphaned(folder);
	return buildBundle(join(folder, 'dist'), { withList: false });
}
