/** One address block as numbers: read from text, written in the one normal form that messages and the status use. */
import { isIPv4, isIPv6 } from 'node:net';

export type Family = 4 | 6;

export interface Block {
	readonly family: Family;
	/** First address; bits right of the prefix are 0. */
	readonly first: bigint;
	/** Last address. */
	readonly last: bigint;
	/** Number of addresses, as a power of two: 8 for an IPv4 /24. */
	readonly hostBits: number;
}

/** Bits of an address. */
export const width: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

/** `::ffff:0:0/96`: IPv4 addresses in the dress of IPv6 (RFC 4291 2.5.5.2). */
const mappedPrefix = 0xffffn << 32n;
const mappedBits = 96;

/**
 * Reads `10.0.0.0/8`, `fd00::/8` or `::ffff:10.0.0.0/104`, which is the same as the first: packets of both have the same
 * addresses. Bits right of the prefix are ignored. Undefined for what is no block.
 */
export function parseBlock(text: string): Block | undefined {
	const [, address = '', length = ''] = /^([0-9a-fA-F.:]+)\/([0-9]{1,3})$/.exec(text) ?? [];
	const bits = Number(length);
	if (isIPv4(address)) {
		return bits > width[4] ? undefined : blockAt(4, numberOfIPv4(address), width[4] - bits);
	}
	if (!isIPv6(address) || bits > width[6]) {
		return undefined;
	}
	const value = numberOfIPv6(address);
	return value >> 32n === mappedPrefix >> 32n && bits >= mappedBits
		? blockAt(4, value & 0xffffffffn, width[6] - bits)
		: blockAt(6, value, width[6] - bits);
}

/** The block of 2^hostBits addresses that an address lies in. */
export function blockAt(family: Family, address: bigint, hostBits: number): Block {
	const size = 1n << BigInt(hostBits);
	const first = address - (address % size);
	return { family, first, last: first + size - 1n, hostBits };
}

/** `10.0.0.0/8`, `fd00::/8`: the first address in its shortest form (RFC 5952), a slash, the length of the prefix. */
export function blockText({ family, first, hostBits }: Block): string {
	return `${family === 4 ? ipv4Text(first) : ipv6Text(first)}/${width[family] - hostBits}`;
}

function numberOfIPv4(address: string): bigint {
	return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function numberOfIPv6(address: string): bigint {
	const lastColon = address.lastIndexOf(':') + 1;
	const tail = address.slice(lastColon);
	// The last 32 bits may be written as an IPv4 address.
	const whole = tail.includes('.') ? `${address.slice(0, lastColon)}${groupsOfIPv4(tail)}` : address;
	const [left = '', right] = whole.split('::');
	const before = groups(left);
	const after = groups(right ?? '');
	const zeros = right === undefined ? [] : Array<bigint>(8 - before.length - after.length).fill(0n);
	return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | group, 0n);
}

function groups(text: string): readonly bigint[] {
	return text === '' ? [] : text.split(':').map((group) => BigInt(`0x${group}`));
}

function groupsOfIPv4(address: string): string {
	const value = numberOfIPv4(address);
	return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

function ipv4Text(value: bigint): string {
	return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
}

function ipv6Text(value: bigint): string {
	const all = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
	// URLs have addresses in their shortest form (WHATWG URL, "IPv6 serializer"), which is that of RFC 5952.
	return new URL(`http://[${all.join(':')}]`).hostname.slice(1, -1);
}
