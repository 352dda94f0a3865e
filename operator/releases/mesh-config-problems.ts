/** What is wrong with a field of `spec.mesh.config`, in the words that all lines share. */
import type { ReleaseProblem } from './problem.ts';

/** A field that no release has. `known` are the names that there are. */
export function unknownField(version: string, known: readonly string[], name: string, path: string): ReleaseProblem {
	const twin = known.find((one) => fold(one) === fold(name));
	return {
		path,
		reason: 'FieldNotInRelease',
		message: `${path} is not a field of the mesh configuration of Istio ${version}`,
		remedy: twin === undefined ? 'Correct the name or leave it out.' : `Write ${twin}.`,
	};
}

/** A field that only a later release has. `first` is the minor that brings it. */
export function laterField(version: string, first: string, path: string): ReleaseProblem {
	return {
		path,
		reason: 'FieldNotInRelease',
		message: `${path} came with Istio ${first}; ${version} does not know it`,
		remedy: `Leave it out, or install Istio ${first} or newer.`,
	};
}

/** A value of another form. `what` says which it has to have. */
export function wrongValue(path: string, what: string): ReleaseProblem {
	return { path, reason: 'Invalid', message: `${path} must be ${what}`, remedy: `Write ${what}, or leave it out.` };
}

/** Folds a name, so that `access_log_file`, as the protocol buffers write it, finds `accessLogFile`. */
function fold(name: string): string {
	return name.replaceAll(/[-_]/g, '').toLowerCase();
}
