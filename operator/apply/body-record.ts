/**
 * A compact record of what was applied, for the status: for each object a part of the hash of its key and of its body. So a
 * later version of the operator can tell which objects it renders otherwise than the one before. Pure.
 */
import { digest } from '../../api/v1/index.ts';

/** Characters of base64url: two keys of a mesh are taken for one in one of 200 million records, two bodies never in practice. */
const keyLength = 7;
const bodyLength = 5;
const entryLength = keyLength + bodyLength;

function keyHash(key: string): string {
	return digest(key).slice(0, keyLength);
}

/** The record of these bodies: 12 characters an object, sorted, so that equal contents give the same text. */
export function recordBodies(bodies: Iterable<readonly [key: string, body: { readonly bodyHash: string }]>): string {
	return [...bodies]
		.map(([key, { bodyHash }]) => keyHash(key) + bodyHash.slice(0, bodyLength))
		.sort()
		.join('');
}

export interface BodyRecord {
	readonly size: number;
	/** Whether an object of this key was applied, and with this body. */
	compare(key: string, bodyHash: string): 'same' | 'other' | 'unknown';
	has(key: string): boolean;
}

/** Reads a record. Undefined when it is none. */
export function readBodies(text: string | undefined): BodyRecord | undefined {
	if (text === undefined || text.length % entryLength !== 0) return undefined;
	const entries = new Map<string, string>();
	for (let at = 0; at < text.length; at += entryLength)
		entries.set(text.slice(at, at + keyLength), text.slice(at + keyLength, at + entryLength));
	return {
		size: entries.size,
		compare(key, bodyHash) {
			const known = entries.get(keyHash(key));
			if (known === undefined) return 'unknown';
			return known === bodyHash.slice(0, bodyLength) ? 'same' : 'other';
		},
		has: (key) => entries.has(keyHash(key)),
	};
}
