/** Turns whatever the API server or a file holds into a `MeshInstallation` that the rest of the operator can trust. */

import type { z } from 'zod';
import { isObject } from './fields.ts';
import { normalise } from './normalise.ts';
import { type Problem, problemsOf } from './problems.ts';
import { meshInstallation } from './schema/mesh-installation.ts';
import { status as statusSchema } from './schema/status.ts';
import { notSupportedMessage, notSupportedYet } from './support.ts';

type DeepReadonly<Value> = Value extends readonly (infer Entry)[]
	? readonly DeepReadonly<Entry>[]
	: Value extends object
		? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
		: Value;

/**
 * A checked installation, with the API's defaults filled in. A field without a default is absent when not set, never null.
 */
export type ParsedMeshInstallation = DeepReadonly<z.output<typeof meshInstallation>>;
export type ParsedSpec = ParsedMeshInstallation['spec'];
export type ParsedStatus = DeepReadonly<z.output<typeof statusSchema>>;

export type ParseResult =
	| { readonly ok: true; readonly installation: ParsedMeshInstallation }
	| { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks an object by the rules of the API server, except those about the change from an old object. Never throws, and
 * reports every problem. That matters most for objects from files, and for those that an older CRD has let in.
 *
 * The operator writes the status itself and anew, and none of the rules is about it: see `parseStatus`.
 */
export function parseMeshInstallation(object: unknown): ParseResult {
	const { status: _, ...rest } = isObject(object) ? object : { status: undefined };
	const input = isObject(object) ? normalise(meshInstallation, rest) : object;
	const parsed = meshInstallation.safeParse(input);
	const problems = [...(parsed.success ? [] : problemsOf(parsed.error, input)), ...unsupported(input)];
	if (!parsed.success || problems.length > 0) {
		return { ok: false, problems };
	}
	return { ok: true, installation: parsed.data };
}

/**
 * The status as it is stored. Fields that this version does not know are left out. What is malformed otherwise counts as
 * absent, because it must not keep a good spec from being worked on; only that field of the status, because which version
 * runs and how far a change of it has come is needed whatever is wrong with the rest. `problems` says what is wrong, for
 * whoever reads the object to tell.
 */
export function parseStatus(stored: unknown): {
	readonly status: ParsedStatus | undefined;
	readonly problems: readonly Problem[];
} {
	if (stored === undefined || stored === null) return { status: undefined, problems: [] };
	const input = normalise(statusSchema, stored);
	const parsed = statusSchema.safeParse(input);
	if (parsed.success) return { status: parsed.data, problems: [] };
	const unknown = parsed.error.issues.flatMap((issue) =>
		issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [],
	);
	const problems = problemsOf(parsed.error, input);
	const known = unknown.reduce<unknown>(without, input);
	const wrong = statusSchema.safeParse(known).error?.issues.flatMap(({ path: [field] }) => field ?? []) ?? [];
	const rest = statusSchema.safeParse(wrong.reduce<unknown>((value, field) => without(value, [field]), known));
	const isAnything = rest.success && Object.keys(rest.data).length > 0;
	return { status: isAnything ? rest.data : undefined, problems };
}

/** A copy without the field at this path. */
function without(value: unknown, [first, ...rest]: readonly PropertyKey[]): unknown {
	if (first === undefined || typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map((entry, index) => (index === first ? without(entry, rest) : entry));
	const entries = Object.entries(value).filter(([key]) => key !== first || rest.length > 0);
	return Object.fromEntries(entries.map(([key, entry]) => [key, key === first ? without(entry, rest) : entry]));
}

function unsupported(input: unknown): readonly Problem[] {
	return notSupportedYet.flatMap((path) => {
		const value = path
			.split('.')
			.reduce<unknown>(
				(parent, field) => (isObject(parent) && Object.hasOwn(parent, field) ? parent[field] : undefined),
				input,
			);
		return value === undefined || value === null ? [] : [gap(path, notSupportedMessage(path), `Remove ${path}.`)];
	});
}

function gap(path: string, message: string, remedy: string): Problem {
	return { path, reason: 'NotSupportedYet', message, remedy };
}
