/** Computes the facts that joined clusters add to rendering a mesh, for a pass and for the command line alike. Pure. */
import { definedFields } from '../../../api/v1/index.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { JoinedFacts } from '../../render/index.ts';
import { networkGateways, type SeenOfClusters } from './network-gateways.ts';
import { type LiveHere, remoteSecretsFor } from './remote-secrets.ts';

/** While pods wait for other clusters to be renewed too, the mesh is looked at again after this time. */
const unsettledRecheckMs = 1_000;

/**
 * @param nowMs wall clock, milliseconds since 1970
 * @returns `againInMs` when something is not adopted yet and has to be looked at again
 */
export function joinedFacts(
	lines: Lines,
	mesh: ResolvedMesh,
	live: LiveHere,
	seen: SeenOfClusters,
	nowMs: number,
): { readonly facts: JoinedFacts; readonly againInMs: number | undefined } {
	const { remoteSecrets, isSettled } = remoteSecretsFor(lines, mesh, live, nowMs);
	const gateways = networkGateways(mesh, lines.of(mesh).multiCluster, live, seen);
	return {
		facts: definedFields({ remoteSecrets, networkGateways: gateways }),
		againInMs: isSettled ? undefined : unsettledRecheckMs,
	};
}
