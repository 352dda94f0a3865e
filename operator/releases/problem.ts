/** A reason why a release can't be installed as the MeshInstallation asks. */
import type { Problem, Reason } from '../../api/v1/index.ts';

export interface ReleaseProblem extends Omit<Problem, 'reason'> {
	/**
	 * - `UnsupportedVersion` and `EndOfLife` are about the version.
	 * - `FieldNotInRelease` is about a setting that this release does not have or does not read.
	 * - `Invalid` is about a value that no release could use.
	 * - `NameAlreadyExists` and `RefNotFound` are about names of revisions and tags.
	 * - `NamespaceNotAllowed` is about a namespace that whoever runs the operator does not allow.
	 */
	readonly reason: Extract<
		Reason,
		| 'Invalid'
		| 'NameAlreadyExists'
		| 'NamespaceNotAllowed'
		| 'RefNotFound'
		| 'UnsupportedVersion'
		| 'EndOfLife'
		| 'FieldNotInRelease'
	>;
}

/** The path of a field below another one, as Kubernetes writes it. */
export function child(path: string, name: string): string {
	return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `${path}.${name}` : `${path}[${name}]`;
}
