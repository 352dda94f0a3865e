/** Says how far the data plane in a cluster is, by its Deployments. */
import { hasBeenReady } from '../../apply/applier.ts';
import { isOutage } from '../../apply/child.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import type { ClusterConnection } from './connection.ts';
import { quote } from './failure.ts';
import type { PassFindings } from './observe.ts';

/**
 * @param gate what applying waited for
 * @param note something that a person may want to know; empty when there is nothing
 * @param secrets see `FailureContext`
 */
export function dataPlaneOf(
	{ live, memory }: Pick<ClusterConnection, 'live' | 'memory'>,
	gate: string | undefined,
	note: string,
	secrets: readonly string[],
): NonNullable<PassFindings['dataPlane']> {
	// What was seen last says nothing about now.
	if (live.isBehind(kinds.Deployment)) return { waiting: 'the Deployments there can not be seen now' };
	const noted = note === '' ? {} : { note };
	const behind = [...live.ofKind(kinds.Deployment)].find(
		({ workload }) => workload !== undefined && workload.available < workload.desired,
	);
	if (behind?.workload === undefined) return { ...(gate === undefined ? {} : { waiting: gate }), ...noted };
	const { available, desired, stalled } = behind.workload;
	const message = quote(`Deployment ${behind.metadata.name}: ${available} of ${desired} pods are available`, secrets);
	// A Deployment that is being rolled out is not degraded, and neither is one with several pods of which one is being
	// replaced.
	const isDegraded = stalled !== undefined || isOutage(behind.workload, hasBeenReady(memory, objectKey(behind)));
	return isDegraded ? { problem: { reason: 'DataPlaneDegraded', message } } : { waiting: gate ?? message, ...noted };
}
