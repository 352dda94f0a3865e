/**
 * Failures of a joined cluster, as opposed to failures of this one and to mistakes of ours. They become that cluster's
 * conditions and nobody else's.
 */
import type { ClusterProblem, ClusterReason } from '../../../api/v1/index.ts';
import {
	BlockedError,
	InvalidError,
	isOperatorError,
	isTlsFailure,
	MisbehaviourError,
	RequestError,
	TransientError,
} from '../../runtime/errors.ts';
import { UnusableToken } from '../secret/token.ts';
import { hasTraceOf, notRepeated } from './credential-trace.ts';

export class ClusterFailure extends Error {
	override readonly name = 'ClusterFailure';
	readonly problem: ClusterProblem;
	/** Whether its API server was not reached, or did not accept us. Then nothing else can be asked of it. */
	readonly isReach: boolean;
	constructor(problem: ClusterProblem, isReach: boolean) {
		super(problem.message);
		this.problem = problem;
		this.isReach = isReach;
	}
}

/** A failure of this cluster in the middle of work in another one. Whoever does that work learns the cause. */
export class LocalFailure extends Error {
	override readonly name = 'LocalFailure';
	constructor(cause: unknown) {
		super('this cluster failed, not the one that was worked in', { cause });
	}
}

/**
 * Whether an error says nothing about any cluster: a mistake in this program, such as a TypeError. It is logged as one, and
 * no cluster is blamed for it.
 */
export function isDefect(error: unknown): boolean {
	if (error instanceof AggregateError) return error.errors.length === 0 || error.errors.some(isDefect);
	if (error instanceof LocalFailure) return isDefect(error.cause);
	return !(
		isOperatorError(error) ||
		error instanceof ClusterFailure ||
		error instanceof UnusableToken ||
		isTimeout(error)
	);
}

/** What is told while such a mistake keeps the work in a cluster from being done. */
export const ourDefect: ClusterProblem = {
	reason: 'InternalError',
	message:
		'the operator itself failed while it worked on the cluster: a mistake in the program, which says nothing about the cluster. Its log has the error; it tries again by itself.',
};

function isTimeout(error: unknown): boolean {
	return error instanceof DOMException && error.name === 'TimeoutError';
}

/** Tokens, those that we got a moment ago and any others: in base64 the header of each begins with `{"`. */
const webToken = /\beyJ[\w-]{6,}(\.[\w-]*)*/g;

/** At most this many characters of a foreign text are repeated. */
const longestQuote = 400;

/**
 * Makes a text with names from another cluster safe for a status: short, on one line, and without what we sent there to
 * prove our identity, in whatever form.
 */
export function quote(text: string, secrets: readonly string[]): string {
	let clean = text;
	for (const secret of secrets) if (secret.length >= 8) clean = clean.replaceAll(secret, '[redacted]');
	// Removes invisible characters: control characters, and those that reverse text or hide in it.
	clean = clean
		.replaceAll(webToken, '[redacted]')
		.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
		.trim();
	if (hasTraceOf(clean, secrets)) return notRepeated;
	// Cuts no character in half: half a character would be stored as another one, and differ from what is told each time.
	return (clean.length > longestQuote ? `${clean.slice(0, longestQuote)}…` : clean).toWellFormed();
}

/** What a failure is about. */
export interface FailureContext {
	/** Host of the API server. */
	readonly host: string;
	/** Texts that must never be repeated: tokens, keys. */
	readonly secrets: readonly string[];
	/** The reason for failures that are neither about reaching the server nor about our identity. */
	readonly reason?: ClusterReason;
	/** What failed: `the token could not be used`. */
	readonly doing?: string;
	/**
	 * Set for a probe, which only asks whether the server is there. Then whatever prevents an answer is about reaching it.
	 */
	readonly isProbe?: boolean;
}

/** The failure of a cluster that an error stands for. Throws the error itself when it is a defect. */
export function clusterFailure(error: unknown, context: FailureContext): ClusterFailure {
	if (error instanceof ClusterFailure) return error;
	if (error instanceof AggregateError) {
		const defect: unknown = error.errors.find(isDefect);
		if (defect !== undefined) throw defect;
		const all = error.errors.map((one) => clusterFailure(one, context));
		const first = all.find(({ isReach }) => isReach) ?? all[0];
		if (first === undefined) throw error;
		return first;
	}
	if (!(error instanceof Error) || isDefect(error)) throw error;
	const { host, secrets, reason = 'RemoteApplyFailed', doing } = context;
	if (error instanceof MisbehaviourError) return misbehaviour(error, context);
	// The answers of other clusters took all the room that there is.
	if (error instanceof BlockedError && error.reason === 'AnswersWait')
		return new ClusterFailure({ reason: 'AnswersWait', message: `the API server at ${host}: ${error.message}` }, true);
	const words = quote(error.message, secrets);
	if (isTimeout(error)) {
		return new ClusterFailure(
			{ reason: 'Unreachable', message: `the API server at ${host} did not answer in time` },
			true,
		);
	}
	if (error instanceof UnusableToken) return new ClusterFailure({ reason: error.reason, message: words }, false);
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
		// The name leads to an address that must not be dialled.
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
	// Its words are not repeated, but the name of whoever refused is that of an object there.
	const { admission } = error instanceof RequestError || error instanceof TransientError ? error : {};
	const who = admission === undefined ? '' : quote(` (${admission.by} ${admission.name} there)`, secrets);
	return new ClusterFailure({ reason, message: `${doing === undefined ? words : `${doing}: ${words}`}${who}` }, false);
}

/** What an API server did that ended its connection. */
export function misbehaviour({ deed }: MisbehaviourError, { host }: Pick<FailureContext, 'host'>): ClusterFailure {
	return new ClusterFailure({ reason: 'ClusterMisbehaves', message: `the API server at ${host} ${deed}` }, true);
}

/**
 * Turns a conflict about a Secret into a failure of the cluster: the Secret is somebody else's, or is changed again and
 * again. Every other failure here stays ours.
 */
export function conflictOf(error: unknown): unknown {
	return (error instanceof InvalidError && error.reason === 'SecretConflict') || error instanceof BlockedError
		? new ClusterFailure({ reason: 'SecretConflict', message: error.message }, false)
		: error;
}

/**
 * Runs work in a cluster. What fails there becomes a failure of the cluster. An abort, what failed here and a defect stay
 * what they are.
 */
export async function inCluster<T>(context: FailureContext, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		signal.throwIfAborted();
		throw error instanceof LocalFailure ? error.cause : clusterFailure(error, context);
	}
}
