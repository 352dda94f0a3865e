/**
 * Reads the mesh whose clusters a command is about, and what its spec wants of each. The live object is judged as the
 * operator judges it.
 */
import { kind, type ParsedSpec } from '../../../api/v1/index.ts';
import type { KeepingMesh } from '../../clusters/wanted-mesh.ts';
import { lines } from '../../lines/index.ts';
import { type StoredInstallation, toInstallation } from '../../mesh/installation.ts';
import { clusterObjects } from '../../mesh/joined/cluster-objects.ts';
import { wantedMesh } from '../../mesh/joined/wanted-mesh.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { prepareOrThrow, serverVersionOf } from '../desired.ts';
import { readInstallations } from '../status.ts';

export interface ClustersMesh {
	readonly object: StoredInstallation;
	readonly spec: ParsedSpec;
	readonly mesh: ResolvedMesh;
	/** The version of the cluster's Kubernetes. */
	readonly serverVersion: string;
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
	return judge(object, await serverVersionOf(api));
}

/** @throws CommandError with all problems where the operator would refuse it */
export function judge(object: KubeObject, serverVersion: string): ClustersMesh {
	const { installation, mesh } = prepareOrThrow({ source: 'the cluster', object }, serverVersion);
	const stored = toInstallation(object, () => undefined);
	return { object: stored, spec: installation.spec, mesh, serverVersion };
}

/** What the checks need to know about the mesh. The pods of the control plane don't matter for them. */
export function wantedForChecks({ object, spec, mesh }: ClustersMesh): KeepingMesh {
	return wantedMesh(object, mesh, {
		lines,
		paused: spec.paused === true,
		objects: clusterObjects(mesh, { lines, addresses: {}, wallClock: Date.now }),
		basis: undefined,
	});
}
