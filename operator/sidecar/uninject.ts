/** Removes from a pod what injection has added. */
import { annotations } from './annotations.ts';
import type { Named, Pod, PodContainer, PodMetadata, PodSpec, Uninjection } from './pod.ts';
import { restoreProbes } from './probes.ts';
import { reservedProblems } from './reserved.ts';
import { type InjectionStatus, nothingInjected, readStatus } from './status.ts';

/** Since 1.4 this label says that the pod's proxy speaks mutual TLS (istio 1.4 `pilot/pkg/model` TLSModeLabelName). */
export const tlsModeLabel = { name: 'security.istio.io/tlsMode', value: 'istio' } as const;

/**
 * Removes what the pod's annotation `sidecar.istio.io/status` names, and nothing else. When the annotation names nothing, a
 * container or volume with one of Istio's names may be the user's own: then the pod is refused. Never changes its
 * arguments.
 */
export function uninjectPod(metadata: PodMetadata, spec: PodSpec): Uninjection {
	const earlier = readStatus(metadata);
	switch (earlier.is) {
		case 'none':
			return { kind: 'skipped', reason: `nothing was injected: it has no annotation ${annotations.status}` };
		case 'named': {
			const pod = without({ metadata, spec }, earlier.status);
			return pod.spec.containers === undefined && spec.containers !== undefined
				? { kind: 'skipped', reason: 'it has nothing but a proxy, as the pods of gateways' }
				: { kind: 'uninjected', ...pod };
		}
		case 'unreadable': {
			const problems = reservedProblems(spec, earlier);
			return problems.length === 0
				? { kind: 'uninjected', ...without({ metadata, spec }, nothingInjected) }
				: { kind: 'refused', problems };
		}
	}
}

/** The pod without what a status names. */
export function without({ metadata, spec }: Pod, status: InjectionStatus): Pod {
	const { initContainers, containers, volumes, imagePullSecrets, ...restOfSpec } = spec;
	const { annotations: givenAnnotations, labels: givenLabels, ...restOfMetadata } = metadata;
	const removed = new Set(status.containers);
	const removedFirst = new Set(status.initContainers);
	// A proxy that Kubernetes starts before the application is among the init containers.
	const proxies = [
		...(containers ?? []).filter(({ name }) => removed.has(name)),
		...(initContainers ?? []).filter(({ name }) => removedFirst.has(name)),
	];
	const restored = (list: readonly PodContainer[] | undefined, names: readonly string[]) => {
		const kept = keep<PodContainer>(list, names);
		return kept === undefined ? undefined : restoreProbes(kept, proxies);
	};
	return {
		metadata: {
			...restOfMetadata,
			...field('labels', entriesWithout(givenLabels, tlsModeLabel.name, tlsModeLabel.value)),
			...field('annotations', entriesWithout(givenAnnotations, annotations.status)),
		},
		spec: {
			...restOfSpec,
			...field('initContainers', restored(initContainers, status.initContainers)),
			...field('containers', restored(containers, status.containers)),
			...field('volumes', keep<Named>(volumes, status.volumes)),
			...field('imagePullSecrets', keep<Named>(imagePullSecrets, status.imagePullSecrets)),
		},
	};
}

function field<Value>(name: string, value: Value | undefined): { readonly [name: string]: Value } {
	return value === undefined ? {} : { [name]: value };
}

/**
 * Removes the last entry of each name: injection adds after what was there, so a user's own entry of the same name stays.
 * Undefined when injection began the list.
 */
function keep<Entry extends Named>(
	entries: readonly Entry[] | undefined,
	names: readonly string[],
): readonly Entry[] | undefined {
	if (entries === undefined || names.length === 0) {
		return entries;
	}
	const gone = new Set(names.map((name) => entries.findLastIndex((entry) => entry.name === name)));
	const kept = entries.filter((_, index) => !gone.has(index));
	return kept.length === 0 ? undefined : kept;
}

function entriesWithout(
	entries: Readonly<Record<string, string>> | undefined,
	name: string,
	value?: string,
): Readonly<Record<string, string>> | undefined {
	if (entries === undefined || !Object.hasOwn(entries, name) || (value !== undefined && entries[name] !== value)) {
		return entries;
	}
	const { [name]: _, ...rest } = entries;
	return Object.keys(rest).length === 0 ? undefined : rest;
}
