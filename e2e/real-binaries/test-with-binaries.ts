/** Tests that need Istio's own binaries: skipped, and seen to be, where there are none of the release. */
import test, { type ExecutionContext } from 'ava';
import { versionsWithBinaries } from './programs.ts';

const versions = versionsWithBinaries();

/** One after the other: each binary listens on the ports of its pod. */
export function testWithBinaries(version: string, title: string, run: (t: ExecutionContext) => Promise<unknown>): void {
	if (versions.includes(version)) test.serial(title, async (t) => void (await run(t)));
	else test.skip(title, () => undefined);
}
