/**
 * What `meshwright check` says: sentences that are true when all is well. Each has a name, under which docs/check.md says what
 * it is about and what to do.
 */
import { isForbidden, isOperatorError } from '../../runtime/errors.ts';
import type { Kind } from '../../runtime/kinds.ts';
import { groupOf } from '../../runtime/object.ts';
import { explain } from '../command-error.ts';

/** All checks, in the order in which they are made. docs/check.md has a heading for each. */
export const checkNames = [
	'api-server',
	'clock-skew',
	'user-rights',
	'own-definition',
	'operator-runs',
	'operator-version',
	'operator-leads',
	'operator-rights',
	'release-known',
	'istio-definitions',
	'gateway-api',
	'gateways-programmed',
	'mesh-observed',
	'mesh-condition',
	'mesh-component',
	'injector-answers',
	'webhook-certificate',
	'authority-lasts',
	'workload-certificates',
	'cluster-ready',
] as const;

export type CheckName = (typeof checkNames)[number];

/**
 * - `ok`: the sentence is true.
 * - `warning`: it is true, and may not stay so.
 * - `failed`: it is not true.
 * - `unknown`: nobody could look, for lack of a right or of an answer.
 * - `skipped`: there is nothing to look at.
 */
export type CheckState = 'ok' | 'warning' | 'failed' | 'unknown' | 'skipped';

export interface Verdict {
	readonly state: CheckState;
	/** What was found. */
	readonly detail?: string;
	/** What to do. */
	readonly hint?: string;
}

export interface CheckResult extends Verdict {
	readonly name: CheckName;
	/** A sentence that is true when all is well. */
	readonly sentence: string;
}

export interface CheckGroup {
	readonly title: string;
	readonly results: readonly CheckResult[];
}

/** A right of the user's, for one kind of object. */
export interface UserRight {
	readonly verb: 'get' | 'list' | 'create';
	readonly kind: Kind;
	readonly namespace?: string;
}

/** `list pods in namespace shop`, `get customresourcedefinitions.apiextensions.k8s.io`. */
export function describeUserRight({ verb, kind, namespace }: UserRight): string {
	const group = groupOf(kind.apiVersion);
	const resource = group === '' ? kind.plural : `${kind.plural}.${group}`;
	return `${verb} ${resource}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}

/** Nobody could look, because the user lacks this right. */
export function lacking(right: UserRight): Verdict {
	return {
		state: 'unknown',
		detail: `you may not ${describeUserRight(right)}`,
		hint: 'ask the administrator of the cluster for this right, or for somebody who has it',
	};
}

/**
 * Makes one check. What is refused for lack of the right, and what gets no answer, is unknown. A defect of ours is thrown.
 * @param right what `look` needs
 */
export async function check(
	name: CheckName,
	sentence: string,
	right: UserRight,
	look: () => Promise<Verdict>,
): Promise<CheckResult> {
	try {
		return { name, sentence, ...(await look()) };
	} catch (error) {
		if (isForbidden(error)) return { name, sentence, ...lacking(right) };
		if (!isOperatorError(error)) throw error;
		const { message, remedy } = explain(error);
		return { name, sentence, state: 'unknown', detail: message, hint: remedy ?? 'try again' };
	}
}
