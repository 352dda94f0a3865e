/** How many proxies of one version the status tells of. Pure. */
import type { ParsedStatus } from '../../../api/v1/index.ts';

/** The parts of a status that tell of proxies. */
export type ToldOfProxies = Pick<ParsedStatus, 'proxies' | 'clusters'>;

/** So many clusters are named. */
const mostNamed = 5;

/** `3 pods have proxies of 1.4.10, of them 2 in cluster eu`. Undefined when it tells of none. */
export function runningOf({ proxies, clusters = [] }: ToldOfProxies, version: string): string | undefined {
	const countIn = (counts: NonNullable<ToldOfProxies['proxies']>['byVersion'] = []) =>
		counts.find((one) => one.version === version)?.count ?? 0;
	const there = clusters.flatMap(({ name, proxies: told }) => {
		const count = countIn(told?.byVersion);
		return count === 0 ? [] : [{ name, count }];
	});
	const total = there.reduce((sum, { count }) => sum + count, countIn(proxies?.byVersion));
	if (total === 0) return undefined;
	const named = there.slice(0, mostNamed).map(({ name, count }) => `${count} in cluster ${name}`);
	const more = there.length > mostNamed ? [`more in ${there.length - mostNamed} other clusters`] : [];
	const where = named.length === 0 ? '' : `, of them ${[...named, ...more].join(', ')}`;
	return `${total} ${total === 1 ? 'pod has a proxy' : 'pods have proxies'} of ${version}${where}`;
}
