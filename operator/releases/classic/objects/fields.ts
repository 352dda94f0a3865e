/**
 * The fields of users' Istio objects, per release, read from data (`crds/istio/classic-fields.json`). The data follows from the
 * protocol buffers of the API that each release uses (`istio.io/api` at `vendor/` of its tag, in 1.4 at the version of
 * `go.mod`): networking, authentication, rbac, security, and what proxies read of `config.istio.io`.
 *
 * What Mixer reads (handlers, instances, rules) is not in it: its fields depend on adapters and templates.
 */
import data from '../../../../crds/istio/classic-fields.json' with { type: 'json' };
import { compareMinor, type Minor } from '../minors.ts';

/** What a value must look like, as JSON of its protocol buffer (gogo `jsonpb`, `Unmarshaler`). */
export type FieldShape =
	| { readonly is: 'text' | 'truth' | 'number' | 'duration' | 'object' | 'any' }
	| { readonly is: 'list' | 'map'; readonly of: FieldShape }
	| { readonly is: 'message'; readonly name: string }
	| { readonly is: 'enum'; readonly name: string };

interface Dated {
	/** The first and the last minor that has it. */
	readonly first: Minor;
	readonly last: Minor;
}

export interface MessageField extends Dated {
	readonly shape: FieldShape;
}

const kinds: Readonly<Record<string, string>> = data.kinds;
const messages: Readonly<Record<string, Readonly<Record<string, string>>>> = data.messages;
const enums: Readonly<Record<string, readonly string[]>> = data.enums;
const plain: ReadonlySet<string> = new Set(['text', 'truth', 'number', 'duration', 'object', 'any']);

/** The message of a kind's spec. Undefined for a kind whose fields are not known. */
export function specOfKind(kind: string, group: string): string | undefined {
	const name = `${kind}.${group}`;
	return Object.hasOwn(kinds, name) ? kinds[name] : undefined;
}

/** The fields of a message in a minor. */
export function fieldsOf(message: string, minor: Minor): ReadonlyMap<string, MessageField> {
	const fields = Object.entries(messages[message] ?? {}).map(([name, text]) => [name, readField(text)] as const);
	return new Map(fields.filter(([, field]) => isIn(field, minor)));
}

/** All minors' fields of a message, to tell when one came or went. */
export function fieldOfAnyMinor(message: string, name: string): MessageField | undefined {
	const text = Object.hasOwn(messages[message] ?? {}, name) ? messages[message]?.[name] : undefined;
	return text === undefined ? undefined : readField(text);
}

/** The values of an enum in a minor. */
export function valuesOf(name: string, minor: Minor): readonly string[] {
	return (enums[name] ?? []).flatMap((text) => {
		const [value = '', first = '1.0'] = text.split(' ');
		return compareMinor(first as Minor, minor) <= 0 ? [value] : [];
	});
}

function isIn({ first, last }: Dated, minor: Minor): boolean {
	return compareMinor(first, minor) <= 0 && compareMinor(minor, last) <= 0;
}

/** `[text] 1.1 -1.3`: a list of texts, from 1.1 to 1.3. */
function readField(text: string): MessageField {
	const [shape = '', ...dates] = text.split(' ');
	const last = dates.find((date) => date.startsWith('-'))?.slice(1) ?? '1.4';
	const first = dates.find((date) => !date.startsWith('-')) ?? '1.0';
	return { shape: readShape(shape), first: first as Minor, last: last as Minor };
}

function readShape(text: string): FieldShape {
	if (text.startsWith('[')) return { is: 'list', of: readShape(text.slice(1, -1)) };
	if (text.startsWith('{')) return { is: 'map', of: readShape(text.slice(1, -1)) };
	if (plain.has(text)) return { is: text as 'text' };
	return { is: Object.hasOwn(enums, text) ? 'enum' : 'message', name: text };
}
