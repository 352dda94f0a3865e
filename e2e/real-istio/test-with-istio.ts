/** Tests that need Istio's own programs: skipped, with a title that says what to do, where they are not built. */
import test, { type ExecutionContext } from 'ava';
import { locateRealIstio, type RealIstio, realIstioVariable } from './locate.ts';
import { istioPins } from './pins.ts';

const found = new Map(
	await Promise.all(istioPins.map(async (pins) => [pins.line, await locateRealIstio(pins)] as const)),
);

/** Declares a test for each line. */
export function testWithIstio(title: string, run: (t: ExecutionContext, real: RealIstio) => Promise<unknown>): void {
	for (const [line, real] of found) {
		if (real !== undefined) test.serial(`${line}: ${title}`, async (t) => void (await run(t, real)));
		else test.skip(`${line}: ${title} (not built: ${realIstioVariable}=1 builds it)`, () => undefined);
	}
}

/** Declares a test that needs the programs of all lines. */
export function testWithAllIstio(
	title: string,
	run: (t: ExecutionContext, all: readonly RealIstio[]) => Promise<unknown>,
): void {
	const all = [...found.values()].filter((real) => real !== undefined);
	if (all.length === found.size) test.serial(title, async (t) => void (await run(t, all)));
	else test.skip(`${title} (not built: ${realIstioVariable}=1 builds it)`, () => undefined);
}
