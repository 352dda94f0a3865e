/** What could be learned of a cluster, or why not: optional knowledge is a value, never an error. */
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
			/** Why not, as the end of a sentence, without its full stop. */
			readonly why: string;
	  };

export function known<T>(value: T, from: string): Known<T> {
	return { known: true, value, from };
}

export function unknown<T>(why: string): Known<T> {
	return { known: false, why };
}

/** The value, or undefined where it is not known. */
export function valueIfKnown<T>(fact: Known<T>): T | undefined {
	return fact.known ? fact.value : undefined;
}

/**
 * Asks for something optional. An API server's refusal, also one that may pass (500, 429), becomes `unknown`. What says
 * that the cluster as a whole can't be spoken with is thrown: no answer, 401, the caller's signal.
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
