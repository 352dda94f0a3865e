/** Says what is wrong with an object, for its owner. */
import type { z } from 'zod';
import type { Reason } from './reasons.ts';
import { visible } from './visible.ts';

export interface Problem {
	/** Where: `spec.pilot.replicas`, `spec.pilot.env[0].name`. Empty for the object as a whole. */
	readonly path: string;
	/** `NotSupportedYet` for what this version of the operator cannot do, `Invalid` for every mistake. */
	readonly reason: Extract<Reason, 'Invalid' | 'NotSupportedYet'>;
	/** What is wrong; starts with the path. */
	readonly message: string;
	/** What to do about it. */
	readonly remedy: string;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * All problems that zod found, in the order of the fields. When a value has the wrong type, nothing else is said about it.
 */
export function problemsOf(error: z.core.$ZodError, input: unknown): readonly Problem[] {
	const mistyped = new Set(
		error.issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => formatPath(path)),
	);
	return error.issues
		.filter(({ code, path }) => code === 'invalid_type' || !mistyped.has(formatPath(path)))
		.flatMap((issue) => problemsOfIssue(issue, issue.path, input));
}

function problemsOfIssue(issue: Issue, path: Path, input: unknown): readonly Problem[] {
	const explain = `See kubectl explain ${['meshinstallation', ...path.filter((part) => typeof part === 'string')].slice(0, 8).join('.')}.`;
	switch (issue.code) {
		case 'invalid_type': {
			const value = at(input, path);
			return value === undefined
				? [problem(path, 'is required', `Add it. ${explain}`)]
				: [
						problem(
							path,
							`must be ${typeName(issue.expected)}, not ${nameOf(value)}`,
							quotes(issue.expected, value) ?? explain,
						),
					];
		}
		case 'unrecognized_keys':
			return issue.keys.map((key) =>
				problem([...path, key], 'is not a field of this API', `Remove it, or correct its spelling. ${explain}`),
			);
		case 'invalid_value':
			return at(input, path) === undefined
				? [problem(path, 'is required', `Add it: ${issue.values.map(String).join(', ')}.`)]
				: [problem(path, `must be one of: ${issue.values.map(String).join(', ')}`, 'Use one of these values.')];
		case 'too_small':
			return [problem(path, `must ${bound(issue.origin, 'at least', issue.minimum)}`, more(issue.origin))];
		case 'too_big':
			return [problem(path, `must ${bound(issue.origin, 'at most', issue.maximum)}`, fewer(issue.origin))];
		case 'invalid_union':
			if (issue.message.startsWith(mustBe)) return [problem(path, issue.message, explain)];
			return numberOrText(issue.errors, path, input) ?? [problem(path, 'must be a whole number or a text', explain)];
		case 'custom':
			return [
				problem(path, `: ${issue.message}`, typeof issue.params?.remedy === 'string' ? issue.params.remedy : explain),
			];
		default:
			return [problem(path, issue.message, explain)];
	}
}

/** The only unions are "a whole number or a text". Reports the problems of the branch that the user meant. */
function numberOrText(
	branches: readonly (readonly Issue[])[],
	path: Path,
	input: unknown,
): readonly Problem[] | undefined {
	const type = typeof at(input, path);
	const branch = type === 'number' ? branches[0] : type === 'string' ? branches[1] : undefined;
	return branch?.flatMap((issue) => problemsOfIssue(issue, path, input));
}

function problem(path: Path, message: string, remedy: string): Problem {
	const where = formatPath(path);
	// Keys and values that are quoted here were written by whoever wrote the object.
	return {
		path: visible(where),
		reason: 'Invalid',
		message: visible(`${where === '' ? 'the object' : where}${message.startsWith(':') ? '' : ' '}${message}`),
		remedy: visible(remedy),
	};
}

/** As Kubernetes writes paths: `.name` for fields, `[0]` for list entries, `[key]` for keys that are no identifiers. */
function formatPath(path: Path): string {
	return path
		.map((part) =>
			typeof part === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(part) ? `.${part}` : `[${String(part)}]`,
		)
		.join('')
		.replace(/^\./, '');
}

function at(input: unknown, path: Path): unknown {
	return path.reduce<unknown>(
		(value, part) =>
			typeof value === 'object' && value !== null && Object.hasOwn(value, part)
				? (value as Readonly<Record<PropertyKey, unknown>>)[part]
				: undefined,
		input,
	);
}

function more(origin: string): string {
	return origin === 'string' || origin === 'array' ? 'Fill it, or remove it.' : 'Use a greater value.';
}

function fewer(origin: string): string {
	return origin === 'string' ? 'Shorten it.' : origin === 'array' ? 'Remove entries.' : 'Use a smaller value.';
}

function bound(origin: string, word: 'at least' | 'at most', limit: number | bigint): string {
	if ((origin === 'string' || origin === 'array') && word === 'at least' && Number(limit) === 1) {
		return 'not be empty';
	}
	switch (origin) {
		case 'string':
			return `have ${word} ${limit} characters`;
		case 'array':
			return `have ${word} ${limit} entries`;
		default:
			return `be ${word} ${limit}`;
	}
}

/** How the message of a schema begins that says by itself what a value must be. */
export const mustBe = 'must be ';

/** In YAML quotes decide about the type, and most people don't think of them. Undefined when they are not what is wrong. */
function quotes(expected: string, value: unknown): string | undefined {
	if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
		return `Write it in quotes, as "${value}".`;
	}
	const isNumber = typeof value === 'string' && /^-?[0-9]+(\.[0-9]+)?$/.test(value);
	return (expected === 'number' || expected === 'int') && isNumber ? `Write it without quotes: ${value}.` : undefined;
}

const typeNames: Readonly<Record<string, string>> = {
	string: 'a text',
	number: 'a number',
	int: 'a whole number',
	boolean: 'true or false',
	object: 'an object',
	record: 'an object',
	array: 'a list',
};

function typeName(expected: string): string {
	return typeNames[expected] ?? expected;
}

function nameOf(value: unknown): string {
	if (value === null) {
		return 'null';
	}
	if (Array.isArray(value)) {
		return 'a list';
	}
	return typeof value === 'boolean' ? String(value) : (typeNames[typeof value] ?? typeof value);
}
