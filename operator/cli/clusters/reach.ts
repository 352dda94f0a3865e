/** Interprets a failed call: what it says about the way to an API server. Pure. */
import { InvalidError, TransientError } from '../../runtime/errors.ts';
import type { MatrixCell } from './matrix.ts';

const refusals: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET']);
const silences: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** @param name of the cluster, for the reason */
export function reachOf(error: unknown, name: string): MatrixCell {
	if (error instanceof InvalidError) {
		return { state: 'unknown', detail: `${name} was not dialled: see its findings` };
	}
	if (!(error instanceof TransientError)) {
		// The API server answered.
		return { state: 'ok' };
	}
	const codes = codesOf(error);
	if (codes.some((code) => refusals.has(code))) return { state: 'refused' };
	// An error without a cause is our own deadline.
	if (codes.some((code) => silences.has(code)) || (error.cause === undefined && error.status === undefined))
		return { state: 'timeout' };
	return error.status === undefined
		? { state: 'unknown', detail: `${name} was not reached from here: see its findings` }
		: { state: 'ok' };
}

function codesOf(error: unknown): readonly string[] {
	if (!(error instanceof Error)) return [];
	const { code } = error as NodeJS.ErrnoException;
	const inside = error instanceof AggregateError ? error.errors.flatMap(codesOf) : [];
	return [...(typeof code === 'string' ? [code] : []), ...inside, ...codesOf(error.cause)];
}
