/**
 * What tests that hold for a mesh of any line have to know of each: one release, what a spec says there, and the names of what is
 * made of it. Such a test goes over this table instead of being written twice.
 */
import { lines } from '../../operator/lines/index.ts';
import { someVersion } from './installation.ts';

export interface LineUnderTest {
	readonly line: string;
	/** The release that stands for its line. */
	readonly version: string;
	/** Name of the Deployment and of the Service that proxies ask. */
	readonly pilot: string;
}

/** One of each line. Only one mesh of istiod in a cluster can serve those who name no revision. */
export const linesUnderTest: readonly LineUnderTest[] = [
	{ line: 'classic', version: someVersion, pilot: 'istio-pilot' },
	{ line: 'istiod', version: '1.31.4', pilot: 'istiod' },
];

/** The lines that have no entry in the table. A test says that there are none. */
export function untestedLines(): readonly string[] {
	const tested = new Set<string>(linesUnderTest.map(({ line }) => line));
	return [...new Set(lines.releases.map(({ line }) => line))].filter((line) => !tested.has(line));
}

/** The release that stands for a line. Throws where the table has none. */
export function versionUnderTest(name: string): string {
	const found = linesUnderTest.find(({ line }) => line === name);
	if (found === undefined) throw new TypeError(`no release of the line ${name} is tried`);
	return found.version;
}
