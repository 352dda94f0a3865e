/** Meshes for tests, made by the parser and `resolve`, as in the operator. */
import { parseMeshInstallation } from '../../api/v1/index.ts';
import { resolve } from '../lines/testing.ts';
import type { ResolvedClassicMesh } from '../releases/classic/index.ts';
import type { KubeObject } from '../runtime/object.ts';

/** A MeshInstallation as a user writes it. */
export function installation(spec: Readonly<Record<string, unknown>>, name = 'default'): unknown {
	return { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name }, spec };
}

/** The resolved mesh of a valid spec. Otherwise throws with all problems. */
export function meshOf(spec: Readonly<Record<string, unknown>>, name?: string): ResolvedClassicMesh {
	return resolved(installation(spec, name));
}

/** The resolved mesh of a whole object, from a file for example. */
export function resolved(object: unknown): ResolvedClassicMesh {
	const parsed = parseMeshInstallation(object);
	if (!parsed.ok) {
		throw new Error(JSON.stringify(parsed.problems, null, 1));
	}
	const result = resolve(parsed.installation);
	if (!result.ok) {
		throw new Error(JSON.stringify(result.problems, null, 1));
	}
	return result.mesh;
}

/** The one object of a kind. Throws when there are none or several. */
export function only(objects: readonly KubeObject[], kind: string): KubeObject {
	const [found, ...others] = objects.filter((object) => object.kind === kind);
	if (found === undefined || others.length > 0) {
		throw new Error(`${found === undefined ? 0 : others.length + 1} objects of kind ${kind}, not one`);
	}
	return found;
}

/** The value at a path of field names and indexes. Undefined when there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
	return path.reduce<unknown>(
		(parent, part) =>
			typeof parent === 'object' && parent !== null ? (parent as Readonly<Record<string, unknown>>)[part] : undefined,
		value,
	);
}
