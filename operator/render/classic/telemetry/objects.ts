/** Makes handlers, instances and rules of Mixer, in the kinds that each release reads. */

import type { ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { Opaque } from '../../../releases/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { asGiven } from '../../finish.ts';
import { objectLabels } from '../../labels.ts';

const apiVersion = 'config.istio.io/v1alpha2';

/** Component of Mixer's configuration, and the application's name in its labels. */
export const mixerComponent = 'mixer';
export const mixerName = 'istio-mixer';

/** An object with the name that rules in its namespace use for it. */
export interface Referable {
	readonly object: KubeObject;
	readonly reference: string;
}

export interface Instance extends Referable {
	/** The name that handlers use for it: `requestcount.metric.istio-system`. */
	readonly fullName: string;
}

/** An object of Mixer's configuration in the namespace of the mesh. */
export function configObject(mesh: ResolvedClassicMesh, kind: string, name: string, spec: Opaque): KubeObject {
	return {
		apiVersion,
		kind,
		metadata: { name, namespace: mesh.namespace, labels: objectLabels(mesh, kind, mixerComponent, mixerName) },
		spec,
	};
}

/**
 * The handler of an adapter that is part of Mixer. Without a name of its own it has the charts' name, which other parts of
 * Istio's documentation mention.
 */
export function handler(mesh: ResolvedClassicMesh, adapter: string, params: Opaque, ownName?: string): Referable {
	if (mesh.release.mixer.config.handlers === 'typed') {
		const name = ownName ?? 'handler';
		return { object: configObject(mesh, adapter, name, params), reference: `${name}.${adapter}` };
	}
	const name = ownName ?? adapter;
	return { object: configObject(mesh, 'handler', name, { compiledAdapter: adapter, params }), reference: name };
}

/**
 * An instance of a template that is part of Mixer.
 * @param bindings attributes that follow from the adapter's answer
 */
export function instance(
	mesh: ResolvedClassicMesh,
	template: string,
	name: string,
	params: Opaque,
	bindings: Readonly<Record<string, string>> = {},
): Instance {
	if (mesh.release.mixer.config.instances === 'typed') {
		return {
			object: configObject(mesh, template, name, { ...params, attribute_bindings: bindings }),
			reference: `${name}.${template}`,
			fullName: `${name}.${template}.${mesh.namespace}`,
		};
	}
	return {
		object: configObject(mesh, 'instance', name, { compiledTemplate: template, params, attributeBindings: bindings }),
		reference: name,
		fullName: `${name}.instance.${mesh.namespace}`,
	};
}

/**
 * An instance for an adapter outside of Mixer, of a `template` that the adapter's author installs. It has the same kind in
 * all releases.
 */
export function outsideInstance(mesh: ResolvedClassicMesh, template: string, name: string, params: Opaque): Referable {
	// `asGiven` keeps the parameters also when they are empty.
	return { object: configObject(mesh, 'instance', name, asGiven({ template, params })), reference: name };
}

/** A rule: when a request matches, the handler gets the instances. */
export function rule(
	mesh: ResolvedClassicMesh,
	name: string,
	match: string | undefined,
	handledBy: Referable,
	instances: readonly Referable[],
): KubeObject {
	return configObject(mesh, 'rule', name, {
		match,
		actions: [{ handler: handledBy.reference, instances: instances.map(({ reference }) => reference) }],
	});
}
