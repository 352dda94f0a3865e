/** Which test files there are, what they need, and in which order they run. */
import { glob } from 'node:fs/promises';
import path from 'node:path';

/** Whether the tests of a file need a cluster. The end of its name says so. */
export function needsCluster(file: string): boolean {
	return /\.(?:api-server|cluster)\.test\.ts$/.test(file);
}

/** Paths of all files that some patterns match, from a folder, sorted. */
export async function findFiles(folder: string, patterns: readonly string[]): Promise<readonly string[]> {
	const found: string[] = [];
	for await (const file of glob(patterns, { cwd: folder })) found.push(file.split(path.sep).join('/'));
	return found.sort();
}

/**
 * What takes longest, and so begins first: the end of a run has work for all cores. Files that keep a core busy alternate with
 * files that wait most of the time.
 */
const longest: readonly RegExp[] = [
	/\/soak\//,
	/\/ladder/,
	/\/hostile\/hostile\./,
	/clusters\/crash-points\./,
	/\/crash-points\./,
	/profiles\./,
	/rotation\./,
	/leaving\./,
	/crash-points-crds\./,
	/\/faults\./,
	/full-mesh\./,
	/bench\./,
	/e2e\/upgrade\//,
	/\/components\./,
	/crash-points-/,
	/leader-election\./,
	/\/real-istio\/upgrade\./,
	/data-plane-authority\./,
	/cli\/(?:clusters\/clusters|commands)\./,
	/\/(?:demo|citadel|release-change|data-plane|scaling|rolling|inject|outage|drift|process|proxies|quiet)\b/,
	/revisions\/canary\./,
];

function rank(file: string): number {
	const found = longest.findIndex((pattern) => pattern.test(file));
	return found === -1 ? longest.length : found;
}

export interface Selection {
	/** Those that need no cluster. */
	readonly alone: readonly string[];
	/** Those that need one, the longest first. */
	readonly withCluster: readonly string[];
	/** What was asked for and matches nothing. */
	readonly unmatched: readonly string[];
}

/** @param wanted files, folders or patterns; all files where there are none */
export function selectFiles(files: readonly string[], wanted: readonly string[]): Selection {
	const matches = (pattern: string) =>
		files.filter((file) => file === pattern || file.startsWith(`${pattern}/`) || path.posix.matchesGlob(file, pattern));
	const asked = wanted.map((pattern) => {
		const plain = path.posix.normalize(pattern).replace(/\/$/, '');
		return { pattern, found: matches(plain) };
	});
	const selected = wanted.length === 0 ? files : [...new Set(asked.flatMap(({ found }) => found))];
	return {
		alone: selected.filter((file) => !needsCluster(file)),
		withCluster: selected.filter(needsCluster).toSorted((a, b) => rank(a) - rank(b)),
		unmatched: asked.filter(({ found }) => found.length === 0).map(({ pattern }) => pattern),
	};
}
