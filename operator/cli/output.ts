/** Prints results: text for people, YAML and JSON for programs. */
import { once } from 'node:events';
import { styleText } from 'node:util';
import { stringify } from 'yaml';

export type Format = 'text' | 'yaml' | 'json';

type Style = Parameters<typeof styleText>[0];

/**
 * Colours for one stream. There are none when it is no terminal, or `NO_COLOR` is set; `FORCE_COLOR` turns them on. Node
 * decides, as it does for its own output.
 */
export function painter(stream: NodeJS.WriteStream): (style: Style, text: string) => string {
	return (style, text) => (text === '' ? '' : styleText(style, text, { stream }));
}

/** Writes to standard output and waits until the text is taken, so that no line is lost in a pipe when the process ends. */
export async function print(text: string): Promise<void> {
	if (text !== '' && !process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)) {
		await once(process.stdout, 'drain');
	}
}

/** Prints a remark beside the result. It goes to standard error, and so never into a pipe. */
export function note(text: string): void {
	process.stderr.write(`${text}\n`);
}

/** One YAML document. Long strings are not folded, so that a diff of two outputs shows only what differs. */
export function toYaml(value: unknown): string {
	return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** YAML documents as `kubectl apply -f -` reads them, or one `List` in JSON. */
export function formatObjects(objects: readonly object[], format: 'yaml' | 'json'): string {
	return format === 'yaml'
		? objects.map((object) => `---\n${toYaml(object)}`).join('')
		: `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`;
}

export function formatValue(value: unknown, format: 'yaml' | 'json'): string {
	return format === 'yaml' ? toYaml(value) : `${JSON.stringify(value, null, 2)}\n`;
}

/** A table whose columns are padded to their widest cell. The last column is not padded. */
export function table(rows: readonly (readonly string[])[], gap = '   '): string {
	const widths: number[] = [];
	for (const row of rows) {
		for (const [index, cell] of row.entries()) {
			widths[index] = Math.max(widths[index] ?? 0, cell.length);
		}
	}
	return rows
		.map((row) =>
			row
				.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
				.join(gap)
				.trimEnd(),
		)
		.join('\n');
}

/** Makes another cluster's text safe for a terminal: on one line, and without anything that a terminal obeys. */
export function plain(text: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
	return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
}

/** An age as kubectl shows it: `3d4h`, `12m`, `7s`. */
export function age(since: string | undefined, now: number): string {
	if (since === undefined) {
		return '';
	}
	const seconds = Math.max(0, Math.round((now - Date.parse(since)) / 1000));
	const parts: readonly (readonly [number, string])[] = [
		[Math.floor(seconds / 86_400), 'd'],
		[Math.floor(seconds / 3600) % 24, 'h'],
		[Math.floor(seconds / 60) % 60, 'm'],
		[seconds % 60, 's'],
	];
	const first = parts.findIndex(([amount]) => amount > 0);
	if (first === -1) {
		return '0s';
	}
	// Two units while the first is small, as in 1h5m, and one unit otherwise.
	const shown = (parts[first]?.[0] ?? 0) < 10 ? parts.slice(first, first + 2) : parts.slice(first, first + 1);
	return shown
		.filter(([amount]) => amount > 0)
		.map(([amount, unit]) => `${amount}${unit}`)
		.join('');
}
