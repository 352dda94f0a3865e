/** Prepares a mesh once per spec: the result depends on the spec and on the version of Kubernetes alone. */
import { isDeepStrictEqual } from 'node:util';
import type { StoredInstallation } from './installation.ts';
import type { Side } from './memory.ts';
import { type Prepared, type PrepareOptions, prepare } from './prepare.ts';

export interface PrepareOnceOptions extends PrepareOptions {
	readonly serverVersion: string;
}

/** What the spec asks for, as it is remembered, or prepared and remembered from now on. */
export function prepareOnce(object: StoredInstallation, side: Side, options: PrepareOnceOptions): Prepared {
	const { serverVersion } = options;
	const known = side.prepared;
	if (known?.serverVersion === serverVersion && isDeepStrictEqual(known.spec, object.spec)) return known.value;
	const value = prepare(object, options);
	side.prepared = { spec: object.spec, serverVersion, value };
	return value;
}
