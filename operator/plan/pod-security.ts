/**
 * Whether the namespace of a mesh refuses its pods by Pod Security, told before they are made. The standard `restricted` refuses
 * those that have to be root, and `baseline` those that change their node as well. Pure.
 */
import { isObject } from '../../api/v1/index.ts';
import { isWorkload } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';

/** (kubernetes `staging/src/k8s.io/pod-security-admission/api/constants.go`.) */
const enforceLabel = 'pod-security.kubernetes.io/enforce';

/**
 * A sentence about the workloads whose pods the namespace refuses. Undefined when it takes them.
 * @param labels of the namespace
 * @param objects those rendered for it
 */
export function podSecurityNote(
	namespace: string,
	labels: Readonly<Record<string, string>>,
	objects: readonly KubeObject[],
): string | undefined {
	const standard = labels[enforceLabel];
	if (standard !== 'restricted' && standard !== 'baseline') return undefined;
	const workloads = objects.filter(isWorkload);
	const onNodes = workloads.filter(reachesNode);
	const roots = standard === 'baseline' ? [] : workloads.filter((one) => !onNodes.includes(one) && runsAsRoot(one));
	const sentences = [
		...(roots.length === 0
			? []
			: [`refuses new pods of ${namesOf(roots)}, which have to be root: they fit the standard baseline`]),
		...(onNodes.length === 0
			? []
			: [
					`refuses new pods of ${namesOf(onNodes)}, which change the network of their node: they need the standard privileged`,
				]),
	];
	return sentences.length === 0
		? undefined
		: `namespace ${namespace} has the label ${enforceLabel}=${standard} and ${sentences.join('; it ')}`;
}

function namesOf(objects: readonly KubeObject[]): string {
	return objects
		.map(({ metadata }) => metadata.name)
		.sort()
		.join(', ');
}

/** Whether a pod mounts folders of its node, which no standard but `privileged` allows. */
function reachesNode(object: KubeObject): boolean {
	const { volumes } = podOf(object);
	return Array.isArray(volumes) && volumes.some((volume) => isObject(volume) && volume.hostPath !== undefined);
}

function podOf({ spec }: KubeObject): Readonly<Record<string, unknown>> {
	const template = isObject(spec) && isObject(spec.template) ? spec.template : {};
	return isObject(template.spec) ? template.spec : {};
}

/** Whether a container may run as root, the only requirement of `restricted` that what is rendered may lack. */
function runsAsRoot(object: KubeObject): boolean {
	const pod = podOf(object);
	const isOfPod = saysNotRoot(pod.securityContext) === true;
	return [pod.initContainers, pod.containers]
		.flatMap((containers) => (Array.isArray(containers) ? containers.filter(isObject) : []))
		.some(({ securityContext }) => !(saysNotRoot(securityContext) ?? isOfPod));
}

function saysNotRoot(securityContext: unknown): boolean | undefined {
	const value = isObject(securityContext) ? securityContext.runAsNonRoot : undefined;
	return typeof value === 'boolean' ? value : undefined;
}
