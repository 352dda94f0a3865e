/**
 * Turns an object into the mesh that it asks for, or into everything that is wrong with it: parse → resolve → check. Passes
 * and the command line both use it. Pure.
 */
import { type ParsedMeshInstallation, parseMeshInstallation } from '../../api/v1/index.ts';
import type { Lines } from '../lines/index.ts';
import { kubernetesTooOld } from '../plan/compatibility.ts';
import { windowProblems } from '../plan/upgrade/windows.ts';
import type { ResolvedMesh, ResolveOptions } from '../releases/index.ts';
import type { FieldProblem } from '../status/finding.ts';
import { standingOfObject } from './revisions/standing.ts';

export type { MeshLimits } from '../releases/index.ts';

export interface PreparedMesh {
	readonly ok: true;
	readonly installation: ParsedMeshInstallation;
	readonly mesh: ResolvedMesh;
	readonly paused: boolean;
}

export type Prepared = PreparedMesh | { readonly ok: false; readonly problems: readonly FieldProblem[] };

export interface PrepareOptions extends ResolveOptions {
	readonly lines: Lines;
	/** Version of the cluster's API server, `v1.36.3`. Undefined when there is no cluster to ask. */
	readonly serverVersion?: string | undefined;
}

export function prepare(object: unknown, { lines, serverVersion, ...options }: PrepareOptions): Prepared {
	const parsed = parseMeshInstallation(object);
	if (!parsed.ok) return parsed;
	const revisions = options.revisions ?? standingOfObject(object);
	const resolved = lines.resolve(parsed.installation, { ...options, revisions });
	if (!resolved.ok) return resolved;
	const { mesh } = resolved;
	const { windows } = parsed.installation.spec.upgrade ?? {};
	const problems = [...checkKubernetes(mesh, serverVersion), ...lines.checkOverlays(mesh), ...windowProblems(windows)];
	if (problems.length > 0) return { ok: false, problems };
	const refused = lines.checkImages(mesh);
	if (refused.length > 0) return { ok: false, problems: refused };
	const { installation } = parsed;
	return { ok: true, installation, mesh, paused: installation.spec.paused === true };
}

function checkKubernetes({ release }: ResolvedMesh, serverVersion: string | undefined): readonly FieldProblem[] {
	const message = serverVersion === undefined ? undefined : kubernetesTooOld(release, serverVersion);
	return message === undefined ? [] : [{ path: '', reason: 'KubernetesTooOld', message, remedy: '' }];
}
