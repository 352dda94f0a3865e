/**
 * Compares lists of address blocks and writes the same addresses in fewer blocks. Pure. Texts that are no blocks are
 * skipped. Blocks of IPv4 and IPv6 share nothing, except IPv4-mapped ones, which are IPv4.
 *
 * `cidr-tools` reads, merges and writes them. It accepts nonsense such as `1.2.3.4/99` as blocks, or throws errors that are
 * no messages for anybody, so it gets only what `readBlock` has checked.
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
 * Gives a block the one form that messages and the status use: `10.1.0.0/16` for `10.1.2.3/16`, and for
 * `::ffff:10.1.2.3/112` too, because packets of both have the same addresses. IPv6 gets its shortest form (RFC 5952).
 * Undefined when the text is no block.
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
 * The pair of blocks that shares the lowest address, IPv4 first. Undefined when the lists share none. Takes as long as
 * sorting both lists. The library's `overlapCidr` says whether there is a pair, and not which.
 */
export function firstOverlap(as: readonly string[], bs: readonly string[]): Overlap | undefined {
	const starts = [
		...parsed(as).map((block) => ({ block, isOfA: true })),
		...parsed(bs).map((block) => ({ block, isOfA: false })),
	].sort((one, other) => inOrder(one.block, other.block));
	// Two blocks contain each other or are apart. So a block that begins inside an earlier one shares addresses with it, and
	// of the earlier blocks only the one that reaches farthest matters.
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

/** The blocks that others don't contain as a whole. All of them when nothing is known of the others. */
export function blocksOutside(texts: readonly string[], others: readonly string[] | undefined): readonly string[] {
	if (others === undefined) return [];
	const known = parsed(mergeBlocks(others));
	return texts.filter((text) =>
		parsed([text]).some(
			({ version, start, end }) =>
				!known.some((other) => other.version === version && other.start <= start && end <= other.end),
		),
	);
}

/**
 * Many more addresses than a cluster has: a /8 of IPv4, a /32 of IPv6. Kubernetes gives pods of 5,000 Nodes less than a /11,
 * and refuses ranges of Services larger than a /12 (kubernetes 1.36 `cmd/kube-apiserver/app/options/validation.go`).
 */
const mostAddresses = { 4: 2n ** 24n, 6: 2n ** 96n } as const;

/** Whether blocks have more addresses than any cluster. They may overlap. */
export function areTooMany(texts: readonly string[]): boolean {
	const counts = { 4: 0n, 6: 0n };
	for (const { version, start, end } of parsed(mergeBlocks(texts))) counts[version] += BigInt(end) - BigInt(start) + 1n;
	return counts[4] > mostAddresses[4] || counts[6] > mostAddresses[6];
}

/** The same addresses in the fewest blocks, sorted, IPv4 first: 256 neighbouring /24 become one /16. */
export function mergeBlocks(texts: readonly string[]): readonly string[] {
	return mergeCidr(texts.flatMap((text) => readBlock(text) ?? []));
}

/** `fewBlocks` leaves at most this many blocks of a family. */
export const mostBlocks = 32;

/**
 * Describes the blocks of many nodes by few. First it merges them exactly. When more than `most` of a family are left, it
 * cuts longer prefixes to one length, the greatest that leaves few enough. That adds addresses beside blocks that nodes
 * have, and the next nodes get theirs there. So an overlap is never missed, and an overlap can be wrong only when there are
 * more than `most` separate ranges.
 */
export function fewBlocks(texts: readonly string[], most = mostBlocks): readonly string[] {
	const merged = mergeBlocks(texts);
	const four = merged.filter((block) => !block.includes(':'));
	const six = merged.filter((block) => block.includes(':'));
	return [...fewOfFamily(four, most, 32), ...fewOfFamily(six, most, 128)];
}

/** A shorter prefix never leaves more blocks, so a binary search works: at most 8 merges, whatever a cluster tells. */
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

/** Shortens the block's prefix to `bits` when it is longer. */
function cut(block: string, bits: number): string {
	const [address, length] = block.split('/');
	return Number(length) > bits ? `${address}/${bits}` : block;
}

/**
 * The blocks of lists that were read before. Each cluster is compared with all others, hundreds of times with the same
 * lists.
 */
const read = new WeakMap<readonly string[], readonly Block[]>();

function parsed(texts: readonly string[]): readonly Block[] {
	let blocks = read.get(texts);
	if (blocks === undefined) {
		blocks = texts.flatMap((text) => readBlock(text) ?? []).map(parseCidr);
		read.set(texts, blocks);
	}
	return blocks;
}

/** Sorts by family and first address. When two blocks begin together, the larger comes first. */
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
