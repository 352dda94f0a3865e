/** From a stored installation to the mesh that it asks for, or to everything that keeps it from being one. Pure. */
import { type ParsedSpec, parseMeshInstallation } from '../../api/v1/index.ts';
import { kubernetesTooOld } from '../plan/compatibility.ts';
import { resolve } from '../releases/classic/resolve.ts';
import type { ResolvedMesh } from '../releases/index.ts';
import { checkOverlays } from '../render/index.ts';
import { type Finding, findingOfProblem } from '../status/finding.ts';
import type { StoredInstallation } from './installation.ts';

export interface PreparedMesh {
	readonly ok: true;
	readonly mesh: ResolvedMesh;
	readonly spec: ParsedSpec;
	readonly version: string;
	readonly paused: boolean;
}

export type Prepared = PreparedMesh | { readonly ok: false; readonly findings: readonly Finding[] };

/** @param serverVersion version of the cluster's API server, `v1.36.3` */
export function prepare(object: StoredInstallation, serverVersion: string): Prepared {
	const parsed = parseMeshInstallation(object);
	if (!parsed.ok) return { ok: false, findings: parsed.problems.map(findingOfProblem) };
	const resolved = resolve(parsed.installation);
	if (!resolved.ok) return { ok: false, findings: resolved.problems.map(findingOfProblem) };
	const tooOld = kubernetesTooOld(resolved.mesh.release, serverVersion);
	if (tooOld !== undefined) {
		return {
			ok: false,
			findings: [{ condition: 'Compatible', reason: 'KubernetesTooOld', message: tooOld, isStalled: true }],
		};
	}
	const overlayProblems = checkOverlays(resolved.mesh);
	if (overlayProblems.length > 0) return { ok: false, findings: overlayProblems.map(findingOfProblem) };
	const { spec } = parsed.installation;
	return { ok: true, mesh: resolved.mesh, spec, version: spec.version, paused: spec.paused === true };
}
