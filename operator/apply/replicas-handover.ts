/**
 * Handing `spec.replicas` to an autoscaler without a dip. When server-side apply leaves out a field that it owned alone,
 * the API server removes it, and an absent `replicas` is defaulted to 1: a busy Pilot would lose its pods at the moment
 * autoscaling is switched on. So the field gets a second owner with the same value first.
 */
import type { KubeObject } from '../runtime/object.ts';
import type { Child } from './child.ts';

function rendersReplicas(object: KubeObject): boolean {
	const { spec } = object;
	return typeof spec === 'object' && spec !== null && 'replicas' in spec;
}

/**
 * The body to apply as field manager `meshwright-handover` before `desired` is applied; undefined when nothing has to be
 * handed over.
 */
export function replicasHandover(desired: KubeObject, live: Child | undefined): KubeObject | undefined {
	if (desired.kind !== 'Deployment' || rendersReplicas(desired) || live?.workload?.ownsReplicas !== true)
		return undefined;
	const { name, namespace } = desired.metadata;
	return {
		apiVersion: desired.apiVersion,
		kind: desired.kind,
		metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
		spec: { replicas: live.workload.desired },
	};
}
