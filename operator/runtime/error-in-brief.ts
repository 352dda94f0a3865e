/**
 * An error of a request in a few words, for whoever may ask: the log has all of it. A server's own words are left out,
 * because they may quote what not everybody may read.
 */
import { STATUS_CODES } from 'node:http';
import { ConflictError, isTlsFailure, RequestError, TransientError } from './errors.ts';

/** What to look at, by status of the answer. */
const remedies: Readonly<Record<number, string>> = {
	401: 'the credentials are not accepted',
	403: 'the role that allows it is missing',
	404: 'nothing serves it: for a custom resource, apply its CustomResourceDefinition',
};

/** Nobody's chain of causes is longer. */
const deepestCause = 8;

export function inBrief(error: unknown): string {
	const status = statusOf(error);
	if (status !== undefined) {
		const words = `${status} ${STATUS_CODES[status] ?? 'unknown status'}`;
		const remedy = remedies[status];
		return remedy === undefined ? words : `${words}: ${remedy}`;
	}
	const code = codeOf(error);
	if (isTlsFailure(error)) return `the server's certificate was not verified${code === undefined ? '' : `, ${code}`}`;
	if (code !== undefined) return `no answer, ${code}`;
	return error instanceof TransientError ? 'no complete answer' : 'it failed; see the log';
}

function statusOf(error: unknown): number | undefined {
	if (error instanceof ConflictError) return 409;
	return error instanceof RequestError || error instanceof TransientError ? error.status : undefined;
}

/** The code of a system's error, such as ECONNREFUSED. */
function codeOf(error: unknown): string | undefined {
	let current = error;
	for (let depth = 0; depth < deepestCause && current instanceof Error; depth++) {
		if ('code' in current && typeof current.code === 'string' && /^[A-Z0-9_]{3,64}$/.test(current.code)) {
			return current.code;
		}
		current = current.cause;
	}
	return undefined;
}
