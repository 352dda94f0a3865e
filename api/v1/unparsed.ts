/**
 * Reads what is needed from a spec that nobody has parsed. An object that is being deleted may be invalid, and so may one
 * that is only listed or that another cluster keeps. Whatever is not as the schema has it counts as absent.
 */

import { defaultNamespace } from './constants.ts';
import { tryDuration } from './duration.ts';
import { fieldsOf } from './fields.ts';

/** An object as an API server holds it. */
interface Unparsed {
	readonly metadata: object;
	readonly spec?: unknown;
}

/** An entry of `spec.multiCluster.clusters`. */
export interface ListedCluster {
	readonly name: string;
	readonly role?: string;
	readonly network?: string;
}

const defaultDeletionTimeoutMs = 10 * 60_000;

/** The namespace of the control plane. */
export function namespaceOf({ spec }: Unparsed): string {
	const { namespace } = fieldsOf(spec);
	return typeof namespace === 'string' ? namespace : defaultNamespace;
}

/** The name that others have for the installation's cluster. */
export function clusterNameOf({ spec }: Unparsed): string | undefined {
	const { clusterName } = fieldsOf(fieldsOf(spec).multiCluster);
	return typeof clusterName === 'string' ? clusterName : undefined;
}

/** The clusters that join the installation. */
export function listedClustersOf({ spec }: Unparsed): readonly ListedCluster[] {
	const { clusters } = fieldsOf(fieldsOf(spec).multiCluster);
	return (Array.isArray(clusters) ? clusters : []).flatMap((entry: unknown): readonly ListedCluster[] => {
		const { name, role, network } = fieldsOf(entry);
		if (typeof name !== 'string') return [];
		return [
			{
				name,
				...(typeof role === 'string' ? { role } : {}),
				...(typeof network === 'string' ? { network } : {}),
			},
		];
	});
}

/** How the installation is deleted. */
export function deletionOf({ spec }: Unparsed): {
	readonly policy: 'Delete' | 'Retain';
	readonly force: boolean;
	readonly timeoutMs: number;
	/** Whether it waits until no proxy uses the mesh any more. */
	readonly blockWhileInUse: boolean;
} {
	const { policy, force, timeout, blockWhileInUse } = fieldsOf(fieldsOf(spec).deletion);
	const timeoutMs = typeof timeout === 'string' ? tryDuration(timeout) : undefined;
	return {
		policy: policy === 'Retain' ? 'Retain' : 'Delete',
		force: force === true,
		timeoutMs: timeoutMs ?? defaultDeletionTimeoutMs,
		blockWhileInUse: blockWhileInUse === true,
	};
}
