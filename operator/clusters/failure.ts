/** Failures that are a cluster's own, told apart from those of this cluster: they become its conditions and nobody else's. */
import type { ClusterReason } from '../../api/v1/index.ts';
import { InvalidError, isTlsFailure, RequestError, TransientError } from '../runtime/errors.ts';
import type { ClusterProblem } from './problem.ts';

export class ClusterFailure extends Error {
	override readonly name = 'ClusterFailure';
	readonly problem: ClusterProblem;
	/** Whether its API server was not reached, or does not know us: nothing else can be asked of it. */
	readonly isReach: boolean;
	constructor(problem: ClusterProblem, isReach: boolean) {
		super(problem.message);
		this.problem = problem;
		this.isReach = isReach;
	}
}

/** Longest part of a foreign text that is repeated, characters. */
const longestQuote = 400;

/**
 * Words of another API server, for a status: short, on one line, and without what we sent it to prove who we are. One that
 * answers with our own token must not find it published.
 */
export function quote(text: string, secrets: readonly string[]): string {
	let clean = text;
	for (const secret of secrets) if (secret.length >= 8) clean = clean.replaceAll(secret, '[redacted]');
	// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
	clean = clean.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
	return clean.length > longestQuote ? `${clean.slice(0, longestQuote)}…` : clean;
}

/** Who a failure is about. */
export interface FailureContext {
	/** Host of the API server. */
	readonly host: string;
	/** What must never be repeated: tokens, keys. */
	readonly secrets: readonly string[];
	/** For what is neither a matter of reaching it nor of our identity. */
	readonly reason?: ClusterReason;
	/** What was being done, `the token could not be used`. */
	readonly doing?: string;
}

export function clusterFailure(error: unknown, context: FailureContext): ClusterFailure {
	if (error instanceof ClusterFailure) return error;
	if (error instanceof AggregateError && error.errors.length > 0) {
		const all = error.errors.map((one) => clusterFailure(one, context));
		return all.find(({ isReach }) => isReach) ?? all[0] ?? clusterFailure(undefined, context);
	}
	const { host, secrets, reason = 'RemoteApplyFailed', doing } = context;
	const words = quote(error instanceof Error ? error.message : String(error), secrets);
	if (error instanceof TransientError) {
		return isTlsFailure(error)
			? new ClusterFailure(
					{
						reason: 'TLSNotVerified',
						message: `the certificate of the API server at ${host} was not accepted: ${words}; correct certificate-authority-data or tls-server-name in the kubeconfig`,
					},
					true,
				)
			: new ClusterFailure(
					{ reason: 'Unreachable', message: `the API server at ${host} does not answer: ${words}` },
					true,
				);
	}
	if (error instanceof InvalidError && error.reason === 'KubeconfigUnsafe') {
		// A name that leads to an address that must not be dialled.
		return new ClusterFailure({ reason: 'KubeconfigUnsafe', message: words }, true);
	}
	if (error instanceof RequestError && error.status === 401) {
		return new ClusterFailure(
			{
				reason: 'Unauthorized',
				message: `the API server at ${host} does not know the user of the kubeconfig (401): put a new kubeconfig into the Secret`,
			},
			true,
		);
	}
	return new ClusterFailure({ reason, message: doing === undefined ? words : `${doing}: ${words}` }, false);
}

/** Runs something in a cluster; what fails there is the cluster's. An abort stays what it is. */
export async function inCluster<T>(context: FailureContext, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		signal.throwIfAborted();
		throw clusterFailure(error, context);
	}
}
