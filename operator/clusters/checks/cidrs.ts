/**
 * Address blocks of clusters, as lists: which of them share addresses, and the same addresses in fewer blocks. Pure; what
 * is no block is skipped. Blocks of IPv4 and IPv6 share nothing, but for IPv4-mapped ones, which are IPv4.
 *
 * `cidr-tools` reads, merges and writes them. It takes `1.2.3.4/99` and other nonsense for blocks, or throws what is no message
 * for anybody, so nothing reaches it but what `readBlock` has checked.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { mergeCidr, normalizeCidr, parseCidr } from 'cidr-tools';
import { mappedIPv4 } from '../../../api/v1/index.ts';

type Block = Readonly<ReturnType<typeof parseCidr>>;

/** Two blocks with common addresses, in normal form. */
export interface Overlap {
	readonly a: string;
	readonly b: string;
}

/**
 * The block in the one form that messages and the status use: `10.1.0.0/16` for `10.1.2.3/16`, and for `::ffff:10.1.2.3/112`
 * too, since packets of both have the same addresses; IPv6 in its shortest form (RFC 5952). Undefined for what is no block.
 */
export function readBlock(text: string): string | undefined {
	const [, address = '', length = ''] = /^([0-9a-fA-F.:]+)\/([0-9]{1,3})$/.exec(text) ?? [];
	const bits = Number(length);
	if (isIPv4(address)) {
		return bits > 32 ? undefined : normalizeCidr(`${address}/${bits}`);
	}
	if (!isIPv6(address) || bits > 128) {
		return undefined;
	}
	const mapped = bits < 96 ? undefined : mappedIPv4(address);
	return normalizeCidr(mapped === undefined ? `${address}/${bits}` : `${mapped}/${bits - 96}`);
}

/**
 * Of the pairs with common addresses the one that shares the lowest address, IPv4 first; undefined where the lists share
 * none. Takes as long as sorting both. The library's `overlapCidr` says whether there is a pair, and not which.
 */
export function firstOverlap(as: readonly string[], bs: readonly string[]): Overlap | undefined {
	const starts = [
		...parsed(as).map((block) => ({ block, isOfA: true })),
		...parsed(bs).map((block) => ({ block, isOfA: false })),
	].sort((one, other) => inOrder(one.block, other.block));
	// Blocks lie within each other or apart: who begins inside of one that began before shares it. Of those that began, the
	// one that reaches farthest is enough.
	let reachA: Block | undefined;
	let reachB: Block | undefined;
	for (const { block, isOfA } of starts) {
		const other = isOfA ? reachB : reachA;
		if (other !== undefined && reaches(other, block)) {
			return isOfA ? { a: block.cidr, b: other.cidr } : { a: other.cidr, b: block.cidr };
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
	return mergeCidr(texts.flatMap((text) => readBlock(text) ?? []));
}

/** How many blocks of a family `fewBlocks` leaves. */
export const mostBlocks = 32;

/**
 * The blocks of many nodes in few. First they are merged exactly. Where that leaves more than `most` of a family, longer
 * prefixes are cut to one length, the greatest that leaves few enough. What is added so lies beside blocks that nodes have,
 * where the next nodes get theirs. So an overlap is never missed, and one that is found without being there yet needs more
 * than `most` separate ranges.
 */
export function fewBlocks(texts: readonly string[], most = mostBlocks): readonly string[] {
	const merged = mergeBlocks(texts);
	const four = merged.filter((block) => !block.includes(':'));
	const six = merged.filter((block) => block.includes(':'));
	return [...fewOfFamily(four, most, 32), ...fewOfFamily(six, most, 128)];
}

/** A shorter prefix never leaves more blocks, so the search halves: 8 merges at most, whatever a cluster tells. */
function fewOfFamily(merged: readonly string[], most: number, width: 32 | 128): readonly string[] {
	if (merged.length <= most) {
		return merged;
	}
	const cutTo = (bits: number) => mergeCidr(merged.map((block) => cut(block, bits)));
	let enough = 0;
	let tooLong: number = width;
	while (tooLong - enough > 1) {
		const bits = (enough + tooLong) >> 1;
		if (cutTo(bits).length <= most) {
			enough = bits;
		} else {
			tooLong = bits;
		}
	}
	return cutTo(enough);
}

/** The block with a prefix of `bits` where its own is longer. */
function cut(block: string, bits: number): string {
	const [address, length] = block.split('/');
	return Number(length) > bits ? `${address}/${bits}` : block;
}

/** Of lists that were read before: each cluster is compared with all others, hundreds of times the same few lists. */
const read = new WeakMap<readonly string[], readonly Block[]>();

function parsed(texts: readonly string[]): readonly Block[] {
	let blocks = read.get(texts);
	if (blocks === undefined) {
		blocks = texts.flatMap((text) => readBlock(text) ?? []).map(parseCidr);
		read.set(texts, blocks);
	}
	return blocks;
}

/** By family and first address; of two that begin together the larger first. */
function inOrder(a: Block, b: Block): number {
	if (a.version !== b.version) return a.version - b.version;
	if (a.start !== b.start) return a.start < b.start ? -1 : 1;
	return a.end === b.end ? 0 : a.end > b.end ? -1 : 1;
}

function reaches(earlier: Block, later: Block): boolean {
	return earlier.version === later.version && earlier.end >= later.start;
}

function farther(known: Block | undefined, block: Block): Block {
	return known !== undefined && known.version === block.version && known.end >= block.end ? known : block;
}
