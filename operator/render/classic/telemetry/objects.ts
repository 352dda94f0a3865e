/** Handlers, instances and rules of Mixer in the kinds in which each release takes them. */
import type { Opaque, ResolvedClassicMesh } from '../../../releases/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { asGiven } from '../../finish.ts';
import { objectLabels } from '../../labels.ts';

const apiVersion = 'config.istio.io/v1alpha2';

/** The part of the mesh that Mixer's configuration belongs to, and the application's name in its labels. */
export const mixerComponent = 'mixer';
export const mixerName = 'istio-mixer';

/** An object with the name by which rules of its namespace refer to it. */
export interface Referable {
	readonly object: KubeObject;
	readonly reference: string;
}

export interface Instance extends Referable {
	/** By which handlers know it: `requestcount.metric.istio-system`. */
	readonly fullName: string;
}

/** An object of Mixer's configuration in the namespace of the mesh. */
export function configObject(mesh: ResolvedClassicMesh, kind: string, name: string, spec: Opaque): KubeObject {
	return {
		apiVersion,
		kind,
		metadata: { name, namespace: mesh.namespace, labels: objectLabels(mesh, mixerComponent, mixerName) },
		spec,
	};
}

/**
 * The handler of an adapter that is part of Mixer. Without a name of its own it is called as in the charts, which other parts of
 * Istio's documentation refer to.
 */
export function handler(mesh: ResolvedClassicMesh, adapter: string, params: Opaque, ownName?: string): Referable {
	if (mesh.release.mixer.config.handlers === 'typed') {
		const name = ownName ?? 'handler';
		return { object: configObject(mesh, adapter, name, params), reference: `${name}.${adapter}` };
	}
	const name = ownName ?? adapter;
	return { object: configObject(mesh, 'handler', name, { compiledAdapter: adapter, params }), reference: name };
}

/** An instance of a template that is part of Mixer. `bindings` are attributes that follow from what the adapter answers. */
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

/** An instance for an adapter outside of Mixer: of a `template` that the adapter's author installs. Of one kind in all releases. */
export function outsideInstance(mesh: ResolvedClassicMesh, template: string, name: string, params: Opaque): Referable {
	// As given: parameters stay also where there are none.
	return { object: configObject(mesh, 'instance', name, asGiven({ template, params })), reference: name };
}

/** A rule: for requests that match, the handler gets the instances. */
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
