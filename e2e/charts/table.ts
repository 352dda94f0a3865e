/** Writes the list of differences as a table for docs/compatibility.md. */
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { type Difference, type ListedDifference, listed } from './compare.ts';

/** More values than these would say no more. */
const mostValues = 3;
const mostCharacters = 60;

export function differenceTable(found: readonly Difference[], list: readonly ListedDifference[]): string {
	const byEntry = Map.groupBy(found, (difference) => listed(difference, list));
	const rows = list.flatMap((entry) => {
		const differences = byEntry.get(entry) ?? [];
		return differences.length === 0 ? [] : [row(entry, differences)];
	});
	return [
		'| Object | What | Releases | Charts | Meshwright | Why |',
		'| --- | --- | --- | --- | --- | --- |',
		...rows,
	].join('\n');
}

function row({ object, aspect, place, why }: ListedDifference, differences: readonly Difference[]): string {
	const cells = [
		`\`${object}\`${place === 'there' ? ' in a joined cluster' : ''}`,
		aspect === undefined ? 'is there' : `\`${aspect}\``,
		releases(differences),
		values(differences.map(({ charts }) => charts)),
		values(differences.map(({ meshwright }) => meshwright)),
		why,
	];
	return `| ${cells.join(' | ')} |`;
}

function releases(differences: readonly Difference[]): string {
	const versions = classicReleases.filter(({ version }) => differences.some((one) => one.version === version));
	return versions.length === classicReleases.length ? 'all' : versions.map(({ minor }) => minor).join(', ');
}

function values(all: readonly (string | undefined)[]): string {
	const words = [...new Set(all)].map((value) => {
		if (value === undefined) return 'no';
		if (value === 'there' || value === 'yes') return 'yes';
		return value === ''
			? 'empty'
			: `\`${value.length > mostCharacters ? `${value.slice(0, mostCharacters)}…` : value}\``;
	});
	return words.length > mostValues ? `${words.slice(0, mostValues).join(', ')}, …` : words.join(', ');
}
