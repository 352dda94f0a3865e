/** Findings about many objects: the first of each name are kept, the others counted, so that memory stays bounded. */
import type { UpgradeFinding } from './finding.ts';

const mostOfAName = 8;

interface Entry {
	readonly kept: UpgradeFinding[];
	more: number;
}

export class FindingTally {
	readonly #entries = new Map<string, Entry>();

	add(findings: readonly UpgradeFinding[]): void {
		for (const finding of findings) {
			const entry = this.#entries.get(finding.name) ?? { kept: [], more: 0 };
			if (entry.kept.length < mostOfAName) entry.kept.push(finding);
			else entry.more++;
			this.#entries.set(finding.name, entry);
		}
	}

	/** Adds what another one has counted. */
	take(other: FindingTally): void {
		for (const [name, { kept, more }] of other.#entries) {
			this.add(kept);
			const entry = this.#entries.get(name);
			if (entry !== undefined) entry.more += more;
		}
	}

	/** Those that were kept. The last one of a name says how many more there are. */
	get findings(): readonly UpgradeFinding[] {
		return [...this.#entries.values()].flatMap(({ kept, more }) => {
			const [last] = kept.slice(-1);
			return last === undefined || more === 0
				? kept
				: [...kept, { ...last, subject: `${more} more`, message: 'are like these' }];
		});
	}
}
