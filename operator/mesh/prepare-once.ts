/** Prepares a mesh once per spec: the result depends on the spec and on the version of Kubernetes alone. */
import { isDeepStrictEqual } from 'node:util';
import type { StoredInstallation } from './installation.ts';
import { type Prepared, type PrepareOptions, prepare } from './prepare.ts';
import type { Side } from './side.ts';

export interface PrepareOnceOptions extends PrepareOptions {
	readonly serverVersion: string;
}

/** What the spec asks for, as it is remembered, or prepared and remembered from now on. */
export function prepareOnce(object: StoredInstallation, side: Side, options: PrepareOnceOptions): Prepared {
	const { serverVersion, revisions } = options;
	const isSame = side.prepared?.serverVersion === serverVersion && isDeepStrictEqual(side.prepared.spec, object.spec);
	const known = isSame ? side.prepared : undefined;
	if (known !== undefined && isDeepStrictEqual(known.revisions, revisions)) return known.value;
	const made = prepare(object, options);
	// Revisions come and go, and few settings ask which. What is the same mesh stays the same object, so it is not rendered anew.
	const value = known !== undefined && isDeepStrictEqual(known.value, made) ? known.value : made;
	side.prepared = { spec: object.spec, serverVersion, revisions, value };
	return value;
}
