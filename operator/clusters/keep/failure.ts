/** Failures that are a cluster's own, told apart from those of this cluster: they become its conditions and nobody else's. */
import type { ClusterProblem, ClusterReason } from '../../../api/v1/index.ts';
import { BlockedError, InvalidError, isTlsFailure, RequestError, TransientError } from '../../runtime/errors.ts';

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

/** A failure of this cluster in the middle of work in another one: whoever does that work is told what it was. */
export class LocalFailure extends Error {
	override readonly name = 'LocalFailure';
	constructor(cause: unknown) {
		super('this cluster failed, not the one that was worked in', { cause });
	}
}

/** One that we were given a moment ago, and any other: the header of each begins with `{"` in base64. */
const webToken = /\beyJ[\w-]{6,}(\.[\w-]*)*/g;

/** Longest part of a foreign text that is repeated, characters. */
const longestQuote = 400;

/**
 * Words of another API server, for a status: short, on one line, and without what we sent it to prove who we are. One that
 * answers with our own token must not find it published.
 */
export function quote(text: string, secrets: readonly string[]): string {
	let clean = text;
	for (const secret of secrets) if (secret.length >= 8) clean = clean.replaceAll(secret, '[redacted]');
	// What is not seen goes: control characters, and those that turn text around or hide in it.
	clean = clean
		.replaceAll(webToken, '[redacted]')
		.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
		.trim();
	// Half a character would be stored as another one, and so differ from what is told each time anew.
	return (clean.length > longestQuote ? `${clean.slice(0, longestQuote)}…` : clean).toWellFormed();
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
	/** It was only asked whether it is there: whatever hinders an answer is a matter of reaching it. */
	readonly isProbe?: boolean;
}

export function clusterFailure(error: unknown, context: FailureContext): ClusterFailure {
	if (error instanceof ClusterFailure) return error;
	if (error instanceof AggregateError && error.errors.length > 0) {
		const all = error.errors.map((one) => clusterFailure(one, context));
		return all.find(({ isReach }) => isReach) ?? all[0] ?? clusterFailure(undefined, context);
	}
	const { host, secrets, reason = 'RemoteApplyFailed', doing } = context;
	const words = quote(error instanceof Error ? error.message : String(error), secrets);
	// An answer (500 of an admission webhook, 429) is about the request alone.
	if (error instanceof TransientError && (error.status === undefined || context.isProbe === true)) {
		return isTlsFailure(error)
			? new ClusterFailure(
					{
						reason: 'TLSNotVerified',
						message: `the certificate of the API server at ${host} was not accepted: ${words}; correct certificate-authority-data or tls-server-name in the kubeconfig`,
					},
					true,
				)
			: new ClusterFailure(
					{
						reason: 'Unreachable',
						message: `the API server at ${host} ${error.status === undefined ? 'does not answer' : 'can not serve'}: ${words}`,
					},
					true,
				);
	}
	if (error instanceof InvalidError && error.reason === 'KubeconfigUnsafe') {
		// A name that leads to an address that must not be dialled.
		return new ClusterFailure({ reason: 'KubeconfigUnsafe', message: words }, true);
	}
	if (error instanceof InvalidError && error.reason === 'SecretConflict') {
		return new ClusterFailure({ reason: 'SecretConflict', message: words }, false);
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

/** A Secret that is somebody else's, or is changed again and again, is the cluster's trouble; every other failure here is not. */
export function conflictOf(error: unknown): unknown {
	return (error instanceof InvalidError && error.reason === 'SecretConflict') || error instanceof BlockedError
		? new ClusterFailure({ reason: 'SecretConflict', message: error.message }, false)
		: error;
}

/** Runs something in a cluster; what fails there is the cluster's. An abort stays what it is, and so does what failed here. */
export async function inCluster<T>(context: FailureContext, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		signal.throwIfAborted();
		throw error instanceof LocalFailure ? error.cause : clusterFailure(error, context);
	}
}
