/**
 * Keeps scalars as they are written where a part of a document has to be written anew: because something in it changes, or
 * because an alias stood for it. Only the reader knows what `0644` or `12345678901234567890` is to be.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, visit, type YAMLMap } from 'yaml';
import { isRecord } from '../../runtime/object-shape.ts';
import { hasInvisible } from '../../runtime/visible-text.ts';
import { WrittenScalar } from '../document.ts';
import { keyOf, mergeKey, type Node } from './nodes.ts';

export class Written {
	/** What each alias of the document stands for. */
	readonly #targets = new Map<Alias, Node>();

	constructor(document: Document.Parsed) {
		const anchors = new Map<string, Node>();
		visit(document, {
			Alias: (_, alias) => {
				this.#targets.set(alias, anchors.get(alias.source));
			},
			Node: (_, node) => {
				if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
			},
		});
	}

	/**
	 * The value after a change. Scalars that stay the same are `WrittenScalar` where their text is all that says what they are.
	 * @param node what `before` was read from
	 */
	keep(node: Node, before: unknown, after: unknown): unknown {
		const target = this.#resolve(node);
		if (isScalar(target)) {
			const { source, type, tag } = target;
			const isPlain = type === 'PLAIN' && tag === undefined && source !== undefined && source !== '';
			return isPlain && isDeepStrictEqual(before, after) && !source.includes('\n') && !hasInvisible(source)
				? new WrittenScalar(source, after)
				: after;
		}
		if (isMap(target) && isRecord(before) && isRecord(after)) {
			const nodes = this.#fieldsOf(target);
			return Object.fromEntries(
				Object.entries(after).map(([key, value]) => [key, this.keep(nodes.get(key), before[key], value)]),
			);
		}
		if (isSeq(target) && Array.isArray(before) && Array.isArray(after)) {
			const matches = matchItems(before, after);
			return after.map((value, index) => {
				const old = matches[index];
				return old === undefined ? value : this.keep(target.items[old], before[old], value);
			});
		}
		return after;
	}

	/** What a map has under a key: of its own, or by a merge. */
	field(map: YAMLMap, key: string): Node {
		return this.#fieldsOf(map).get(key);
	}

	#resolve(node: Node): Node {
		return isAlias(node) ? this.#targets.get(node) : node;
	}

	/** What a map has itself comes before what it merges, and an earlier map before a later one. */
	#fieldsOf(map: YAMLMap): ReadonlyMap<string, Node> {
		const fields = new Map<string, Node>();
		const merged: YAMLMap[] = [];
		for (const pair of map.items) {
			if (keyOf(pair) !== mergeKey) {
				fields.set(keyOf(pair), pair.value);
				continue;
			}
			const value = this.#resolve(pair.value);
			const maps = (isSeq(value) ? value.items.map((item) => this.#resolve(item)) : [value]).filter(isMap);
			merged.push(...maps);
		}
		for (const other of merged) {
			for (const [key, value] of this.#fieldsOf(other)) if (!fields.has(key)) fields.set(key, value);
		}
		return fields;
	}
}

/** For each item after a change the index of the one before it that it was. The order stays. */
export function matchItems(before: readonly unknown[], after: readonly unknown[]): readonly (number | undefined)[] {
	const isAligned = before.length === after.length;
	const matches: (number | undefined)[] = after.map(() => undefined);
	let next = 0;
	for (const [index, value] of before.entries()) {
		const position = after.findIndex(
			(candidate, at) => at >= next && isSameItem(value, candidate, isAligned && at === index),
		);
		if (position === -1) continue;
		matches[position] = index;
		next = position + 1;
	}
	return matches;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether an item after the change is the same one as an item before it: by name when they have one, objects by kind and
 * name. Items without a name (lists in lists) are the same when nothing was added or removed.
 */
function isSameItem(before: unknown, after: unknown, isAligned: boolean): boolean {
	if (!isRecord(before) || !isRecord(after)) {
		return isDeepStrictEqual(before, after);
	}
	const [old, now] = [nameOf(before), nameOf(after)];
	if (old === undefined || now === undefined) {
		return isDeepStrictEqual(before, after) || (isAligned && old === now && before.kind === after.kind);
	}
	return old === now && before.kind === after.kind;
}

function nameOf({ name, metadata }: Fields): unknown {
	return name ?? (isRecord(metadata) ? metadata.name : undefined);
}
