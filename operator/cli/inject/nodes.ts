/** Finds where the nodes of a YAML document are in its text, to the character. */
import { isMap, isScalar, isSeq, type Pair, type YAMLSeq } from 'yaml';

/** A node of the syntax tree, or undefined when a value is left out. */
export type Node = unknown;

/** The text has a form that can't be changed in place. */
export class NotEditable extends Error {}

/** The key that merges the fields of another map. */
export const mergeKey = '<<';

/** How many columns the document's lists are indented below their keys, by the first list in it. */
export function sequenceOffset(
	node: Node,
	keyColumn: number,
	columnOf: (offset: number) => number,
): number | undefined {
	if (isFlow(node)) {
		return undefined;
	}
	if (isSeq(node)) {
		const [dash] = dashesOf(node);
		return dash === undefined ? undefined : columnOf(dash) - keyColumn;
	}
	if (isMap(node)) {
		for (const { key, value } of node.items) {
			const offset = sequenceOffset(value, columnOf(startOf(key)), columnOf);
			if (offset !== undefined) {
				return offset;
			}
		}
	}
	return undefined;
}

export function keyOf({ key }: Pair): string {
	const value = isScalar(key) ? key.value : key;
	return typeof value === 'symbol' ? mergeKey : String(value); // The library has a symbol for a merge.
}

function tokenOf(node: Node): { readonly type: string; readonly items?: readonly unknown[] } | undefined {
	return typeof node === 'object' && node !== null && 'srcToken' in node
		? (node.srcToken as { readonly type: string } | undefined)
		: undefined;
}

export function isFlow(node: Node): boolean {
	return tokenOf(node)?.type === 'flow-collection';
}

function rangeOf(node: Node): readonly [number, number] {
	if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
		return [Number(node.range[0]), Number(node.range[1])];
	}
	throw new NotEditable('a value that is not written');
}

export function startOf(node: Node): number {
	return rangeOf(node)[0];
}

/** The end of a value's last character. Comments and blank lines after it don't belong to the value. */
export function endOf(node: Node): number {
	if (isMap(node) && !isFlow(node)) {
		const last = node.items.at(-1);
		return last === undefined ? rangeOf(node)[1] : endOfPair(last);
	}
	if (isSeq(node) && !isFlow(node)) {
		return node.items.length === 0 ? rangeOf(node)[1] : endOf(node.items.at(-1));
	}
	return rangeOf(node)[1];
}

export function endOfPair(pair: Pair): number {
	return pair.value === null || pair.value === undefined ? endOf(pair.key) : Math.max(endOf(pair.value), colonOf(pair));
}

interface Token {
	readonly type: string;
	readonly offset: number;
}

/** The offset right after the colon of a pair. */
export function colonOf(pair: Pair): number {
	const token = 'srcToken' in pair ? (pair.srcToken as { readonly sep?: readonly Token[] } | undefined) : undefined;
	const colon = token?.sep?.find(({ type }) => type === 'map-value-ind');
	if (colon === undefined) {
		throw new NotEditable('a key without a colon');
	}
	return colon.offset + 1;
}

/** The offsets of the dashes of a block sequence. */
export function dashesOf(node: YAMLSeq): readonly number[] {
	const items = (tokenOf(node)?.items ?? []) as readonly {
		readonly start: readonly Token[];
		readonly value?: unknown;
	}[];
	return items.flatMap(({ start }) => start.filter(({ type }) => type === 'seq-item-ind').map(({ offset }) => offset));
}
