/**
 * Reads the mesh whose clusters a command is about, and what its spec wants of each. The live object is judged as the
 * operator judges it.
 */
import { kind, type ParsedSpec, parseMeshInstallation } from '../../../api/v1/index.ts';
import type { KeepingMesh } from '../../clusters/wanted-mesh.ts';
import { clusterObjects } from '../../mesh/joined/cluster-objects.ts';
import { wantedMesh } from '../../mesh/joined/wanted-mesh.ts';
import { type ResolvedMesh, resolve } from '../../releases/index.ts';
import type { ControlPlaneAddresses } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { describeProblems } from '../desired.ts';
import { readInstallations } from '../status.ts';

export interface ClustersMesh {
	readonly object: KubeObject;
	readonly spec: ParsedSpec;
	readonly mesh: ResolvedMesh;
}

/**
 * The one mesh that the user means. Throws CommandError when there is none or several, or when the operator would refuse
 * it.
 */
export async function readClustersMesh(api: ApiServer, name: string | undefined): Promise<ClustersMesh> {
	const installations = await readInstallations(api, name);
	const [object, ...others] = installations;
	if (object === undefined) {
		throw new CommandError(`there is no ${kind} in the cluster`, 'apply one: kubectl apply -f mesh.yaml');
	}
	if (others.length > 0) {
		const names = installations.map(({ metadata }) => metadata.name).join(', ');
		throw new CommandError(`there are several ${kind}s: ${names}`, 'name the one that is meant');
	}
	return judge(object);
}

/** @throws CommandError with all problems, when the operator would refuse it */
export function judge(object: KubeObject): ClustersMesh {
	const parsed = parseMeshInstallation(object);
	const resolved = parsed.ok ? resolve(parsed.installation) : parsed;
	if (!parsed.ok || !resolved.ok) {
		const { problems } = parsed.ok ? (resolved as Exclude<typeof resolved, { ok: true }>) : parsed;
		throw new CommandError(describeProblems('the cluster', object, problems));
	}
	return { object, spec: parsed.installation.spec, mesh: resolved.mesh };
}

/** For checks the pods of Pilot and Mixer don't matter. */
const noAddresses: ControlPlaneAddresses = { pilot: [], policy: [], telemetry: [] };

/** What the checks need to know about the mesh. */
export function wantedForChecks({ object, spec, mesh }: ClustersMesh): KeepingMesh {
	return wantedMesh(object, mesh, {
		paused: spec.paused === true,
		objects: clusterObjects(mesh, { addresses: noAddresses, wallClock: Date.now }),
		basis: undefined,
	});
}
