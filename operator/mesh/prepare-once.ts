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
	const known = side.prepared;
	if (
		known?.serverVersion === serverVersion &&
		isDeepStrictEqual(known.spec, object.spec) &&
		isDeepStrictEqual(known.revisions, revisions)
	)
		return known.value;
	const value = prepare(object, options);
	side.prepared = { spec: object.spec, serverVersion, revisions, value };
	return value;
}
