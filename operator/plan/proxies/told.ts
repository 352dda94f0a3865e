/** Whether proxies of one version run: by what was counted, or by what a status tells. Pure. */
import type { ParsedStatus } from '../../../api/v1/index.ts';

/** The parts of a status that tell of proxies. */
export type ToldOfProxies = Pick<ParsedStatus, 'proxies' | 'clusters' | 'conditions'>;

/** What is known of the proxies of one version. */
export interface VersionProxies {
	/** `3 pods have proxies of 1.4.10`. Undefined when none is known. */
	readonly running: string | undefined;
	/** Why nobody knows whether there are others, as a clause. */
	readonly unknown: string | undefined;
	/** Whether they are in another cluster that Pilot serves: then this mesh does not inject them, and has no say in when they come. */
	readonly isElsewhere?: boolean;
}

/** So many clusters are named. */
const mostNamed = 5;

/** Why nobody knows of the proxies of a Pilot that serves another cluster, as a clause. */
export const servedUnseen =
	'Pilot serves another cluster (spec.pilot.kubeconfigSecret), whose pods the operator does not see';

/** `3 pods have proxies of 1.4.10, of them 2 in cluster eu`. Undefined when there are none. */
export function runningIn(
	here: number,
	clusters: readonly { readonly name: string; readonly count: number }[],
	version: string,
): string | undefined {
	const there = clusters.filter(({ count }) => count > 0);
	const total = there.reduce((sum, { count }) => sum + count, here);
	if (total === 0) return undefined;
	const named = there.slice(0, mostNamed).map(({ name, count }) => `${count} in cluster ${name}`);
	const more = there.length > mostNamed ? [`more in ${there.length - mostNamed} other clusters`] : [];
	const where = named.length === 0 ? '' : `, of them ${[...named, ...more].join(', ')}`;
	return `${total} ${total === 1 ? 'pod has a proxy' : 'pods have proxies'} of ${version}${where}`;
}

/** What a status tells of the proxies of one version. It may be some time behind. */
export function toldOf({ proxies, clusters = [], conditions = [] }: ToldOfProxies, version: string): VersionProxies {
	const countIn = (counts: NonNullable<ToldOfProxies['proxies']>['byVersion'] = []) =>
		counts.find((one) => one.version === version)?.count ?? 0;
	const there = clusters.map(({ name, proxies: told }) => ({ name, count: countIn(told?.byVersion) }));
	const unseen = conditions.find(({ type, status }) => type === 'ProxiesSupported' && status === 'Unknown')?.message;
	const doubts = clusters.flatMap(({ name, proxies: told }) =>
		told?.message === undefined ? [] : [`cluster ${name}: ${told.message}`],
	);
	return {
		running: runningIn(countIn(proxies?.byVersion), there, version),
		unknown: unseen ?? (doubts.slice(0, mostNamed).join('; ') || undefined),
	};
}
