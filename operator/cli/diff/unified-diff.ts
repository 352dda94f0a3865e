/** Line diffs for people: the shortest edit script (Myers 1986, linear in what differs), shown as unified hunks. */

export interface Line {
	readonly mark: ' ' | '-' | '+';
	readonly text: string;
}

/** The shortest list of kept, removed and added lines that leads from one text to the other. */
export function diffLines(before: readonly string[], after: readonly string[]): Line[] {
	let start = 0;
	while (start < before.length && start < after.length && before[start] === after[start]) {
		start++;
	}
	let end = 0;
	while (
		end < before.length - start &&
		end < after.length - start &&
		before[before.length - 1 - end] === after[after.length - 1 - end]
	) {
		end++;
	}
	const kept = (text: string): Line => ({ mark: ' ', text });
	return [
		...before.slice(0, start).map(kept),
		...shortestEdit(before.slice(start, before.length - end), after.slice(start, after.length - end)),
		...before.slice(before.length - end).map(kept),
	];
}

/** `furthest[k]`: how far along `before` the best path on diagonal k (before - after) has come; one copy per number of edits. */
function shortestEdit(before: readonly string[], after: readonly string[]): Line[] {
	if (before.length === 0 || after.length === 0) {
		return [...before.map((text): Line => ({ mark: '-', text })), ...after.map((text): Line => ({ mark: '+', text }))];
	}
	const trace: Map<number, number>[] = [];
	let furthest = new Map<number, number>([[1, 0]]);
	const at = (map: ReadonlyMap<number, number>, diagonal: number): number => map.get(diagonal) ?? -1;
	const goesDown = (map: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean =>
		diagonal === -edits || (diagonal !== edits && at(map, diagonal - 1) < at(map, diagonal + 1));

	for (let edits = 0; edits <= before.length + after.length; edits++) {
		trace.push(furthest);
		furthest = new Map(furthest);
		for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
			let x = goesDown(furthest, diagonal, edits) ? at(furthest, diagonal + 1) : at(furthest, diagonal - 1) + 1;
			while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) {
				x++;
			}
			furthest.set(diagonal, x);
			if (x >= before.length && x - diagonal >= after.length) {
				return walkBack(before, after, trace, goesDown, at);
			}
		}
	}
	return [];
}

function walkBack(
	before: readonly string[],
	after: readonly string[],
	trace: readonly ReadonlyMap<number, number>[],
	goesDown: (map: ReadonlyMap<number, number>, diagonal: number, edits: number) => boolean,
	at: (map: ReadonlyMap<number, number>, diagonal: number) => number,
): Line[] {
	const lines: Line[] = [];
	let x = before.length;
	let y = after.length;
	for (const [edits, furthest] of [...trace.entries()].reverse()) {
		const diagonal = x - y;
		const from = goesDown(furthest, diagonal, edits) ? diagonal + 1 : diagonal - 1;
		const fromX = edits === 0 ? 0 : at(furthest, from);
		const fromY = edits === 0 ? 0 : fromX - from;
		while (x > fromX && y > fromY) {
			x--;
			y--;
			lines.push({ mark: ' ', text: before[x] ?? '' });
		}
		if (edits > 0) {
			if (x > fromX) {
				x--;
				lines.push({ mark: '-', text: before[x] ?? '' });
			} else {
				y--;
				lines.push({ mark: '+', text: after[y] ?? '' });
			}
		}
	}
	return lines.reverse();
}

/** Header lines, then hunks with `context` unchanged lines around each change. Empty when the texts are equal. */
export function unifiedDiff(
	names: { readonly before: string; readonly after: string },
	before: string,
	after: string,
	context = 3,
): string[] {
	const lines = diffLines(toLines(before), toLines(after));
	const changed = lines.flatMap((line, index) => (line.mark === ' ' ? [] : [index]));
	if (changed.length === 0) {
		return [];
	}
	const output = [`--- ${names.before}`, `+++ ${names.after}`];
	for (const [first, last] of hunks(changed, context, lines.length)) {
		const hunk = lines.slice(first, last);
		const count = (other: '-' | '+', part: readonly Line[]): number => part.filter(({ mark }) => mark !== other).length;
		const earlier = lines.slice(0, first);
		output.push(
			`@@ -${range(count('+', earlier), count('+', hunk))} +${range(count('-', earlier), count('-', hunk))} @@`,
			...hunk.map(({ mark, text }) => `${mark}${text}`),
		);
	}
	return output;
}

/** Line ranges (first, one after the last) that hold all changes with their context; those that touch are one. */
function hunks(changed: readonly number[], context: number, length: number): [number, number][] {
	const found: [number, number][] = [];
	for (const index of changed) {
		const current = found.at(-1);
		const last = Math.min(length, index + context + 1);
		if (current !== undefined && index - context <= current[1]) {
			current[1] = last;
		} else {
			found.push([Math.max(0, index - context), last]);
		}
	}
	return found;
}

function range(earlier: number, count: number): string {
	const start = count === 0 ? earlier : earlier + 1;
	return count === 1 ? String(start) : `${start},${count}`;
}

function toLines(text: string): string[] {
	return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
