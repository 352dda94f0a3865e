/**
 * What a revision is asked before others are led to it, and before the one that they asked so far goes. Each question is an object that
 * API servers are asked to admit by a dry run: nothing is stored. So the whole way is tried, from an API server to the
 * revision and back: Service, certificate, authority, configuration. Pure.
 */
import type { KubeObject } from '../../runtime/object.ts';

export interface RevisionQuestion {
	/** What to create by a dry run. */
	readonly object: KubeObject;
	/**
	 * - `taken`: it is right
	 * - `refused`: the revision refuses it
	 * - `injected`: the revision puts a proxy into it, which it says by this annotation
	 */
	readonly expects: 'taken' | 'refused' | { readonly injectedBy: string; readonly annotation: string };
}

/** What became of a question. `status`: of HTTP, where an API server has answered. */
export type RevisionAnswer =
	| { readonly kind: 'admitted'; readonly object: KubeObject }
	| { readonly kind: 'failed'; readonly status: number | undefined; readonly words: string };

/** A webhook that refuses without a number of its own gives this one (kubernetes `admission/plugin/webhook/errors/statuserror.go`). */
const refusedByWebhook = 400;

/** What is wrong with an answer, in a clause with what to do. Undefined when it is the right one. */
export function wrongWith({ object, expects }: RevisionQuestion, answer: RevisionAnswer): string | undefined {
	const what = `a ${object.kind} in namespace ${object.metadata.namespace}`;
	if (expects === 'refused') {
		if (answer.kind === 'admitted')
			return `its webhook is not asked: ${what} that it has to refuse is taken. Look at that webhook`;
		return answer.status === refusedByWebhook ? undefined : failed(what, answer);
	}
	if (answer.kind === 'failed') return failed(what, answer);
	if (expects === 'taken') return undefined;
	const { injectedBy, annotation } = expects;
	return answer.object.metadata.annotations?.[annotation] === injectedBy
		? undefined
		: `it puts no proxy into ${what} with label istio.io/rev: ${injectedBy}. Remove the labels istio-injection and istio.io/rev from that namespace, if it has one of them, or look at the webhook of that revision`;
}

function failed(what: string, { status, words }: Extract<RevisionAnswer, { readonly kind: 'failed' }>): string {
	return status === 403
		? `${what} may not be made by a dry run: ${words}. Give the operator the rights of part istiod, or let such a dry run through`
		: `${what} is not admitted by a dry run: ${words}. Look at the pods of that revision, and at what stands between them and API servers`;
}
