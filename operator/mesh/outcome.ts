/**
 * The outcome of a pass. It has one shape, whatever the pass was about, so that one place writes the status and decides
 * when to look again.
 */
import { ConflictError, InvalidError } from '../runtime/errors.ts';
import { describeObject } from '../runtime/object.ts';
import type { StoredInstallation } from './installation.ts';
import type { Observed } from './installation-writer.ts';

export interface Outcome {
	/** The installation as it is now. */
	readonly object: StoredInstallation;
	/** What the status will tell. */
	readonly observed: Observed;
	readonly errors: readonly unknown[];
	/** What the errors mean for the installation: ` is not as asked`. */
	readonly failure: string;
	/** Set when no watch event would bring the next pass in time: it has to come after this time. */
	readonly againInMs: number | undefined;
}

/** Whether somebody was faster, and nothing else is wrong. The next pass, which follows at once, settles that. */
export function isOnlyConflict({ errors }: Outcome): boolean {
	return errors.length > 0 && errors.every((error) => error instanceof ConflictError);
}

/**
 * Whether only objects of others are in the way. They are not watched, so the operator has to ask whether they still are.
 */
export function isOnlyForeign({ errors }: Outcome): boolean {
	return errors.length > 0 && errors.every((error) => error instanceof InvalidError);
}

/** The error for the queue, which reads the classes of its members. */
export function errorOf({ object, errors, failure }: Outcome): AggregateError {
	return new AggregateError(errors, `${describeObject(object)}${failure}`);
}
