/** Finds the smallest edits of a text that give one value of a YAML document another value. */
import { isDeepStrictEqual } from 'node:util';
import { isAlias, isMap, isSeq, type YAMLMap, type YAMLSeq } from 'yaml';
import { isRecord } from '../../runtime/object-shape.ts';
import { toFlow, toJson, toYaml } from '../document.ts';
import {
	colonOf,
	dashesOf,
	endOf,
	endOfPair,
	isFlow,
	keyOf,
	mergeKey,
	type Node,
	NotEditable,
	sequenceOffset,
	startOf,
} from './nodes.ts';
import { matchItems, type Written } from './written.ts';

/** A piece of the text to replace. Offsets are those of the original. */
export interface Edit {
	readonly start: number;
	readonly end: number;
	readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Where a value is: after the colon of its key, or the dash of its item. */
interface Place {
	/** The offset right after the colon or the dash. */
	readonly after: number;
	/** Column of the key or the dash. */
	readonly column: number;
	readonly kind: 'key' | 'item';
	/** Whether it is inside brackets or braces. */
	readonly flow: boolean;
}

/** How a document is to be changed. */
export interface How {
	/** Whether what an alias stands for is written in its place. */
	readonly expandAliases: boolean;
	/** Whether texts of several lines may be block scalars. */
	readonly literals: boolean;
	/** Whether the text is JSON, and not only YAML with brackets. */
	readonly json: boolean;
}

/** Collects the edits of one document. */
export class Writer {
	readonly #edits: Edit[] = [];
	readonly #text: string;
	readonly #eol: string;
	readonly #written: Written;
	readonly #indentSequences: boolean;
	readonly #how: How;

	constructor(text: string, contents: Node, written: Written, how: How) {
		this.#text = text;
		this.#eol = eolOf(text);
		this.#written = written;
		this.#indentSequences = (sequenceOffset(contents, 0, (offset) => this.#column(offset)) ?? 0) > 0;
		this.#how = how;
	}

	/**
	 * The edits, in order. When lines at the end of a text without a last line break are removed, the line break before them
	 * goes, too.
	 */
	get edits(): readonly Edit[] {
		const joined: Edit[] = [];
		for (const edit of this.#edits.toSorted((a, b) => a.start - b.start)) {
			const last = joined.at(-1);
			if (last !== undefined && last.text === '' && edit.text === '' && last.end === edit.start) {
				joined[joined.length - 1] = { ...last, end: edit.end };
			} else {
				joined.push(edit);
			}
		}
		return joined.map((edit) =>
			edit.text === '' && edit.end === this.#text.length && !this.#text.endsWith('\n')
				? { ...edit, start: Math.max(0, edit.start - this.#eol.length) }
				: edit,
		);
	}

	change(node: Node, before: unknown, after: unknown, place: Place): void {
		const same = isDeepStrictEqual(before, after);
		if (same && !this.#how.expandAliases) {
			return;
		}
		if (isMap(node) && isRecord(before) && isRecord(after)) {
			this.#changeMap(node, before, after, place);
		} else if (isSeq(node) && Array.isArray(before) && Array.isArray(after)) {
			this.#changeSequence(node, before, after, place);
		} else if (!same || isAlias(node)) {
			this.#replace(node, before, after, place);
		}
	}

	#changeMap(node: YAMLMap, before: Fields, after: Fields, place: Place): void {
		const pairs = node.items.map((pair) => ({ pair, key: keyOf(pair) })).filter(({ key }) => key !== mergeKey);
		const own = new Set(pairs.map(({ key }) => key));
		const kept = pairs.filter(({ key }) => key in after);
		const added = Object.entries(after)
			.filter(([key, value]) => !own.has(key) && !(key in before && isDeepStrictEqual(before[key], value)))
			.map(([key, value]) => [key, this.#written.keep(this.#written.field(node, key), before[key], value)] as const);
		if (Object.keys(before).some((key) => !(key in after) && !own.has(key))) {
			throw new NotEditable('a key comes from a merge');
		}
		const flow = isFlow(node);
		if (kept.length === 0 && pairs.length === node.items.length) {
			if (pairs.length > 0 || added.length > 0) {
				this.#replace(node, before, after, place);
			}
			return;
		}
		for (const { pair, key } of kept) {
			const start = startOf(pair.key);
			const column = flow ? 0 : this.#column(start);
			this.change(pair.value, before[key], after[key], { after: colonOf(pair), column, kind: 'key', flow });
		}
		const ends = node.items.map((pair) => ({ start: startOf(pair.key), end: endOfPair(pair) }));
		const removed = node.items.map((pair) => keyOf(pair) !== mergeKey && !(keyOf(pair) in after));
		if (flow) {
			this.#removeFromFlow(ends, removed);
			this.#addToFlow(
				node,
				ends,
				added.map(([key, value]) => ({ prefix: `${toJson(key)}: `, value })),
			);
			return;
		}
		for (const [index, { start, end }] of ends.entries()) {
			if (removed[index] === true) {
				this.#removeLines(start, end);
			}
		}
		const [first] = ends;
		if (added.length > 0 && first !== undefined) {
			const column = this.#column(first.start);
			const lines = this.#print(Object.fromEntries(added));
			this.#addLines(endOf(node), lines, column);
		}
	}

	#changeSequence(node: YAMLSeq, before: readonly unknown[], after: readonly unknown[], place: Place): void {
		const items = node.items.map((item, index) => ({ item, value: before[index] }));
		if (items.length === 0 || after.length === 0) {
			if (items.length !== after.length) {
				this.#replace(node, before, after, place);
			}
			return;
		}
		const flow = isFlow(node);
		const dashes = flow ? [] : dashesOf(node);
		const spans = items.map(({ item }, index) => ({
			start: flow ? startOf(item) : (dashes[index] ?? 0),
			end: endOf(item),
		}));
		const column = flow ? 0 : spans[0] === undefined ? 0 : spans[0].start - this.#lineStart(spans[0].start);
		const matches = matchItems(before, after);
		const removed: boolean[] = [];
		let kept: number | undefined;
		let next = 0;
		for (const [index, { item, value }] of items.entries()) {
			const position = matches.indexOf(index);
			removed.push(position === -1);
			if (position === -1) {
				continue;
			}
			if (position > next) {
				this.#insertItems(node, spans, kept, after.slice(next, position), column);
			}
			const span = spans[index];
			if (span !== undefined) {
				this.change(item, value, after[position], { after: span.start + (flow ? 0 : 1), column, kind: 'item', flow });
			}
			kept = index;
			next = position + 1;
		}
		const added = after.slice(next);
		if (flow) {
			if (removed.every((is) => is)) {
				this.#replace(node, before, after, place);
				return;
			}
			this.#removeFromFlow(spans, removed);
			this.#addToFlow(
				node,
				spans,
				added.map((value) => ({ prefix: '', value })),
			);
			return;
		}
		for (const [index, { start, end }] of spans.entries()) {
			if (removed[index] === true) {
				this.#removeLines(start, end);
			}
		}
		if (added.length > 0) {
			this.#addLines(endOf(node), this.#print(added), column);
		}
	}

	/** Inserts items after one that stays, or in front of all. */
	#insertItems(
		node: YAMLSeq,
		spans: readonly { readonly start: number; readonly end: number }[],
		behind: number | undefined,
		values: readonly unknown[],
		column: number,
	): void {
		const previous = behind === undefined ? undefined : spans[behind];
		const [first] = spans;
		if (first === undefined) {
			return;
		}
		if (isFlow(node)) {
			const separator = this.#separatorOf(node, first.start);
			const items = values.map((value) => this.#json(value, first.start));
			const at = previous?.end ?? first.start;
			const text =
				previous === undefined
					? items.map((item) => item + separator).join('')
					: items.map((item) => separator + item).join('');
			this.#edits.push({ start: at, end: at, text });
			return;
		}
		const printed = this.#print(values);
		if (previous !== undefined) {
			this.#addLines(previous.end, printed, column);
			return;
		}
		const start = this.#lineStart(first.start);
		if (this.#text.slice(start, first.start).trim() !== '') {
			throw new NotEditable('the line holds more than the first item');
		}
		this.#edits.push({ start, end: start, text: this.#indented(printed, column) + this.#eol });
	}

	/** Replaces a value. What belonged to the old one (anchor, tag) goes with it. */
	#replace(node: Node, before: unknown, wanted: unknown, place: Place): void {
		const after = this.#written.keep(node, before, wanted);
		if (place.flow || (isFlow(node) && place.after === 0)) {
			this.#edits.push({ start: startOf(node), end: endOf(node), text: this.#json(after, startOf(node)) });
			return;
		}
		if (place.after === 0) {
			throw new NotEditable('the whole document');
		}
		const end = Math.max(place.after, node === null || node === undefined ? 0 : endOf(node));
		const trimmed = /\r?\n$/.exec(this.#text.slice(place.after, end));
		const isBlock = typeof wanted === 'object' && wanted !== null && Object.keys(wanted).length > 0;
		const printed = this.#print(after).trimEnd();
		const indent = ' '.repeat(
			place.column + (Array.isArray(wanted) && place.kind === 'key' && !this.#indentSequences ? 0 : 2),
		);
		const lines = printed.replaceAll('\n', `${this.#eol}${indent}`);
		const text = isBlock && place.kind === 'key' ? `${this.#eol}${indent}${lines}` : ` ${lines}`;
		this.#edits.push({ start: place.after, end: end - (trimmed?.[0].length ?? 0), text });
	}

	#print(value: unknown): string {
		return print(value, { indentSeq: this.#indentSequences, literals: this.#how.literals });
	}

	#addLines(after: number, printed: string, column: number): void {
		const lines = this.#indented(printed, column);
		const start = this.#nextLine(after);
		const atLineStart = start > 0 && this.#text[start - 1] === '\n';
		this.#edits.push({ start, end: start, text: atLineStart ? lines + this.#eol : this.#eol + lines });
	}

	#indented(printed: string, column: number): string {
		const indent = ' '.repeat(column);
		return printed
			.trimEnd()
			.split('\n')
			.map((line) => (line === '' ? line : indent + line))
			.join(this.#eol);
	}

	#removeLines(from: number, to: number): void {
		const start = this.#lineStart(from);
		if (this.#text.slice(start, from).trim() !== '') {
			throw new NotEditable('the line holds more than what is to be removed');
		}
		this.#edits.push({ start, end: this.#nextLine(to), text: '' });
	}

	#removeFromFlow(
		spans: readonly { readonly start: number; readonly end: number }[],
		removed: readonly boolean[],
	): void {
		const firstKept = removed.indexOf(false);
		const [first] = spans;
		const kept = spans[firstKept];
		if (firstKept > 0 && first !== undefined && kept !== undefined) {
			this.#edits.push({ start: first.start, end: kept.start, text: '' });
		}
		for (const [index, span] of spans.entries()) {
			const previous = spans[index - 1];
			if (index > firstKept && removed[index] === true && previous !== undefined) {
				this.#edits.push({ start: previous.end, end: span.end, text: '' });
			}
		}
	}

	#addToFlow(
		node: YAMLMap | YAMLSeq,
		spans: readonly { readonly start: number; readonly end: number }[],
		added: readonly { readonly prefix: string; readonly value: unknown }[],
	): void {
		const last = spans.at(-1);
		const first = spans[0];
		if (last === undefined || first === undefined || added.length === 0) {
			return;
		}
		const separator = this.#separatorOf(node, first.start);
		const text = added.map(({ prefix, value }) => `${separator}${prefix}${this.#json(value, first.start)}`).join('');
		this.#edits.push({ start: last.end, end: last.end, text });
	}

	/** The text between the entries of a collection in brackets or braces. */
	#separatorOf(node: YAMLMap | YAMLSeq, first: number): string {
		if (this.#text.slice(startOf(node), first).includes('\n')) {
			return `,${this.#eol}${this.#indentAt(first)}`;
		}
		return /^\S*$/.test(this.#text.slice(startOf(node), endOf(node))) ? ',' : ', ';
	}

	/** A value in brackets: as JSON on several lines when the text around it has several. */
	#json(value: unknown, near: number): string {
		if (!this.#how.json) return toFlow(value);
		const unit = /^[[{]\r?\n([ \t]+)/.exec(this.#text.trimStart())?.[1];
		if (unit === undefined) {
			return toJson(value);
		}
		return toJson(value, unit).replaceAll('\n', `${this.#eol}${this.#indentAt(near)}`);
	}

	#lineStart(offset: number): number {
		return this.#text.lastIndexOf('\n', offset - 1) + 1;
	}

	#nextLine(offset: number): number {
		if (offset > 0 && this.#text[offset - 1] === '\n') {
			return offset; // The last line break of a block scalar belongs to it.
		}
		const end = this.#text.indexOf('\n', offset);
		return end === -1 ? this.#text.length : end + 1;
	}

	#column(offset: number): number {
		return offset - this.#lineStart(offset);
	}

	#indentAt(offset: number): string {
		return /^[ \t]*/.exec(this.#text.slice(this.#lineStart(offset)))?.[0] ?? '';
	}
}

export interface PrintOptions {
	readonly indentSeq: boolean;
	readonly literals: boolean;
}

export function print(value: unknown, options: PrintOptions): string {
	return toYaml(value, { version: '1.1', ...options });
}

export function eolOf(text: string): string {
	return text.includes('\r\n') ? '\r\n' : '\n';
}
