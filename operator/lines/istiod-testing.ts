/** The lines for tests of istiod. */
import { parseMeshInstallation } from '../../api/v1/index.ts';
import type { ReleaseProblem, ResolveOptions } from '../releases/index.ts';
import type { ResolvedIstiodMesh } from '../releases/istiod/index.ts';
import type { IstiodFacts } from '../render/istiod/index.ts';
import { installation } from '../render/testing.ts';
import type { KubeObject } from '../runtime/object.ts';
import { classicLine } from './classic.ts';
import { istiodLine } from './istiod.ts';
import { Lines } from './registry.ts';

export const allLines = new Lines([classicLine, istiodLine]);

function resolve(spec: Readonly<Record<string, unknown>>, name?: string, options: ResolveOptions = {}) {
	const parsed = parseMeshInstallation(installation(spec, name));
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems, null, 1));
	return allLines.resolve(parsed.installation, options);
}

/** The resolved mesh of a valid spec. Otherwise throws with all problems. */
export function istiodMeshOf(
	spec: Readonly<Record<string, unknown>>,
	name?: string,
	options?: ResolveOptions,
): ResolvedIstiodMesh {
	const result = resolve(spec, name, options);
	if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 1));
	if (result.mesh.line !== 'istiod') throw new TypeError(`${String(spec.version)} is no release of istiod`);
	return result.mesh as ResolvedIstiodMesh;
}

/** What is wrong with a spec. */
export function problemsOf(
	spec: Readonly<Record<string, unknown>>,
	options?: ResolveOptions,
): readonly ReleaseProblem[] {
	const result = resolve(spec, undefined, options);
	return result.ok ? [] : result.problems;
}

export function renderIstiod(mesh: ResolvedIstiodMesh, facts: IstiodFacts = {}): readonly KubeObject[] {
	return allLines.render(mesh, facts);
}
