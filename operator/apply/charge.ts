/**
 * Puts the control plane of another cluster in charge of this one, by the annotation on the namespace of the mesh that istiod
 * looks for (istio 1.30 `pilot/pkg/serviceregistry/kube/controller/multicluster.go`, `checkShouldLead`). The annotation has a
 * field manager of its own, so that it goes when it is given up, and never replaces what somebody else has written.
 */
import { controlPlaneClustersAnnotation } from '../../api/v1/constants.ts';
import { ConflictError, InvalidError } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { describeObject } from '../runtime/object.ts';
import type { ChargeFacts, Child } from './child.ts';
import { chargeFieldManager } from './identity.ts';
import { namespaceIn } from './live.ts';
import { Writer, type WriterOptions } from './writer.ts';

export interface ChargePlace {
	/** Namespace of the mesh. */
	readonly namespace: string;
	readonly live: { get(key: string): Child | undefined };
	readonly writer: WriterOptions;
	/** Set of what is kept there. Operators of several clusters may keep something in one namespace. */
	readonly partOf: string;
}

/** Whether the control plane of this cluster is among those in charge. */
function names({ clusters }: ChargeFacts, cluster: string): boolean {
	return (clusters ?? '').split(',').some((one) => one === cluster || one === '*');
}

/**
 * Puts the control plane of `cluster` in charge, or nobody. Writes only what differs. Returns the failures; throws only when
 * `signal` aborts.
 */
export async function keepCharge(
	{ namespace, live, writer: options, partOf }: ChargePlace,
	cluster: string | undefined,
	signal: AbortSignal,
): Promise<readonly unknown[]> {
	const child = namespaceIn(live, namespace);
	const known = child?.charge ?? { clusters: undefined, keepers: [] };
	const manager = `${chargeFieldManager}-${partOf}`;
	const isKept = known.keepers.includes(manager);
	if (cluster === undefined ? !isKept : names(known, cluster)) return [];
	if (child?.metadata.deletionTimestamp !== undefined) return [];
	const { apiVersion, kind } = kinds.Namespace;
	const annotations = cluster === undefined ? {} : { annotations: { [controlPlaneClustersAnnotation]: cluster } };
	const uid = child?.metadata.uid;
	const object = {
		apiVersion,
		kind,
		metadata: { name: namespace, ...(uid === undefined ? {} : { uid }), ...annotations },
	};
	const writer = new Writer(options, signal);
	await writer.all([object], async (one) => {
		try {
			await writer.shareFields(manager, one);
		} catch (error) {
			if (!(error instanceof ConflictError) || error.causes.length === 0) throw error;
			throw new InvalidError(
				'NamespaceInOtherMesh',
				`${describeObject(one)} has an annotation ${controlPlaneClustersAnnotation} of somebody else, by which the control plane of another cluster is in charge there. Add ,${cluster} to it, or remove it`,
				{ cause: error },
			);
		}
	});
	return writer.errors;
}
