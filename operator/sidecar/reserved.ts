/**
 * The names that injection gives to what it adds. A container or volume of the user's with such a name is never replaced or
 * removed. Injectors take it for their own when a pod has no annotation (istio 1.0-1.4 `pkg/kube/inject` injectionStatus,
 * legacyInitContainerNames and the like), and the user's own is lost.
 */
import { annotations } from './annotations.ts';
import type { Named, PodProblem, PodSpec } from './pod.ts';
import type { Earlier } from './status.ts';

/** Names of containers and init containers: a pod can't have one of each. */
const containerNames: readonly string[] = ['istio-proxy', 'istio-init', 'enable-core-dump'];
const volumeNames: readonly string[] = ['istio-envoy', 'istio-certs'];

/** What is to be added to the pod. */
interface Adding {
	readonly initContainers: readonly Named[];
	readonly containers: readonly Named[];
	readonly volumes: readonly Named[];
}

const nothing: Adding = { initContainers: [], containers: [], volumes: [] };

/**
 * What keeps a pod from being injected, or cleaned: what it has itself under a name of Istio's, and under a name that is to
 * be added now.
 * @param spec the pod without what an earlier injection has added
 */
export function reservedProblems(spec: PodSpec, earlier: Earlier, adding: Adding = nothing): readonly PodProblem[] {
	const containers = new Set([...containerNames, ...namesOf(adding.containers), ...namesOf(adding.initContainers)]);
	const volumes = new Set([...volumeNames, ...namesOf(adding.volumes)]);
	return [
		...problemsIn('initContainers', 'init container', spec.initContainers, containers, earlier),
		...problemsIn('containers', 'container', spec.containers, containers, earlier),
		...problemsIn('volumes', 'volume', spec.volumes, volumes, earlier),
	];
}

function namesOf(entries: readonly Named[]): readonly string[] {
	return entries.flatMap(({ name }) => name ?? []);
}

function problemsIn(
	list: string,
	noun: string,
	entries: readonly Named[] = [],
	reserved: ReadonlySet<string>,
	earlier: Earlier,
): readonly PodProblem[] {
	return entries.flatMap(({ name }) => {
		if (name === undefined || !reserved.has(name)) return [];
		const path = `spec.${list}[${name}]`;
		const why = {
			none: `the pod has no annotation ${annotations.status}`,
			named: `the annotation ${annotations.status} does not name this one`,
			unreadable: `the annotation ${annotations.status} names nothing`,
		}[earlier.is];
		return [
			{
				path,
				message: `${path} is a ${noun} of the pod's own with a name that is Istio's: ${why}, so an injection has not put it there`,
				remedy: `give the ${noun} another name; remove it if it is the rest of an earlier injection`,
			},
		];
	});
}
