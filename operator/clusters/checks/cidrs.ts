/**
 * Address blocks of clusters, as lists: which of them share addresses, and the same addresses in fewer blocks. Pure; what
 * is no block (`isCidr` tells beforehand) is skipped. Blocks of IPv4 and IPv6 share nothing, but for IPv4-mapped ones, which
 * are IPv4.
 */
import { type Block, blockAt, blockText, type Family, parseBlock, width } from './cidr-block.ts';

/** Two blocks with common addresses, in normal form. */
export interface Overlap {
	readonly a: string;
	readonly b: string;
}

/** Whether two blocks have addresses in common. Bits right of the prefix don't count. */
export function overlap(a: string, b: string): boolean {
	return firstOverlap([a], [b]) !== undefined;
}

/** The block as messages write it: `10.1.0.0/16` for `10.1.2.3/16`. What is no block stays as it is. */
export function normalBlock(text: string): string {
	const block = parseBlock(text);
	return block === undefined ? text : blockText(block);
}

/**
 * Of the pairs with common addresses the one that shares the lowest address, IPv4 first; undefined where the lists share
 * none. Takes as long as sorting both.
 */
export function firstOverlap(as: readonly string[], bs: readonly string[]): Overlap | undefined {
	const starts = [
		...blocksOf(as).map((block) => ({ block, isOfA: true })),
		...blocksOf(bs).map((block) => ({ block, isOfA: false })),
	].sort((one, other) => inOrder(one.block, other.block));
	// Blocks lie within each other or apart: who begins inside of one that began before shares it. Of those that began, the
	// one that reaches farthest is enough.
	let reachA: Block | undefined;
	let reachB: Block | undefined;
	for (const { block, isOfA } of starts) {
		const other = isOfA ? reachB : reachA;
		if (other !== undefined && reaches(other, block)) {
			return isOfA ? { a: blockText(block), b: blockText(other) } : { a: blockText(other), b: blockText(block) };
		}
		if (isOfA) {
			reachA = farther(reachA, block);
		} else {
			reachB = farther(reachB, block);
		}
	}
	return undefined;
}

/** Exactly the same addresses in the fewest blocks, sorted, IPv4 first: 256 neighbouring /24 are one /16. */
export function mergeBlocks(texts: readonly string[]): readonly string[] {
	return merge(blocksOf(texts)).map(blockText);
}

/** How many blocks of a family `fewBlocks` leaves. */
export const mostBlocks = 32;

/**
 * The blocks of many nodes in few. First they are merged exactly; where that leaves more than `most` of a family, the
 * smallest of them are widened by one bit of the prefix, all together, and merged, until there are few enough. What is
 * added so lies beside blocks that nodes have, where the next nodes get theirs. So an overlap is never missed, and one
 * that is found without being there yet needs more than `most` separate ranges.
 */
export function fewBlocks(texts: readonly string[], most = mostBlocks): readonly string[] {
	const exact = merge(blocksOf(texts));
	return ([4, 6] as const).flatMap((family) => {
		let blocks: readonly Block[] = exact.filter((block) => block.family === family);
		while (blocks.length > most) {
			const least = blocks.reduce((bits, block) => Math.min(bits, block.hostBits), width[family]);
			blocks = merge(
				blocks.map((block) => (block.hostBits === least ? blockAt(family, block.first, least + 1) : block)),
			);
		}
		return blocks.map(blockText);
	});
}

/** Of lists that were read before: each cluster is compared with all others, hundreds of times the same few lists. */
const read = new WeakMap<readonly string[], readonly Block[]>();

function blocksOf(texts: readonly string[]): readonly Block[] {
	let blocks = read.get(texts);
	if (blocks === undefined) {
		blocks = texts.flatMap((text) => parseBlock(text) ?? []);
		read.set(texts, blocks);
	}
	return blocks;
}

/** By family and first address; of two that begin together the larger first. */
function inOrder(a: Block, b: Block): number {
	if (a.family !== b.family) return a.family - b.family;
	if (a.first !== b.first) return a.first < b.first ? -1 : 1;
	return b.hostBits - a.hostBits;
}

function reaches(earlier: Block, later: Block): boolean {
	return earlier.family === later.family && earlier.last >= later.first;
}

function farther(known: Block | undefined, block: Block): Block {
	return known !== undefined && known.family === block.family && known.last >= block.last ? known : block;
}

/** Sorted and disjoint, with every two halves of a larger block united. */
function merge(blocks: readonly Block[]): readonly Block[] {
	const merged: Block[] = [];
	for (const next of blocks.toSorted(inOrder)) {
		const before = merged.at(-1);
		if (before !== undefined && reaches(before, next)) {
			continue;
		}
		merged.push(next);
		for (let whole = lastTwoUnited(merged); whole !== undefined; whole = lastTwoUnited(merged)) {
			merged.splice(-2, 2, whole);
		}
	}
	return merged;
}

/** The block of which the last two are the halves, where they are. */
function lastTwoUnited(blocks: readonly Block[]): Block | undefined {
	const left = blocks.at(-2);
	const right = blocks.at(-1);
	if (left === undefined || right === undefined || !areHalves(left, right)) {
		return undefined;
	}
	return blockAt(left.family, left.first, left.hostBits + 1);
}

function areHalves(left: Block, right: Block): boolean {
	const family: Family = left.family;
	return (
		family === right.family &&
		left.hostBits === right.hostBits &&
		left.hostBits < width[family] &&
		blockAt(family, left.first, left.hostBits + 1).first === left.first &&
		left.last + 1n === right.first
	);
}
