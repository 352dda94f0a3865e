/** Turns rendered and live objects into the input of the status. */
import { revisionLabel } from '../../api/v1/index.ts';
import { isOutage, type Workload } from '../apply/child.ts';
import { componentLabel, versionLabel } from '../apply/identity.ts';
import { hasBeenReady, type InstallationMemory } from '../apply/installation-memory.ts';
import type { LiveObjects } from '../apply/live.ts';
import { applySetId } from '../render/index.ts';
import { isWorkload, kindOf, kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey } from '../runtime/object.ts';
import { componentName, type WorkloadObservation } from '../status/components.ts';
import { gatewayAddresses } from '../status/gateway-addresses.ts';
import type { StoredInstallation } from './installation.ts';
import type { PodsSeen } from './pods.ts';

/**
 * Observes the rendered workloads.
 * @param versionOf the release that a workload runs as rendered, by key. Undefined where it stays as it stands
 * @param memory what is remembered about them
 * @param pods why pods of workloads that are not as wanted do not run; undefined while all are as wanted
 * @param standing keys of workloads that are left as they stand, whatever was rendered
 */
export function observeWorkloads(
	object: StoredInstallation,
	objects: readonly KubeObject[],
	versionOf: (key: string) => string | undefined,
	memory: InstallationMemory,
	live: LiveObjects,
	pods: PodsSeen | undefined,
	standing?: ReadonlySet<string>,
): readonly WorkloadObservation[] {
	return objects.filter(isWorkload).map((workload) => {
		const key = objectKey(workload);
		const { [componentLabel]: component = workload.metadata.name, [revisionLabel]: revision } =
			workload.metadata.labels ?? {};
		const stands = live.get(key)?.workload;
		// Of a version that is not written yet, since something before it waits or was refused.
		const isWritten = stands?.version === undefined || stands.version === workload.metadata.labels?.[versionLabel];
		const isLeft = standing?.has(key) === true || !isWritten;
		// A gateway's Service has the name of its Deployment.
		const service = live.get(objectKey({ ...kinds.Service, ...nameOf(workload) }));
		return {
			...gatewayAddresses(service === undefined ? undefined : { ...service, ...service.service }),
			component,
			revision,
			object: describeObject(workload),
			image: (isLeft ? stands?.images[0] : undefined) ?? mainImage(workload),
			version: (isWritten ? versionOf(key) : undefined) ?? previousOf(object, component, revision)?.version,
			appliedGeneration: memory.applied.get(key)?.generation,
			...stateOf(stands, hasBeenReady(memory, key), live.isBehind?.(kindOf(workload)) === true),
			podTrouble: pods?.troubleOf(workload.metadata.name),
			arePodsUnseen: pods?.isRefused,
			awayFrom: nodesWithout(pods?.podsOf(workload.metadata.name)),
			previous: previousOf(object, component, revision),
		};
	});
}

/** Observes what runs while nothing can be rendered: whatever the spec says now, the existing mesh is still observed. */
export function observeRunning(object: StoredInstallation, live: LiveObjects): readonly WorkloadObservation[] {
	return live.ofApplySet(applySetId(object.metadata.name)).flatMap((child) => {
		if (child.workload === undefined) return [];
		const { component = child.metadata.name, revision } = child;
		const previous = previousOf(object, component, revision);
		return [
			{
				component,
				revision,
				object: describeObject(child),
				image: child.workload.images[0] ?? '',
				version: previous?.version,
				...stateOf(child.workload, undefined, live.isBehind?.(kindOf(child)) === true),
				previous,
			},
		];
	});
}

/** @param hasBeenReady whether all pods have been available since the last own write; undefined when nobody has looked */
function stateOf(
	workload: Workload | undefined,
	hasBeenReady: boolean | undefined,
	isUnknown: boolean,
): Pick<WorkloadObservation, 'live' | 'isOutage'> {
	if (isUnknown) return { live: 'unknown', isOutage: false };
	return { live: workload, isOutage: workload !== undefined && isOutage(workload, hasBeenReady) };
}

/** Nodes on which the pod of a DaemonSet is not ready. */
function nodesWithout(pods: ReturnType<PodsSeen['podsOf']> = []): readonly string[] {
	const ready = new Set(pods.flatMap(({ onNode }) => (onNode?.isReady === true ? [onNode.node] : [])));
	const all = new Set(pods.flatMap(({ onNode }) => onNode?.node ?? []));
	return [...all].filter((node) => !ready.has(node)).sort();
}

/** What the status said about a component before. */
function previousOf({ status }: StoredInstallation, component: string, revision: string | undefined) {
	const name = componentName(component, revision);
	return status?.components?.find((entry) => entry.name === name);
}

function nameOf({ metadata: { namespace, name } }: KubeObject): { readonly namespace?: string; readonly name: string } {
	return { name, ...(namespace === undefined ? {} : { namespace }) };
}

function mainImage(workload: KubeObject): string {
	const { template } = workload.spec as { template: { spec: { containers: readonly { image: string }[] } } };
	return template.spec.containers[0]?.image ?? '';
}
