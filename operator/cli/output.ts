/** The forms of a result: YAML and JSON for programs, tables and ages for people. */
import stringWidth from 'string-width';
import { visible } from '../runtime/visible-text.ts';
import { toJson, toYaml } from './document.ts';

export type Format = 'text' | 'yaml' | 'json';

/** YAML documents as `kubectl apply -f -` reads them, or one `List` in JSON. */
export function formatObjects(objects: readonly object[], format: 'yaml' | 'json'): string {
	return format === 'yaml'
		? objects.map((object) => `---\n${toYaml(object)}`).join('')
		: `${toJson({ apiVersion: 'v1', kind: 'List', items: objects }, 2)}\n`;
}

export function formatValue(value: unknown, format: 'yaml' | 'json'): string {
	return format === 'yaml' ? toYaml(value) : `${toJson(value, 2)}\n`;
}

/**
 * A table whose columns are padded to their widest cell, as a terminal shows it. The last column is not padded. A row is one
 * line, whatever its cells hold.
 */
export function table(rows: readonly (readonly string[])[], gap = '   '): string {
	const shown = rows.map((row) => row.map(visible).map((text) => ({ text, width: stringWidth(text) })));
	const widths: number[] = [];
	for (const row of shown) {
		for (const [index, { width }] of row.entries()) {
			widths[index] = Math.max(widths[index] ?? 0, width);
		}
	}
	return shown
		.map((row) =>
			row
				.map(({ text, width }, index) =>
					index === row.length - 1 ? text : text + ' '.repeat((widths[index] ?? 0) - width),
				)
				.join(gap)
				.trimEnd(),
		)
		.join('\n');
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
