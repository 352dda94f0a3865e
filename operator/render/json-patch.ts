/**
 * JSON patch (RFC 6902) and JSON merge patch (RFC 7386), for patches that nobody trusts. A pointer walks only over an
 * object's own fields and a list's real indexes. `__proto__` names nothing. The size to which a patch can make an object
 * grow is bounded.
 */
import { isDeepStrictEqual } from 'node:util';
import { isObject, type ParsedSpec } from '../../api/v1/index.ts';

export type PatchOperation = NonNullable<NonNullable<ParsedSpec['overlays']>[number]['patch']>[number];

type Fields = Record<string, unknown>;
type Container = Fields | unknown[];

/** How deep an object may be nested. Kubernetes' own go to about 20. */
const maxDepth = 64;

/** How many characters one patch may copy and move: copies of copies would double without end. */
const maxCarriedCharacters = 256 * 1024;

/** A patch that does not fit the object. `message` completes "the patch …". */
export class PatchError extends Error {
	override readonly name = 'PatchError';
	/** Index of the operation that failed. Undefined for a merge patch. */
	readonly operation: number | undefined;

	constructor(message: string, operation?: number) {
		super(message);
		this.operation = operation;
	}
}

/** How deep a value is nested, about how many characters it has, and whether a field in it is called `__proto__`. */
export interface Measure {
	readonly depth: number;
	readonly size: number;
	readonly hasPrototype: boolean;
}

/** Measures a value without recursion, so that no nesting is too deep for it. Stops once the size is more than `enough`. */
export function measure(value: unknown, enough = Number.POSITIVE_INFINITY): Measure {
	let depth = 0;
	let size = 0;
	let hasPrototype = false;
	const left: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
	for (let entry = left.pop(); entry !== undefined && size <= enough; entry = left.pop()) {
		depth = Math.max(depth, entry.depth);
		size += typeof entry.value === 'string' ? entry.value.length + 2 : 2;
		if (typeof entry.value !== 'object' || entry.value === null) {
			continue;
		}
		for (const [key, child] of Object.entries(entry.value)) {
			hasPrototype ||= key === '__proto__';
			size += key.length + 3;
			left.push({ value: child, depth: entry.depth + 1 });
		}
	}
	return { depth, size, hasPrototype };
}

/** Changes `document`, which the caller owns. `copyOf` copies the values that are put into it. Throws PatchError. */
export function applyPatch(
	document: Fields,
	operations: readonly PatchOperation[],
	copyOf: (value: unknown) => unknown,
): void {
	let carried = 0;
	for (const [index, operation] of operations.entries()) {
		try {
			carried += apply(document, operation, copyOf);
			if (carried > maxCarriedCharacters) {
				throw new PatchError(`copies and moves more than ${maxCarriedCharacters} characters`);
			}
		} catch (error) {
			throw error instanceof PatchError ? new PatchError(error.message, index) : error;
		}
	}
}

/** Applies one operation. Returns how many characters it copied or moved. */
function apply(document: Fields, operation: PatchOperation, copyOf: (value: unknown) => unknown): number {
	const path = parsePointer(operation.path);
	switch (operation.op) {
		case 'add':
			add(document, path, copyOf(givenValue(operation)));
			return 0;
		case 'replace': {
			const value = givenValue(operation);
			existing(document, path);
			remove(document, path);
			add(document, path, copyOf(value));
			return 0;
		}
		case 'remove':
			remove(document, path);
			return 0;
		case 'test':
			if (!isDeepStrictEqual(existing(document, path), givenValue(operation))) {
				throw new PatchError(`finds another value at ${operation.path} than it tests for`);
			}
			return 0;
		case 'copy': {
			const value = existing(document, fromOf(operation));
			const { size } = measure(value);
			if (size <= maxCarriedCharacters) {
				add(document, path, copyOf(value));
			}
			return size;
		}
		case 'move': {
			const from = fromOf(operation);
			const value = existing(document, from);
			if (from.length < path.length && from.every((token, index) => token === path[index])) {
				throw new PatchError(`moves ${String(operation.from)} into itself`);
			}
			remove(document, from);
			add(document, path, value);
			return measure(value).size;
		}
	}
}

/** JSON merge patch: returns the patched form of `target`, which is not changed. Throws PatchError. */
export function mergePatch(target: unknown, patch: unknown, copyOf: (value: unknown) => unknown): unknown {
	checkGiven(patch);
	return merge(target, patch, copyOf);
}

function merge(target: unknown, patch: unknown, copyOf: (value: unknown) => unknown): unknown {
	if (!isObject(patch)) {
		return copyOf(patch);
	}
	// An empty object where there was none is a value, not a change.
	if (!isObject(target) && Object.keys(patch).length === 0) {
		return copyOf(patch);
	}
	const result = new Map(isObject(target) ? Object.entries(target) : []);
	for (const [key, change] of Object.entries(patch)) {
		if (change === null) {
			result.delete(key);
		} else {
			result.set(key, merge(result.get(key), change, copyOf));
		}
	}
	return Object.fromEntries(result);
}

/** The value of an operation add, replace or test. */
function givenValue({ op, value }: PatchOperation): unknown {
	if (value === undefined || value === null) {
		throw new PatchError(`has no value for ${op}; to take a field away, use remove`);
	}
	checkGiven(value);
	return value;
}

/** Ensures that a user's value is shallow enough for recursion and can't reach the prototype. */
function checkGiven(value: unknown): void {
	const { depth, hasPrototype } = measure(value);
	if (hasPrototype) {
		throw new PatchError('has a field __proto__, which no object may have');
	}
	if (depth > maxDepth) {
		throw new PatchError(`has a value that is nested more than ${maxDepth} levels deep`);
	}
}

function fromOf({ from }: PatchOperation): readonly string[] {
	if (from === undefined) {
		throw new PatchError('has no from');
	}
	return parsePointer(from);
}

/** The tokens of a JSON pointer (RFC 6901). There is at least one, because a patch may not replace the whole object. */
function parsePointer(pointer: string): readonly string[] {
	if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) {
		throw new PatchError(`has ${JSON.stringify(pointer)}, which is no JSON pointer`);
	}
	const tokens = pointer
		.slice(1)
		.split('/')
		.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
	if (tokens.includes('__proto__')) {
		throw new PatchError(`has ${pointer}, and no object may have a field __proto__`);
	}
	if (tokens.length > maxDepth) {
		throw new PatchError(`goes more than ${maxDepth} levels deep`);
	}
	return tokens;
}

function formatPointer(tokens: readonly string[]): string {
	return `/${tokens.map((token) => token.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
}

/** The value at a pointer. */
function existing(document: Fields, tokens: readonly string[]): unknown {
	const { container, last } = parentOf(document, tokens);
	const found = childOf(container, last);
	if (found === undefined) {
		throw new PatchError(`finds nothing at ${formatPointer(tokens)}${hint(container)}`);
	}
	return found.value;
}

/** The object or list that holds a pointer's last token. */
function parentOf(
	document: Fields,
	tokens: readonly string[],
): { readonly container: Container; readonly last: string } {
	let container: Container = document;
	for (const [index, token] of tokens.slice(0, -1).entries()) {
		const found = childOf(container, token);
		if (found === undefined || typeof found.value !== 'object' || found.value === null) {
			const here = formatPointer(tokens.slice(0, index + 1));
			throw new PatchError(
				found === undefined ? `finds nothing at ${here}${hint(container)}` : `finds no object and no list at ${here}`,
			);
		}
		container = found.value as Container;
	}
	return { container, last: tokens.at(-1) ?? '' };
}

/** Says what is there instead, for a person who mistyped a path. */
function hint(container: Container): string {
	if (Array.isArray(container)) {
		return `: the list has ${container.length} entries`;
	}
	const keys = Object.keys(container);
	return keys.length === 0 ? '' : `: there is ${keys.slice(0, 20).join(', ')}${keys.length > 20 ? ', …' : ''}`;
}

function childOf(container: Container, token: string): { readonly value: unknown } | undefined {
	if (Array.isArray(container)) {
		const index = indexOf(token);
		return index !== undefined && index < container.length ? { value: container[index] } : undefined;
	}
	return Object.hasOwn(container, token) ? { value: container[token] } : undefined;
}

/** Reads an index of a list as RFC 6901 writes it: no sign, no leading zero, no exponent. */
function indexOf(token: string): number | undefined {
	return /^(0|[1-9][0-9]{0,8})$/.test(token) ? Number(token) : undefined;
}

function add(document: Fields, tokens: readonly string[], value: unknown): void {
	if (tokens.length + measure(value).depth > maxDepth) {
		throw new PatchError(`makes the object more than ${maxDepth} levels deep`);
	}
	const { container, last } = parentOf(document, tokens);
	if (!Array.isArray(container)) {
		container[last] = value;
		return;
	}
	const index = last === '-' ? container.length : indexOf(last);
	if (index === undefined || index > container.length) {
		throw new PatchError(
			`adds at ${formatPointer(tokens)}, outside of the list, which has ${container.length} entries`,
		);
	}
	container.splice(index, 0, value);
}

function remove(document: Fields, tokens: readonly string[]): void {
	existing(document, tokens);
	const { container, last } = parentOf(document, tokens);
	if (Array.isArray(container)) {
		container.splice(Number(last), 1);
	} else {
		delete container[last];
	}
}
