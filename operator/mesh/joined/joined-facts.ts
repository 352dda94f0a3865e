/** Computes the facts that joined clusters add to rendering a mesh, for a pass and for the command line alike. Pure. */
import { definedFields, timeText } from '../../../api/v1/index.ts';
import { rollOutDistanceMs } from '../../clusters/secret/rotation.ts';
import type { Lines } from '../../lines/index.ts';
import type { Gate } from '../../plan/gate.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { JoinedFacts } from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { networkGateways, type SeenOfClusters } from './network-gateways.ts';
import { type LiveHere, remoteSecretsFor } from './remote-secrets.ts';

/** While pods wait for other clusters to be renewed too, the mesh is looked at again after this time. */
const unsettledRecheckMs = 1_000;
/** While they wait for a time, it is looked at again at least this often, since the clock may be set. */
const delayedRecheckMs = 15_000;

/**
 * @param nowMs wall clock, milliseconds since 1970
 * @returns `againInMs` when something is not adopted yet and has to be looked at again; `gates` tell what is delayed
 */
export function joinedFacts(
	lines: Lines,
	mesh: ResolvedMesh,
	live: LiveHere,
	seen: SeenOfClusters,
	nowMs: number,
): { readonly facts: JoinedFacts; readonly gates: readonly Gate[]; readonly againInMs: number | undefined } {
	const { waiting, ...pods } = remoteSecretsFor(lines, mesh, live, nowMs);
	const gateways = networkGateways(mesh, lines.of(mesh).multiCluster, live, seen);
	return {
		facts: definedFields({ ...pods, networkGateways: gateways }),
		gates: waiting?.for === 'distance' ? [distanceGate(lines, mesh, waiting.until)] : [],
		againInMs:
			waiting === undefined
				? undefined
				: waiting.for === 'others'
					? unsettledRecheckMs
					: Math.min(waiting.until - nowMs, delayedRecheckMs),
	};
}

/** Pods are written, but still for the Secrets of before. */
function distanceGate(lines: Lines, mesh: ResolvedMesh, until: number): Gate {
	const { always, perhaps } = lines.of(mesh).multiCluster.readers;
	return {
		name: 'distance-between-roll-outs',
		effect: 'delayed',
		objects: [...always, ...perhaps].map((name) => objectKey({ ...kinds.Deployment, namespace: mesh.namespace, name })),
		sentence: `pods that read joined clusters are replaced for changed Secrets at most every ${rollOutDistanceMs / 60_000} min, so those of ${always.join(' and ')} use the Secrets of before until ${timeText(until)}`,
	};
}
