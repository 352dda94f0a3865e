/** What a pass came to: one shape, whatever it was about, so that one place writes the status and decides when to look again. */
import { ConflictError, InvalidError } from '../runtime/errors.ts';
import { describeObject } from '../runtime/object.ts';
import type { StoredInstallation } from './installation.ts';
import type { Observed } from './installation-writer.ts';

export interface Outcome {
	/** The installation as it stands now. */
	readonly object: StoredInstallation;
	/** What the status tells. */
	readonly observed: Observed;
	readonly errors: readonly unknown[];
	/** What the errors mean, said of the installation: ` is not as asked`. */
	readonly failure: string;
	/** Look again after so many milliseconds, where no watch event brings the pass back. */
	readonly againInMs: number | undefined;
}

/** Whether somebody was faster, and nothing else is wrong: the pass that follows at once settles it. */
export function isOnlyConflict({ errors }: Outcome): boolean {
	return errors.length > 0 && errors.every((error) => error instanceof ConflictError);
}

/** Whether objects of others are in the way, and nothing else. They are not watched: whether they still are has to be asked. */
export function isOnlyForeign({ errors }: Outcome): boolean {
	return errors.length > 0 && errors.every((error) => error instanceof InvalidError);
}

/** For the queue, which reads the classes of what is inside. */
export function errorOf({ object, errors, failure }: Outcome): AggregateError {
	return new AggregateError(errors, `${describeObject(object)}${failure}`);
}
