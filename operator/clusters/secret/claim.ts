/** Decides whether a Secret about a cluster may be written when one of its name exists already. */
import { clusterLabel, multiClusterLabel } from '../../../api/v1/constants.ts';
import { managedByLabel, managedByValue, type Owner, partOfLabel } from '../../apply/identity.ts';
import { ownershipOf } from '../../apply/ownership.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { CallOptions } from '../../runtime/client/requests.ts';
import { InvalidError, isNotFound } from '../../runtime/errors.ts';
import { describeObject, type KubeObject } from '../../runtime/object.ts';
import type { recordReference } from './record.ts';

export interface ClaimTarget {
	readonly api: ApiServer;
	readonly mesh: { readonly owner?: Owner; readonly partOf?: string };
}

/**
 * Throws when the existing Secret is not ours to write. One that is handed over is emptied first, and hidden from Pilot
 * until it is published: Pilot takes each key of such a Secret for a cluster.
 */
export async function claim(
	{ api, mesh }: ClaimTarget,
	reference: ReturnType<typeof recordReference>,
	options: CallOptions,
): Promise<void> {
	let metadata: KubeObject['metadata'];
	try {
		({ metadata } = await api.getMetadata(reference, options));
	} catch (error) {
		if (isNotFound(error)) return;
		throw error;
	}
	const set = metadata.labels?.[partOfLabel] ?? '';
	const ownership = ownershipOf(metadata, mesh.partOf ?? set, mesh.owner?.uid);
	const isOfMeshwright =
		metadata.labels?.[managedByLabel] === managedByValue && metadata.labels[clusterLabel] !== undefined;
	if (ownership.kind === 'foreign' && !isOfMeshwright) {
		throw new InvalidError(
			'SecretConflict',
			`${describeObject(reference)} exists and belongs to ${ownership.owner}; it is not written. Delete or rename it, or give it to Meshwright with annotation meshwright.io/adopt: "true" on it`,
			{ object: reference },
		);
	}
	if (ownership.kind === 'adoptable') {
		const { resourceVersion } = metadata;
		await api.patch(
			reference,
			{ metadata: { resourceVersion, labels: { [multiClusterLabel]: null } }, data: null },
			{ ...options, type: 'merge', metadataOnly: true },
		);
	}
}
