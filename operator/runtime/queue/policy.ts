/** Says what a failed pass means for its key: the one place where an error's class becomes a decision of the queue. */
import {
	BlockedError,
	ConflictError,
	InvalidError,
	MisbehaviourError,
	RequestError,
	TransientError,
} from '../errors.ts';

/**
 * | class | when the next pass comes |
 * | --- | --- |
 * | `defect` | backoff; an error from outside the closed family is a mistake in the program, counted like a panic |
 * | `failure` | backoff, at least `retryAfterMs` |
 * | `conflict` | at once the first few times, then backoff |
 * | `blocked` | slow timer |
 * | `invalid` | never by itself |
 */
export type FailureClass =
	| { readonly class: 'defect' }
	| { readonly class: 'failure'; readonly retryAfterMs: number }
	| { readonly class: 'conflict' }
	| { readonly class: 'blocked' }
	| { readonly class: 'invalid' };

/**
 * When siblings failed with different classes, the first one in this list decides: the one with the earliest or the loudest
 * retry.
 */
const precedence = ['defect', 'failure', 'conflict', 'blocked', 'invalid'] as const;

/**
 * Classifies an error. An `AggregateError` (siblings that failed side by side) counts as the most urgent of its members.
 */
export function classifyFailure(error: unknown): FailureClass {
	if (error instanceof AggregateError && error.errors.length > 0) return mostUrgent(error.errors.map(classifyFailure));
	if (error instanceof TransientError) return { class: 'failure', retryAfterMs: error.retryAfterMs ?? 0 };
	if (error instanceof RequestError || error instanceof MisbehaviourError) return { class: 'failure', retryAfterMs: 0 };
	if (error instanceof ConflictError) return { class: 'conflict' };
	if (error instanceof BlockedError) return { class: 'blocked' };
	if (error instanceof InvalidError) return { class: 'invalid' };
	return { class: 'defect' };
}

function mostUrgent(members: readonly FailureClass[]): FailureClass {
	const found = precedence.find((name) => members.some((member) => member.class === name)) ?? 'defect';
	if (found !== 'failure') return { class: found };
	const waits = members.map((member) => (member.class === 'failure' ? member.retryAfterMs : 0));
	return { class: 'failure', retryAfterMs: Math.max(...waits) };
}
