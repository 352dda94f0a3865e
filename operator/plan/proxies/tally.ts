/** Sums up the proxies of a mesh by version for the checks before a change of version, with an example of each. Pure. */
import type { SeenProxies } from '../upgrade/gathered.ts';
import { type CountedMesh, isOf, type ProxyFacts, unknownVersion, versionOf } from './count.ts';

/** Whoever makes pods chooses their tags, so no more versions than these are told apart. */
const mostVersions = 64;

export class ProxyTally {
	readonly #mesh: CountedMesh;
	readonly #seen = new Map<string, SeenProxies>();

	constructor(mesh: CountedMesh) {
		this.#mesh = mesh;
	}

	/** @param example whose proxy it is: `shop/web-5d4` */
	add(proxy: ProxyFacts, example: string): void {
		if (!isOf(proxy, this.#mesh)) return;
		const version = versionOf(proxy, this.#mesh);
		const key = this.#seen.has(version) || this.#seen.size < mostVersions ? version : unknownVersion;
		const before = this.#seen.get(key);
		this.#seen.set(key, {
			version: key === unknownVersion ? undefined : key,
			count: (before?.count ?? 0) + (proxy.count ?? 1),
			example: before?.example ?? example,
		});
	}

	get seen(): readonly SeenProxies[] {
		return [...this.#seen.values()];
	}
}

/**
 * The proxies that an index knows.
 * @param where is told of each example: ` in cluster west`
 */
export function tallyOf(proxies: Iterable<ProxyFacts>, mesh: CountedMesh, where = ''): readonly SeenProxies[] {
	const tally = new ProxyTally(mesh);
	for (const proxy of proxies) {
		tally.add(proxy, `${whose(proxy)}${where}`);
	}
	return tally.seen;
}

/** Of joined clusters only numbers are kept, without namespaces. */
function whose({ namespace, owner }: ProxyFacts): string {
	if (namespace === '') return 'those';
	return owner === undefined ? `those of namespace ${namespace}` : `those of ${owner.kind} ${namespace}/${owner.name}`;
}
