/**
 * Regular expressions of VirtualServices. Up to 1.3 Envoy reads them by `std::regex` as ECMAScript; proxies of 1.4 read them
 * by RE2, with a program of at most 1024 instructions (istio 1.4.10 `pilot/pkg/networking/core/v1alpha3/route/route.go`,
 * `translateRouteMatch`, `maxRegExProgramSize`). What RE2 does not know makes the proxy refuse the whole route.
 */
import { isObject } from '../../../../api/v1/index.ts';

export interface RegexProblem {
	/** `spec.http[0].match[1].uri.regex` */
	readonly path: string;
	/** A clause whose subject is the field. */
	readonly message: string;
}

/** RE2 counts no further (google/re2 `re2/parse.cc`, `maximum_repeat_count`). */
const mostRepeats = 1000;

/** Why RE2 does not take it, or does not take it with so small a program. Undefined when nothing is known against it. */
export function notRe2(regex: string): string | undefined {
	const text = withoutClasses(regex);
	if (/\(\?<?[=!]/.test(text)) return 'has a lookahead or lookbehind, which RE2 does not know';
	if (/\\[1-9]/.test(text)) return 'has a back reference, which RE2 does not know';
	if (/\\(c[A-Za-z]|u[0-9A-Fa-f]{4})/.test(text)) return 'has an escape \\c or \\u, which RE2 does not know';
	const counts = [...text.matchAll(/\{(\d{1,9})(?:,(\d{0,9}))?\}/g)].map(([, least, most]) =>
		Math.max(Number(least), Number(most === undefined || most === '' ? least : most)),
	);
	return counts.some((count) => count > mostRepeats)
		? `repeats something more than ${mostRepeats} times, which RE2 refuses`
		: undefined;
}

/**
 * The text as far as these rules read it: without escaped characters that mean nothing to them, and with nothing of what
 * stands in brackets but its escapes. Walks it once, since anybody may have written it.
 */
function withoutClasses(regex: string): string {
	let text = '';
	let isInClass = false;
	for (let at = 0; at < regex.length; at++) {
		const character = regex[at] ?? '';
		if (character === '\\') {
			const next = regex[at + 1] ?? '';
			const isReadHere = /[cu]/.test(next) || (!isInClass && /[1-9]/.test(next));
			text += isReadHere ? `\\${next}` : '';
			at++;
		} else if (isInClass) {
			isInClass = character !== ']';
			// What follows an escape belongs to it: `\u00e9`.
			text += isInClass && /[0-9A-Za-z]/.test(character) ? character : '';
		} else {
			isInClass = character === '[';
			text += isInClass ? '[' : character;
		}
	}
	return text;
}

const mostRegexes = 256;
const matched = ['uri', 'scheme', 'method', 'authority'] as const;

/** Problems of the regular expressions that 1.4 hands to RE2. Those of query parameters it still reads as before. */
export function regexProblems(spec: unknown): readonly RegexProblem[] {
	return regexesOf(spec)
		.slice(0, mostRegexes)
		.flatMap(({ path, regex }) => {
			const message = notRe2(regex.slice(0, 4096));
			return message === undefined ? [] : [{ path, message }];
		});
}

function regexesOf(spec: unknown): readonly { readonly path: string; readonly regex: string }[] {
	return listIn(spec, 'http').flatMap(([route, at]) =>
		listIn(route, 'match').flatMap(([match, on]) => {
			const path = `spec.http[${at}].match[${on}]`;
			const headers = isObject(match.headers) ? Object.entries(match.headers) : [];
			return [
				...matched.map((name) => [`${path}.${name}`, match[name]] as const),
				...headers.map(([name, value]) => [`${path}.headers[${name.slice(0, 64)}]`, value] as const),
			].flatMap(([where, value]) =>
				isObject(value) && typeof value.regex === 'string' ? [{ path: `${where}.regex`, regex: value.regex }] : [],
			);
		}),
	);
}

function listIn(value: unknown, name: string): readonly (readonly [Readonly<Record<string, unknown>>, number])[] {
	const list = isObject(value) ? value[name] : undefined;
	return Array.isArray(list) ? list.flatMap((entry, index) => (isObject(entry) ? [[entry, index] as const] : [])) : [];
}
