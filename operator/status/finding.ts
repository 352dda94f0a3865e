/** A finding is something that keeps an installation from being as asked. All rooms report findings in this shape. */
import { type Reason, reasons } from '../../api/v1/index.ts';
import {
	type AdmissionFailure,
	BlockedError,
	ConflictError,
	InvalidError,
	RequestError,
	TransientError,
} from '../runtime/errors.ts';

/** The condition that a finding makes false. */
export type FindingCondition = 'Valid' | 'Compatible' | 'Installed';

export interface Finding {
	readonly condition: FindingCondition;
	/** CamelCase word; listed in `api/v1/reasons.ts`. */
	readonly reason: string;
	/** What is wrong and what to do, naming the field or object. */
	readonly message: string;
	/** True when nothing gets better until somebody acts (kstatus' `Stalled`). */
	readonly isStalled: boolean;
	/** True when a retry is expected to mend it: the API server is away, or somebody else wrote first. */
	readonly isPassing?: boolean;
}

/** The condition that the table of reasons gives a reason. */
function conditionOf(reason: string): FindingCondition {
	const condition = Object.hasOwn(reasons, reason) ? reasons[reason as Reason].condition : 'Installed';
	return condition === 'Valid' || condition === 'Compatible' ? condition : 'Installed';
}

/** A problem with one field, as parsing, resolving and checking report it. */
export interface FieldProblem {
	readonly path: string;
	readonly reason: string;
	readonly message: string;
	readonly remedy: string;
}

/** The finding for a problem that parsing or resolving found in the spec. */
export function findingOfProblem({ path, reason, message, remedy }: FieldProblem): Finding {
	return {
		condition: conditionOf(reason),
		reason,
		message: `${path === '' ? '' : `${path}: `}${message}${remedy === '' ? '' : ` (${remedy})`}`,
		isStalled: true,
	};
}

/** The finding for a failure while writing. */
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
		if (error.admission !== undefined)
			return {
				condition: 'Installed',
				reason: 'AdmissionRefused',
				message: byName(error.admission, message),
				isStalled: true,
			};
		// 403 and 422 stay the same until somebody changes a role, a policy or the spec. A retry is cheap and notices both
		// changes. 404 is a namespace or a kind that is just coming or going.
		return { condition: 'Installed', reason: 'ApplyFailed', message, isStalled: error.status !== 404 };
	}
	if (error instanceof TransientError) {
		if (error.admission !== undefined) {
			const told = byName(error.admission, message);
			return { condition: 'Installed', reason: 'AdmissionFailed', message: told, isStalled: false, isPassing: true };
		}
		return { condition: 'Installed', reason: 'ApiServerUnavailable', message, isStalled: false, isPassing: true };
	}
	return { condition: 'Installed', reason: 'ApplyFailed', message, isStalled: false };
}

/** Names first who keeps a write from being admitted, since the words of an API server are long. */
function byName({ by, name, outcome }: AdmissionFailure, message: string): string {
	return `${by} ${name} ${outcome === 'refused' ? 'refuses' : 'does not answer as it should'}: ${message}`;
}

/** One message for all findings of a condition: the first ones in full, the others counted. */
export function joinMessages(findings: readonly Finding[]): string {
	const shown = findings.slice(0, 10).map(({ message }) => message);
	const more = findings.length - shown.length;
	return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
