/**
 * The closed family of errors. The code that meets a failure chooses the class. Whoever handles it decides by class, never
 * by reading a message.
 *
 * | class | meaning | what the queue does |
 * | --- | --- | --- |
 * | `TransientError` | the outside world failed: network, 5xx, 429, time-out | retry with backoff |
 * | `ConflictError` | somebody else wrote first (409) | read again and retry at once; never recreate |
 * | `InvalidError` | the user must act | status, no retry before something changes |
 * | `BlockedError` | waits for something named | status, retry when it appears (and by a slow timer) |
 * | `MisbehaviourError` | a server that nobody trusts took more than its budget | its connection ends; retry with backoff |
 */
import type { AdmissionFailure } from './client/admission.ts';
import type { WithheldText } from './client/withheld-text.ts';
import type { ObjectReference } from './object.ts';

export type { AdmissionFailure } from './client/admission.ts';
export { isTlsFailure } from './client/tls-failure.ts';

/**
 * One finding in an API server's refusal: which field, and why. For a conflict of server-side apply: the owner of a field.
 */
export interface StatusCause {
	/** `FieldValueInvalid`, `FieldManagerConflict` … */
	readonly reason: string;
	/** Empty for Secrets, because it may quote a value, and from a stranger. */
	readonly message: string;
	/** JSON path: `spec.ports[0].port`. From a stranger empty, unless the request had such a field. */
	readonly field: string;
}

interface ErrorDetails {
	readonly cause?: unknown;
	/** The object that the failed request was about. */
	readonly object?: ObjectReference;
}

abstract class OperatorError extends Error {
	readonly object: ObjectReference | undefined;
	constructor(message: string, details: ErrorDetails = {}) {
		super(message, details.cause === undefined ? {} : { cause: details.cause });
		this.object = details.object;
	}
}

/** The outside world failed in a way that may pass by itself. */
export class TransientError extends OperatorError {
	override readonly name = 'TransientError';
	/** The server asked for this wait before the next try. */
	readonly retryAfterMs: number | undefined;
	/** HTTP status, when there was an answer. */
	readonly status: number | undefined;
	/** The webhook or policy that could not be asked. */
	readonly admission: AdmissionFailure | undefined;
	constructor(
		message: string,
		details: ErrorDetails & {
			retryAfterMs?: number | undefined;
			status?: number | undefined;
			admission?: AdmissionFailure | undefined;
		} = {},
	) {
		super(message, details);
		this.retryAfterMs = details.retryAfterMs;
		this.status = details.status;
		this.admission = details.admission;
	}
}

/** HTTP 409: the object changed since it was read, or exists already, or a field belongs to another manager. */
export class ConflictError extends OperatorError {
	override readonly name = 'ConflictError';
	/** `Conflict` or `AlreadyExists`, as the API server says. */
	readonly reason: string;
	/** For a conflict of server-side apply: each field that another manager owns. */
	readonly causes: readonly StatusCause[];
	constructor(message: string, details: ErrorDetails & { reason?: string; causes?: readonly StatusCause[] } = {}) {
		super(message, details);
		this.reason = details.reason ?? 'Conflict';
		this.causes = details.causes ?? [];
	}
}

/**
 * The API server refused the request for good: 400, 401, 403, 404, 405, 410, 415, 422 … The same request would get the same
 * answer again.
 */
export class RequestError extends OperatorError {
	override readonly name = 'RequestError';
	readonly status: number;
	/** The API server's own word: `NotFound`, `Forbidden`, `Invalid`, `Expired` … */
	readonly reason: string;
	/** For `Invalid`: each field that was refused. */
	readonly causes: readonly StatusCause[];
	/** The server's words, those of the causes first, for facts that stand nowhere else. */
	readonly withheld: WithheldText | undefined;
	/** The webhook or policy that refused. */
	readonly admission: AdmissionFailure | undefined;
	constructor(
		message: string,
		details: ErrorDetails & {
			status: number;
			reason: string;
			causes?: readonly StatusCause[];
			withheld?: WithheldText;
			admission?: AdmissionFailure | undefined;
		},
	) {
		super(message, details);
		this.status = details.status;
		this.reason = details.reason;
		this.causes = details.causes ?? [];
		this.withheld = details.withheld;
		this.admission = details.admission;
	}
}

/** What was asked for can't be done until its owner changes it. */
export class InvalidError extends OperatorError {
	override readonly name = 'InvalidError';
	/** CamelCase word for a condition. */
	readonly reason: string;
	constructor(reason: string, message: string, details: ErrorDetails = {}) {
		super(message, details);
		this.reason = reason;
	}
}

/** Everything is right, but something that the message names is still missing. */
export class BlockedError extends OperatorError {
	override readonly name = 'BlockedError';
	/** CamelCase word for a condition. */
	readonly reason: string;
	constructor(reason: string, message: string, details: ErrorDetails = {}) {
		super(message, details);
		this.reason = reason;
	}
}

/** A server that nobody here controls has sent more than it may, or what nobody asked for. */
export class MisbehaviourError extends OperatorError {
	override readonly name = 'MisbehaviourError';
	/** What it did, as the end of a sentence about it: `sent …`. It has no word of the server's own. */
	readonly deed: string;
	constructor(deed: string, details: ErrorDetails = {}) {
		super(`the API server ${deed}`, details);
		this.deed = deed;
	}
}

/** Whether an error belongs to this family, so that its class says what to do. */
export function isOperatorError(
	error: unknown,
): error is TransientError | ConflictError | RequestError | InvalidError | BlockedError | MisbehaviourError {
	return error instanceof OperatorError;
}

export function isNotFound(error: unknown): error is RequestError {
	return error instanceof RequestError && error.status === 404;
}

/** The answer to a request. Undefined when it is a 404. */
export async function orAbsent<T>(request: Promise<T>): Promise<T | undefined> {
	try {
		return await request;
	} catch (error) {
		if (isNotFound(error)) return undefined;
		throw error;
	}
}

export function isForbidden(error: unknown): error is RequestError {
	return error instanceof RequestError && (error.status === 401 || error.status === 403);
}
