/** Compares what is rendered with what the last released version of the operator has rendered. Pure. */
import { compareVersions, readFullVersion } from '../../api/v1/index.ts';
import { bodyHash } from '../../operator/apply/fingerprint.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import type { AnnouncedChange } from './announced.ts';

/** Of each release of Istio, by object without its namespace, the hashes of all its golden renderings. */
export type RenderedHashes = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** Hashes of this length are told apart by chance once in a thousand million. */
const hashLength = 10;

/** The hashes of objects, sorted. */
export function hashesOf(objects: readonly KubeObject[]): Readonly<Record<string, readonly string[]>> {
	const byName = Map.groupBy(objects, ({ metadata: { namespace: _, ...metadata }, ...object }) =>
		objectKey({ ...object, metadata } as KubeObject),
	);
	return Object.fromEntries(
		[...byName]
			.map(([name, same]): [string, string[]] => [
				name,
				[...new Set(same.map((object) => bodyHash(object).slice(0, hashLength)))].sort(),
			])
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

export interface RenderingDifference {
	readonly release: string;
	readonly object: string;
}

/** The objects whose renderings are not those that they were. */
export function differencesOf(before: RenderedHashes, after: RenderedHashes): readonly RenderingDifference[] {
	// A release that one of them does not know is no change of what stands.
	return Object.keys(before).flatMap((release) => {
		const [old = {}, present = {}] = [before[release], after[release]];
		return [...new Set([...Object.keys(old), ...Object.keys(present)])]
			.filter((object) => String(old[object]) !== String(present[object]))
			.sort()
			.map((object) => ({ release, object }));
	});
}

/** The announcements that are about a later version than this one. */
export function announcedSince(all: readonly AnnouncedChange[], version: string): readonly AnnouncedChange[] {
	return all.filter(({ since }) => compareVersions(readFullVersion(since), readFullVersion(version)) > 0);
}

export function isAnnounced({ release, object }: RenderingDifference, change: AnnouncedChange): boolean {
	return (
		(change.releases?.includes(release) ?? true) &&
		change.objects.some((pattern) =>
			pattern.endsWith('*') ? object.startsWith(pattern.slice(0, -1)) : object === pattern,
		)
	);
}

/** The rows of docs/renderings.md. */
export function renderingsTable(all: readonly AnnouncedChange[]): string {
	return [
		'| Since | Istio | Objects | What is different | When the operator is upgraded |',
		'| --- | --- | --- | --- | --- |',
		...all
			.toReversed()
			.map(
				({ since, releases, objects, what, effect }) =>
					`| ${since} | ${releases?.join(', ') ?? 'all'} | ${objects.map((object) => `\`${object}\``).join(', ')} | ${what} | ${effect} |`,
			),
	].join('\n');
}
