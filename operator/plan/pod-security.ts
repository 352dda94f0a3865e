/**
 * Whether the namespace of a mesh refuses its pods by Pod Security, told before they are made. Only the standard
 * `restricted` refuses any. Pure.
 */
import { isObject } from '../../api/v1/index.ts';
import { kinds } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';

/** (kubernetes `staging/src/k8s.io/pod-security-admission/api/constants.go`.) */
const enforceLabel = 'pod-security.kubernetes.io/enforce';

/**
 * A sentence about the Deployments whose pods the namespace refuses. Undefined when it takes them.
 * @param labels of the namespace
 * @param objects those rendered for it
 */
export function podSecurityNote(
	namespace: string,
	labels: Readonly<Record<string, string>>,
	objects: readonly KubeObject[],
): string | undefined {
	if (labels[enforceLabel] !== 'restricted') return undefined;
	const names = objects
		.filter((object) => object.kind === kinds.Deployment.kind && runsAsRoot(object))
		.map(({ metadata }) => metadata.name)
		.sort();
	return names.length === 0
		? undefined
		: `namespace ${namespace} has the label ${enforceLabel}=restricted and refuses new pods of ${names.join(', ')}, which have to be root: they fit the standard baseline`;
}

/** Whether a container may run as root, the only requirement of `restricted` that what is rendered may lack. */
function runsAsRoot({ spec }: KubeObject): boolean {
	const template = isObject(spec) && isObject(spec.template) ? spec.template : {};
	const pod = isObject(template.spec) ? template.spec : {};
	const isOfPod = saysNotRoot(pod.securityContext) === true;
	return [pod.initContainers, pod.containers]
		.flatMap((containers) => (Array.isArray(containers) ? containers.filter(isObject) : []))
		.some(({ securityContext }) => !(saysNotRoot(securityContext) ?? isOfPod));
}

function saysNotRoot(securityContext: unknown): boolean | undefined {
	const value = isObject(securityContext) ? securityContext.runAsNonRoot : undefined;
	return typeof value === 'boolean' ? value : undefined;
}
