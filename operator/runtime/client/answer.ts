/**
 * Interprets an API server's answer: the `Status` body, the `Warning` and `Retry-After` headers, and the error class of
 * every answer that is not a success. Messages name the request and repeat the server's words, but never a header (which
 * may carry credentials), and never the server's words about a Secret (which may quote its data). Of a stranger they repeat
 * nothing (`withheld.ts`).
 */

import { ConflictError, RequestError, type StatusCause, TransientError } from '../errors.ts';
import { describeObject, type ObjectReference } from '../object.ts';
import { isRecord } from '../object-shape.ts';
import { admissionFailureIn } from './admission.ts';
import { bareCause, knownReason } from './withheld.ts';
import { WithheldText } from './withheld-text.ts';

/** A server, or a proxy before it, may ask for any wait. Nobody waits longer than this for it. */
const longestAskedMs = 60_000;

/** What a request is about, for messages. */
export interface RequestSubject {
	readonly method: string;
	/** Without the query. */
	readonly path: string;
	readonly object?: ObjectReference | undefined;
	/** See `ApiServerOptions.isForeign`. */
	readonly isForeign?: boolean | undefined;
	/** What was sent. */
	readonly body?: unknown;
}

interface StatusBody {
	readonly reason?: unknown;
	readonly message?: unknown;
	readonly code?: unknown;
	readonly details?: { readonly causes?: unknown; readonly retryAfterSeconds?: unknown };
}

const longestMessage = 2048;

/** More than that many fields of one object are wrong only when something general is. */
const mostCauses = 256;

/** Reasons for answers without one (a proxy answered, or the body was cut). */
const reasonOfStatus: Readonly<Record<number, string>> = {
	400: 'BadRequest',
	401: 'Unauthorized',
	403: 'Forbidden',
	404: 'NotFound',
	405: 'MethodNotAllowed',
	406: 'NotAcceptable',
	408: 'RequestTimeout',
	409: 'Conflict',
	410: 'Gone',
	413: 'RequestEntityTooLarge',
	415: 'UnsupportedMediaType',
	422: 'Invalid',
	429: 'TooManyRequests',
	500: 'InternalError',
	503: 'ServiceUnavailable',
	504: 'Timeout',
};

/** `PATCH Deployment istio-system/istio-pilot`, or the path when no object is known. */
export function describeRequest(subject: RequestSubject): string {
	return `${subject.method} ${subject.object === undefined ? subject.path : describeObject(subject.object)}`;
}

/** The error for an answer with a status of 300 or more. `body` may be anything: JSON, HTML, cut off, empty. */
export function errorOfAnswer(
	subject: RequestSubject,
	status: number,
	retryAfter: string | readonly string[] | undefined,
	body: Buffer,
): TransientError | ConflictError | RequestError {
	return errorOfStatus(subject, status, parseStatus(body), retryAfterMs(retryAfter, Date.now()));
}

/** The error for a `Status` object, as it comes in an ERROR event of a watch. */
export function errorOfStatusObject(
	subject: RequestSubject,
	object: unknown,
): TransientError | ConflictError | RequestError {
	const status = isRecord(object) ? (object as StatusBody) : {};
	const { code } = status;
	const isStatus = typeof code === 'number' && Number.isInteger(code) && code >= 300 && code < 600;
	return errorOfStatus(subject, isStatus ? code : 500, status, undefined);
}

function errorOfStatus(
	subject: RequestSubject,
	status: number,
	body: StatusBody,
	headerRetryAfterMs: number | undefined,
): TransientError | ConflictError | RequestError {
	const isForeign = subject.isForeign === true;
	const given = isForeign ? knownReason(body.reason) : body.reason;
	const reason = typeof given === 'string' && given !== '' ? given : (reasonOfStatus[status] ?? 'Unknown');
	const isSecret = subject.object?.kind === 'Secret' || /\/secrets(\/|$)/.test(subject.path);
	const said = isSecret || typeof body.message !== 'string' ? '' : cut(body.message, longestMessage);
	const message = `${describeRequest(subject)}: ${status} ${reason}${said === '' || isForeign ? '' : `: ${said}`}`;
	const object = subject.object === undefined ? {} : { object: subject.object };
	const all = causesOf(body, isSecret);
	const causes = isForeign ? all.map((cause) => bareCause(cause, subject.body)) : all;
	const withheld = new WithheldText([...all.map((cause) => cause.message), said].join('\n'));
	const admission = admissionFailureIn(said);
	if (status === 409) {
		return new ConflictError(message, { ...object, reason, causes });
	}
	if (status === 429 || status === 408 || status >= 500) {
		const seconds = body.details?.retryAfterSeconds;
		const bodyRetryAfterMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
		const askedMs = headerRetryAfterMs ?? bodyRetryAfterMs;
		const waitMs = askedMs === undefined ? undefined : Math.min(askedMs, longestAskedMs);
		return new TransientError(message, { ...object, status, retryAfterMs: waitMs, admission });
	}
	return new RequestError(message, { ...object, status, reason, causes, withheld, admission });
}

function parseStatus(body: Buffer): StatusBody {
	if (body.length === 0 || body[0] !== 0x7b) {
		return {};
	}
	try {
		const parsed: unknown = JSON.parse(body.toString('utf8'));
		return isRecord(parsed) ? (parsed as StatusBody) : {};
	} catch {
		// The body was cut off, or is no JSON: the HTTP status alone decides.
		return {};
	}
}

function causesOf(body: StatusBody, isSecret: boolean): readonly StatusCause[] {
	const causes = isRecord(body.details) ? body.details.causes : undefined;
	if (!Array.isArray(causes)) {
		return [];
	}
	return causes
		.slice(0, mostCauses)
		.filter(isRecord)
		.map((cause) => ({
			reason: typeof cause.reason === 'string' ? cause.reason : '',
			message: typeof cause.message === 'string' && !isSecret ? cut(cause.message, longestMessage) : '',
			field: typeof cause.field === 'string' ? cause.field : '',
		}));
}

/**
 * Reads `Retry-After`, which holds seconds or an HTTP date (RFC 9110 10.2.3).
 * @param now wall clock, for a date
 */
function retryAfterMs(header: string | readonly string[] | undefined, now: number): number | undefined {
	const value = (typeof header === 'string' ? header : header?.[0])?.trim();
	if (value === undefined || value === '') {
		return undefined;
	}
	if (/^\d+$/.test(value)) {
		return Number(value) * 1000;
	}
	const date = Date.parse(value);
	return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The texts of `Warning: 299 - "text"` headers, as API servers send them for deprecated versions and unknown fields. */
export function warningsOf(header: string | readonly string[] | undefined): readonly string[] {
	if (header === undefined) {
		return [];
	}
	const joined = typeof header === 'string' ? header : header.join(', ');
	return [...joined.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) =>
		(match[1] ?? '').replace(/\\(.)/g, '$1'),
	);
}

function cut(text: string, length: number): string {
	return text.length <= length ? text : `${text.slice(0, length)} …`;
}
