/** Writes the list of differences as a table for a page of the docs. */
import { type Difference, type ListedDifference, listed } from './compare.ts';

/** More values than these would say no more. */
const mostValues = 3;
const mostCharacters = 60;

/** What was compared: the `version` of a difference, and what a reader calls it. */
export interface ComparedRelease {
	readonly version: string;
	readonly minor: string;
}

export function differenceTable(
	found: readonly Difference[],
	list: readonly ListedDifference[],
	compared: readonly ComparedRelease[],
): string {
	const byEntry = Map.groupBy(found, (difference) => listed(difference, list));
	const rows = list.flatMap((entry) => {
		const differences = byEntry.get(entry) ?? [];
		return differences.length === 0 ? [] : [row(entry, differences, compared)];
	});
	return [
		'| Object | What | Releases | Charts | Meshwright | Why |',
		'| --- | --- | --- | --- | --- | --- |',
		...rows,
	].join('\n');
}

function row(
	{ object, aspect, place, why }: ListedDifference,
	differences: readonly Difference[],
	compared: readonly ComparedRelease[],
): string {
	const cells = [
		`\`${object}\`${place === 'there' ? ' in a joined cluster' : ''}`,
		aspect === undefined ? 'is there' : `\`${aspect}\``,
		releases(differences, compared),
		values(differences.map(({ charts }) => charts)),
		values(differences.map(({ meshwright }) => meshwright)),
		why,
	];
	return `| ${cells.join(' | ')} |`;
}

function releases(differences: readonly Difference[], compared: readonly ComparedRelease[]): string {
	const versions = compared.filter(({ version }) => differences.some((one) => one.version === version));
	return versions.length === compared.length ? 'all' : versions.map(({ minor }) => minor).join(', ');
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
