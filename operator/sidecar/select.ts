/** Which pods get a proxy: the rules of the injector (istio 1.0-1.4 `pkg/kube/inject` injectRequired). */

import type { ResolvedClassicMesh } from '../releases/classic/index.ts';
import type { Opaque } from '../releases/index.ts';
import { annotations } from './annotations.ts';
import type { InjectionContext, Pod } from './pod.ts';

/** No injector touches pods in these namespaces, whatever the pods say. */
const ignoredNamespaces: readonly string[] = ['kube-system', 'kube-public'];

/** Why a pod gets no proxy, as a sentence without its full stop. Undefined when it gets one. */
export function reasonToSkip(
	mesh: ResolvedClassicMesh,
	{ metadata, spec }: Pod,
	context: InjectionContext,
): string | undefined {
	if (spec.hostNetwork === true) {
		return "spec.hostNetwork is true: the rules of a proxy would be the node's";
	}
	const namespace = metadata.namespace ?? context.namespace;
	if (namespace !== undefined && ignoredNamespaces.includes(namespace)) {
		return `pods in the namespace ${namespace} never get a proxy`;
	}
	const asked = (metadata.annotations?.[annotations.inject] ?? '').toLowerCase();
	if (asked !== '') {
		return ['y', 'yes', 'true', 'on'].includes(asked) ? undefined : `the annotation ${annotations.inject} is ${asked}`;
	}
	const labels = metadata.labels ?? {};
	const { policy = 'enabled', neverInject = [], alwaysInject = [] } = mesh.injector ?? {};
	if (neverInject.some((selector) => selects(selector, labels))) {
		return 'its labels match spec.sidecarInjector.neverInject';
	}
	if (policy === 'disabled' && !alwaysInject.some((selector) => selects(selector, labels))) {
		return `spec.sidecarInjector.policy is disabled, and the pod has no annotation ${annotations.inject}`;
	}
	return undefined;
}

/** Matches one of Kubernetes' own label selectors against labels. An empty selector matches nothing, as in the injector. */
export function selects(selector: Opaque, labels: Readonly<Record<string, string>>): boolean {
	const exact = Object.entries((selector.matchLabels ?? {}) as Readonly<Record<string, string>>);
	const requirements = (selector.matchExpressions ?? []) as readonly Requirement[];
	return (
		exact.length + requirements.length > 0 &&
		exact.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
		requirements.every((requirement) => meets(requirement, labels))
	);
}

interface Requirement {
	readonly key: string;
	readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
	readonly values?: readonly string[];
}

function meets({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
	const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
	switch (operator) {
		case 'In':
			return value !== undefined && values.includes(value);
		case 'NotIn':
			return value === undefined || !values.includes(value);
		case 'Exists':
			return value !== undefined;
		case 'DoesNotExist':
			return value === undefined;
	}
}
