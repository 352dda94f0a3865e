/** Describes an error for the log: what it is and what it is about, never what a response carried. */
import {
	BlockedError,
	ConflictError,
	InvalidError,
	MisbehaviourError,
	RequestError,
	TransientError,
} from '../errors.ts';
import { describeObject, type ObjectReference } from '../object.ts';
import { redactText } from './redact-text.ts';

export interface ErrorDescription {
	readonly class: string;
	readonly message: string;
	/** HTTP status. */
	readonly status?: number;
	/** The reason that the API server or a condition gives. */
	readonly reason?: string;
	/** `ECONNREFUSED` and the like. */
	readonly code?: string;
	/** `Deployment istio-system/istio-pilot`. */
	readonly object?: string;
	/** Where it happened. Only for an error from outside the closed family: a defect. */
	readonly stack?: string;
	readonly cause?: ErrorDescription;
	/** Members of an aggregate. */
	readonly errors?: readonly ErrorDescription[];
}

const family = [TransientError, ConflictError, RequestError, InvalidError, BlockedError, MisbehaviourError];
const deepestCause = 8;
const mostMembers = 10;
const longestMessage = 2_048;

/** Describes any thrown value. Copies only known fields, so that a body or a header inside an error never comes out. */
export function describeError(error: unknown, depth = 0): ErrorDescription {
	if (!(error instanceof Error))
		return { class: typeof error, message: shorten(typeof error === 'string' ? error : typeof error) };
	const fields = error as Error & Readonly<Record<string, unknown>>;
	const isDefect = !family.some((member) => error instanceof member) && !(error instanceof AggregateError);
	const status = pick(fields, ['status', 'statusCode'], 'number');
	const reason = pick(fields, ['reason'], 'string');
	const code = pick(fields, ['code'], 'string');
	return {
		class: error.name === 'Error' ? error.constructor.name : error.name,
		message: messageOf(error),
		...(status === undefined ? {} : { status }),
		...(reason === undefined ? {} : { reason: shorten(reason) }),
		...(code === undefined ? {} : { code }),
		...(isReference(fields.object) ? { object: describeObject(fields.object) } : {}),
		...(isDefect && error.stack !== undefined ? { stack: frames(error.stack) } : {}),
		...(error.cause === undefined || depth >= deepestCause ? {} : { cause: describeError(error.cause, depth + 1) }),
		...(error instanceof AggregateError && depth < deepestCause
			? { errors: error.errors.slice(0, mostMembers).map((member: unknown) => describeError(member, depth + 1)) }
			: {}),
	};
}

/** Replaces messages of clients that put the response into them (`ApiException` of client-node: body and all headers). */
function messageOf(error: Error): string {
	if ('body' in error && 'headers' in error) {
		return 'code' in error ? `HTTP status ${String(error.code)}` : 'HTTP error';
	}
	return shorten(error.message);
}

function shorten(text: string): string {
	const safe = redactText(text);
	return safe.length > longestMessage ? `${safe.slice(0, longestMessage)}…` : safe;
}

/** Only the frames, because the first lines of a stack repeat the message. */
function frames(stack: string): string {
	return stack
		.split('\n')
		.filter((line) => /^\s+at /.test(line))
		.join('\n');
}

function pick<Type extends 'string' | 'number'>(
	fields: Readonly<Record<string, unknown>>,
	names: readonly string[],
	type: Type,
): (Type extends 'string' ? string : number) | undefined {
	const found = names.map((name) => fields[name]).find((value) => typeof value === type);
	return found as (Type extends 'string' ? string : number) | undefined;
}

function isReference(value: unknown): value is ObjectReference {
	return typeof value === 'object' && value !== null && 'kind' in value && 'name' in value;
}
