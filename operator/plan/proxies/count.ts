/** Which proxy versions run where: counts of proxies, what the status tells of them, and which are too far from Pilot. Pure. */
import type { ParsedStatus } from '../../../api/v1/index.ts';

/** What makes the pods of a proxy. */
export interface ProxyOwner {
	readonly kind: string;
	readonly name: string;
}

export interface ProxyFacts {
	readonly namespace: string;
	/** Image of the proxy, cut to `longestText`. */
	readonly image: string;
	/** Namespace of the control plane that it asks. Undefined when the pod does not say. */
	readonly controlPlane: string | undefined;
	/** The workload of the pod. A Deployment instead of its ReplicaSet. Undefined for a pod that nobody makes anew. */
	readonly owner: ProxyOwner | undefined;
	/** The revision that made it, or the revision or tag that its pod asks for. Undefined when the pod says neither. */
	readonly revision?: string | undefined;
	/** How many proxies are like this one. Default 1. */
	readonly count?: number;
}

export type ProxiesStatus = NonNullable<ParsedStatus['proxies']>;
type VersionCount = ProxiesStatus['byVersion'][number];

/** Numbers of proxies by version. */
export type VersionCounts = ReadonlyMap<string, number>;

/** Numbers of the proxies of one mesh, by namespace and version. */
export type ProxyCounts = ReadonlyMap<string, VersionCounts>;

/** The mesh whose proxies are counted. */
export interface CountedMesh {
	readonly namespace: string;
	/** The version that the spec asks for. */
	readonly version: string;
	/** Images that are injected in it: they are of this version, whatever their tags say. */
	readonly images: readonly string[];
	/** The version of Pilot that runs. */
	readonly pilot: string;
	/** Whether no other mesh is in the cluster: then proxies that don't say whom they ask are of this one. */
	readonly isAlone: boolean;
}

/** Of an image that does not say its version. */
export const unknownVersion = 'unknown';

/** Whether a proxy asks the control plane of this mesh. */
export function isOf({ controlPlane }: ProxyFacts, { namespace, isAlone }: CountedMesh): boolean {
	return controlPlane === undefined ? isAlone : controlPlane === namespace;
}

/** The version of a proxy by its image: that of the mesh, or what its tag begins with. */
export function versionOf({ image }: Pick<ProxyFacts, 'image'>, { version, images }: CountedMesh): string {
	if (images.includes(image)) return version;
	const [name = ''] = image.split('@');
	return /:([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})([-+_.][^:/]*)?$/.exec(name)?.[1] ?? unknownVersion;
}

export function countProxies(facts: Iterable<ProxyFacts>, mesh: CountedMesh): ProxyCounts {
	const counts = new Map<string, Map<string, number>>();
	for (const proxy of facts) {
		if (!isOf(proxy, mesh)) continue;
		const version = versionOf(proxy, mesh);
		const there = counts.get(proxy.namespace) ?? new Map<string, number>();
		there.set(version, (there.get(version) ?? 0) + (proxy.count ?? 1));
		counts.set(proxy.namespace, there);
	}
	return counts;
}

export function totalOf(counts: ProxyCounts): number {
	return [...counts.values()].reduce((sum, there) => sum + sumOf(there), 0);
}

/** Namespaces that are told by name: those with the most proxies. */
const mostNamespaces = 20;
/** Versions that are told. A tenant chooses the tags of his images. */
const mostVersions = 16;
/** What the other versions are told as. */
const otherVersions = 'other';

/**
 * What the status tells. Numbers from 100 on are rounded to two digits, so that a status is not written for each pod.
 * Undefined when there are none.
 */
export function proxiesStatus(counts: ProxyCounts): ProxiesStatus | undefined {
	const total = totalOf(counts);
	if (total === 0) return undefined;
	const { shown, others } = byWeight(counts);
	return {
		total: rounded(total),
		byVersion: versionsIn(merged([...counts]), rounded),
		namespaces: shown
			.map(([name, there]) => ({ name, versions: versionsIn(there, rounded) }))
			.sort((a, b) => (a.name < b.name ? -1 : 1)),
		...(others.length === 0
			? {}
			: { otherNamespaces: { count: others.length, versions: versionsIn(merged(others), rounded) } }),
	};
}

/** What the status tells of the proxies in a joined cluster, as `proxiesStatus` does. */
export function proxiesThereStatus(counts: ProxyCounts): {
	readonly total: number;
	readonly byVersion?: VersionCount[];
} {
	const total = totalOf(counts);
	return total === 0 ? { total } : { total: rounded(total), byVersion: versionsIn(merged([...counts]), rounded) };
}

/** The exact numbers in as many series as the status shows. The namespace is empty for all others together. */
export function proxySeries(
	counts: ProxyCounts,
): readonly { readonly namespace: string; readonly version: string; readonly count: number }[] {
	const { shown, others } = byWeight(counts);
	return [...shown, ['', merged(others)] as const].flatMap(([namespace, there]) =>
		versionsIn(there, (count) => count).map((one) => ({ namespace, ...one })),
	);
}

type InNamespace = readonly [namespace: string, there: VersionCounts];

/** The namespaces with the most proxies, and all others. */
function byWeight(counts: ProxyCounts): {
	readonly shown: readonly InNamespace[];
	readonly others: readonly InNamespace[];
} {
	const sorted = [...counts].sort(
		([a, countsOfA], [b, countsOfB]) => sumOf(countsOfB) - sumOf(countsOfA) || (a < b ? -1 : 1),
	);
	return { shown: sorted.slice(0, mostNamespaces), others: sorted.slice(mostNamespaces) };
}

/** Numbers of the proxies of a mesh in joined clusters, by the name of the cluster. */
export type CountsThere = ReadonlyMap<string, ProxyCounts>;

/**
 * How many proxies still use a mesh, here and in joined clusters, and where, in a sentence. Undefined when there are none.
 */
export function useOf(here: ProxyCounts, there: CountsThere = new Map()): string | undefined {
	const used = [...there].filter(([, counts]) => totalOf(counts) > 0);
	const total = [here, ...used.map(([, counts]) => counts)].reduce((sum, counts) => sum + totalOf(counts), 0);
	if (total === 0) return undefined;
	const where = [
		...(here.size === 0 ? [] : [whereOf('namespace', [...here.keys()])]),
		...(used.length === 0
			? []
			: [
					whereOf(
						'cluster',
						used.map(([name]) => name),
					),
				]),
	];
	return `${total} ${total === 1 ? 'proxy still uses' : 'proxies still use'} it, in ${where.join(' and in ')}`;
}

/**
 * Proxies that are too far from Pilot, as a clause. Undefined when there are none.
 * @param cluster the joined cluster in which they are. Default: this one
 */
export function farOf(counts: ProxyCounts, pilot: string, cluster?: string): string | undefined {
	const clauses = (['behind', 'ahead'] as const).flatMap((side) => {
		const found = [...counts].flatMap(([namespace, there]) => {
			const far = new Map([...there].filter(([version]) => sideOf(version, pilot) === side));
			return far.size === 0 ? [] : [[namespace, far] as const];
		});
		if (found.length === 0) return [];
		const all = merged(found);
		const versions = versionsIn(all, rounded).map(({ version, count }) => `${count} of ${version}`);
		const where =
			cluster === undefined
				? whereOf(
						'namespace',
						found.map(([name]) => name),
					)
				: `cluster ${cluster}`;
		return [`${listOf(versions)} in ${where} are ${sideWords[side]} ${pilot}`];
	});
	return clauses.length === 0 ? undefined : clauses.join('; ');
}

/** Why proxies and Pilot are too far apart, in a sentence with what to do. Undefined when they are not. */
export function skewOf(clauses: readonly string[]): string | undefined {
	const more = clauses.length > mostNamed ? `; and more in ${clauses.length - mostNamed} other clusters` : '';
	return clauses.length === 0
		? undefined
		: `proxies that Istio does not support with this Pilot: ${clauses.slice(0, mostNamed).join('; ')}${more}. Restart their workloads (kubectl rollout restart), so that they get the present proxy`;
}

function whereOf(what: 'namespace' | 'cluster', names: readonly string[]): string {
	const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
	const named = names.toSorted().slice(0, mostNamed).join(', ');
	return `${what}${names.length === 1 ? '' : 's'} ${named}${more}`;
}

/** So many namespaces, or clusters, are named in a message. */
const mostNamed = 5;

/** Istio supports proxies of the minor of the control plane and of the one before (istio.io, "Control plane / data plane skew"). */
const sideWords = { behind: 'more than one minor behind Pilot', ahead: 'of a later minor than Pilot' } as const;

function sideOf(version: string, pilot: string): 'behind' | 'ahead' | undefined {
	const proxy = minorOf(version);
	const control = minorOf(pilot);
	if (proxy === undefined || control === undefined) return undefined;
	if (proxy > control) return 'ahead';
	return control - proxy > 1 ? 'behind' : undefined;
}

/** Majors are far apart: there is but one that anybody has seen. */
function minorOf(version: string): number | undefined {
	const parts = /^(\d+)\.(\d+)\./.exec(version);
	return parts === null ? undefined : Number(parts[1]) * 10_000 + Number(parts[2]);
}

function listOf(words: readonly string[]): string {
	return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function sumOf(there: VersionCounts): number {
	let sum = 0;
	for (const count of there.values()) sum += count;
	return sum;
}

function merged(namespaces: readonly InNamespace[]): VersionCounts {
	const all = new Map<string, number>();
	for (const [, there] of namespaces)
		for (const [version, count] of there) all.set(version, (all.get(version) ?? 0) + count);
	return all;
}

function versionsIn(there: VersionCounts, shown: (count: number) => number): VersionCount[] {
	const sorted = [...there].sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || (a < b ? -1 : 1));
	const rest = sorted.slice(mostVersions).reduce((sum, [, count]) => sum + count, 0);
	return [
		...sorted
			.slice(0, mostVersions)
			.map(([version, count]) => ({ version, count: shown(count) }))
			.sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true })),
		...(rest === 0 ? [] : [{ version: otherVersions, count: shown(rest) }]),
	];
}

function rounded(count: number): number {
	return count < 100 ? count : Number(count.toPrecision(2));
}
