/** Turns what a pass found into what is told about a cluster. Pure. */

import { type ClusterObservation, type ClusterProblem, definedFields, timeText } from '../../../api/v1/index.ts';
import { type ClusterRecord, recordReference } from '../secret/record.ts';
import { renewalAt } from '../secret/rotation.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import { describeLatency, reachableOf } from './health.ts';
import type { KeepingVisit } from './visit.ts';

/** What one pass found, besides what the cell remembers. */
export interface PassFindings {
	waiting?: string | undefined;
	joinProblem?: ClusterProblem | undefined;
	inventory?: { readonly objects: number; readonly hash: string };
	version?: string;
	dataPlane?: NonNullable<ClusterObservation['dataPlane']>;
	againInMs?: number;
}

/** A renewal that is overdue by this share of the token's life is told. */
const lateShare = 0.1;

/** @param now wall clock, milliseconds since 1970 */
export function observationOf(
	{ cell, mesh, entry, record }: Pick<KeepingVisit, 'cell' | 'mesh' | 'entry' | 'record'>,
	found: PassFindings,
	now: number,
): ClusterObservation {
	const { health, facts, problems, observation } = cell;
	const isPublished = record?.state === 'Published';
	const { namespace, name } = recordReference(mesh.namespace, entry.name);
	return definedFields({
		name: entry.name,
		role: entry.role,
		state: isPublished ? 'Joined' : 'Joining',
		reachable: reachableOf(health),
		reachProblem: health.state === 'up' ? undefined : health.problem,
		lastSuccess:
			health.state === 'down' && health.lastSuccessAt !== undefined ? timeText(health.lastSuccessAt) : undefined,
		latency: describeLatency(health),
		network: entry.network,
		id: facts === undefined ? record?.id : facts.id,
		serverVersion: facts?.serverVersion,
		podCIDRs: facts?.podCIDRs,
		serviceCIDRs: facts?.serviceCIDRs,
		services: facts?.services,
		endpoints: facts?.endpoints,
		gateways: facts?.gateways,
		problems,
		secret: isPublished ? `${namespace}/${name}` : undefined,
		authorityExpires: record?.authority === undefined ? undefined : timeText(record.authority.until),
		joinProblem: found.joinProblem,
		waiting: found.waiting,
		...credentialsOf(record, mesh, now),
		inventory: found.inventory ?? observation?.inventory,
		version: found.version ?? observation?.version,
		dataPlane: entry.dataPlane && (found.dataPlane ?? observation?.dataPlane ?? {}),
	});
}

function credentialsOf(
	record: ClusterRecord | undefined,
	{ rotation }: KeepingMesh,
	now: number,
): Pick<ClusterObservation, 'credentials'> {
	if (record?.state !== 'Published' || record.issued === undefined) return {};
	const { issuedAt, lifetimeMs } = record.issued;
	const end = issuedAt + lifetimeMs;
	const late = renewalAt(record.cluster, record.issued, rotation) + lifetimeMs * lateShare;
	return { credentials: { expire: timeText(end), state: now >= end ? 'expired' : now >= late ? 'late' : 'valid' } };
}
