/**
 * Something that may not be known about a cluster: a value, or the reason. Optional knowledge is a value, never an error.
 */
import { RequestError, TransientError } from '../../runtime/errors.ts';

export type Known<T> =
	| {
			readonly known: true;
			readonly value: T;
			/** Where it was found, in words: `spec.podCIDRs`, `the Nodes`. */
			readonly from: string;
	  }
	| {
			readonly known: false;
			/** Why it is not known, as the end of a sentence, without its full stop. */
			readonly why: string;
	  };

export function known<T>(value: T, from: string): Known<T> {
	return { known: true, value, from };
}

export function unknown<T>(why: string): Known<T> {
	return { known: false, why };
}

/** The value. Undefined when it is not known. */
export function valueIfKnown<T>(fact: Known<T>): T | undefined {
	return fact.known ? fact.value : undefined;
}

/**
 * Asks for something optional. When the API server refuses, even for a while (500, 429), the result is `unknown`. Errors
 * that are about the cluster as a whole are thrown: no answer, 401, the caller's signal.
 * @param what what is asked for, as the subject of a sentence: `the Nodes`
 */
export async function optional<T>(what: string, ask: () => Promise<Known<T>>): Promise<Known<T>> {
	try {
		return await ask();
	} catch (error) {
		if (error instanceof RequestError && error.status !== 401) {
			return unknown(
				error.status === 403
					? `${what} may not be read by the user of the kubeconfig`
					: `${what} could not be read: ${error.status} ${error.reason}`,
			);
		}
		if (error instanceof TransientError && error.status !== undefined) {
			return unknown(`${what} could not be read: ${error.status}`);
		}
		throw error;
	}
}
