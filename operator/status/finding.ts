/** Everything that keeps an installation from being as asked, in one shape, whatever room it was found in. */
import { type Reason, reasons } from '../../api/v1/index.ts';
import { BlockedError, ConflictError, InvalidError, RequestError, TransientError } from '../runtime/errors.ts';

/** Which condition a finding makes false. */
export type FindingCondition = 'Valid' | 'Compatible' | 'Installed';

export interface Finding {
	readonly condition: FindingCondition;
	/** CamelCase word; listed in `api/v1/reasons.ts`. */
	readonly reason: string;
	/** What is wrong and what to do, naming the field or object. */
	readonly message: string;
	/** True when nothing gets better before somebody acts (kstatus' `Stalled`). */
	readonly isStalled: boolean;
	/** True for what a retry is expected to mend: the API server is away, somebody else wrote first. */
	readonly isPassing?: boolean;
}

/** The condition that a reason is born in, by the table of reasons. */
function conditionOf(reason: string): FindingCondition {
	const condition = Object.hasOwn(reasons, reason) ? reasons[reason as Reason].condition : 'Installed';
	return condition === 'Valid' || condition === 'Compatible' ? condition : 'Installed';
}

/** What parsing and resolving say about one field. */
interface FieldProblem {
	readonly path: string;
	readonly reason: string;
	readonly message: string;
	readonly remedy: string;
}

/** A problem that parsing or resolving found in the spec. */
export function findingOfProblem({ path, reason, message, remedy }: FieldProblem): Finding {
	return {
		condition: conditionOf(reason),
		reason,
		message: `${path === '' ? '' : `${path}: `}${message}${remedy === '' ? '' : ` (${remedy})`}`,
		isStalled: true,
	};
}

/** A failure while writing. */
export function findingOfError(error: unknown): Finding {
	const message = error instanceof Error ? error.message : String(error);
	if (error instanceof InvalidError) {
		return { condition: conditionOf(error.reason), reason: error.reason, message, isStalled: true };
	}
	if (error instanceof BlockedError) {
		return { condition: 'Installed', reason: error.reason, message, isStalled: error.reason === 'LoopDetected' };
	}
	if (error instanceof ConflictError)
		return { condition: 'Installed', reason: 'Conflict', message, isStalled: false, isPassing: true };
	if (error instanceof RequestError) {
		// 403 and 422 answer the same until somebody changes a role, a policy or the spec; a retry is cheap and heals both.
		// 404 is a namespace or a kind on its way in or out.
		return { condition: 'Installed', reason: 'ApplyFailed', message, isStalled: error.status !== 404 };
	}
	if (error instanceof TransientError) {
		return { condition: 'Installed', reason: 'ApiServerUnavailable', message, isStalled: false, isPassing: true };
	}
	return { condition: 'Installed', reason: 'ApplyFailed', message, isStalled: false };
}

/** One sentence for all findings of a condition: the first in full, the rest counted when there are many. */
export function joinMessages(findings: readonly Finding[]): string {
	const shown = findings.slice(0, 10).map(({ message }) => message);
	const more = findings.length - shown.length;
	return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
