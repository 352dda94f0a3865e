/**
 * Hands `spec.replicas` to an autoscaler without a dip. When server-side apply leaves out a field that it owned alone, the
 * API server removes the field, and the default of `replicas` is 1: a busy Pilot would lose its pods at the moment when
 * autoscaling is switched on. So the field first gets a second owner with the same value.
 */
import type { KubeObject } from '../runtime/object.ts';
import type { Child } from './child.ts';

function rendersReplicas(object: KubeObject): boolean {
	const { spec } = object;
	return typeof spec === 'object' && spec !== null && 'replicas' in spec;
}

/**
 * The body to apply as field manager `meshwright-handover` before `desired` is applied. Undefined when nothing has to be
 * handed over.
 */
export function replicasHandover(desired: KubeObject, live: Child | undefined): KubeObject | undefined {
	if (desired.kind !== 'Deployment' || rendersReplicas(desired) || live?.workload?.ownsReplicas !== true)
		return undefined;
	return replicasOf(desired, live.workload.desired);
}

/**
 * The body to apply as field manager `meshwright-handover` to a Deployment with an autoscaler, as long as nobody has set
 * its number of pods. So it begins with the autoscaler's minimum instead of one pod, which the autoscaler would correct
 * only some 15 s later, when it first looks. Undefined when the minimum is one, or somebody has set the number.
 */
export function initialReplicas(
	made: KubeObject,
	live: Child | undefined,
	rendered: readonly KubeObject[],
): KubeObject | undefined {
	if (made.kind !== 'Deployment' || rendersReplicas(made) || live?.workload?.isReplicasSaid !== false) return undefined;
	const autoscaler = rendered.find(({ kind, metadata, spec }) => {
		if (kind !== 'HorizontalPodAutoscaler' || metadata.namespace !== made.metadata.namespace) return false;
		const { scaleTargetRef } = spec as { readonly scaleTargetRef: { readonly kind: string; readonly name: string } };
		return scaleTargetRef.kind === made.kind && scaleTargetRef.name === made.metadata.name;
	});
	const { minReplicas = 1 } = (autoscaler?.spec ?? {}) as { readonly minReplicas?: number };
	return minReplicas > 1 ? replicasOf(made, minReplicas) : undefined;
}

function replicasOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject, replicas: number): KubeObject {
	return {
		apiVersion,
		kind,
		metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
		spec: { replicas },
	};
}
