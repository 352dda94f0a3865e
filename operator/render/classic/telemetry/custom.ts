/**
 * A backend outside of Mixer, called over gRPC. Its author generates (`mixgen`) and installs the `adapter` and the
 * `template`s, which hold descriptors. Handler, instances and rules, which connect them to this mesh, are made here.
 */
import {
	type CustomTemplate,
	mixerMetrics,
	type ResolvedAdapter,
	type ResolvedClassicMesh,
} from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { asGiven } from '../../finish.ts';
import { logEntries } from './log-entries.ts';
import { everything } from './matches.ts';
import { metricParams, metricRules, ruleNames } from './metrics.ts';
import { configObject, outsideInstance, type Referable, rule } from './objects.ts';

type Custom = Extract<ResolvedAdapter, { kind: 'custom' }>;

export function custom(mesh: ResolvedClassicMesh, adapter: Custom): readonly KubeObject[] {
	// Authors of adapters do not give this name to a handler.
	const name = `meshwright-grpc-${adapter.name}`;
	const backend: Referable = {
		reference: name,
		object: configObject(mesh, 'handler', name, {
			adapter: adapter.name,
			connection: { address: adapter.address },
			params: asGiven(adapter.params),
		}),
	};
	return [backend.object, ...adapter.templates.flatMap((template) => feed(mesh, template, name, backend))];
}

/** The instances of a template, and the rules that pass them to the handler. */
function feed(
	mesh: ResolvedClassicMesh,
	template: CustomTemplate,
	name: string,
	backend: Referable,
): readonly KubeObject[] {
	switch (template) {
		case 'metric': {
			const metrics = mixerMetrics(mesh.release.minor).map((metric) => ({
				metric,
				instance: outsideInstance(mesh, template, `${name}-${metric.name}`, metricParams(metric)),
			}));
			return [
				...metrics.map(({ instance }) => instance.object),
				...metricRules(mesh, ruleNames(`${name}-metric`), backend, metrics),
			];
		}
		case 'logentry':
			return logEntries(mesh.release.minor).flatMap(({ name: entryName, traffic, params }) => {
				const entry = outsideInstance(mesh, template, `${name}-${entryName}`, params);
				return [entry.object, rule(mesh, `${name}-${entryName}`, everything[traffic], backend, [entry])];
			});
		case 'checknothing':
		case 'reportnothing': {
			// The template has no parameters. But when the field is missing, 1.0 takes no instance and later releases can't
			// encode it.
			const nothing = outsideInstance(mesh, template, `${name}-${template}`, {});
			return [nothing.object, rule(mesh, `${name}-${template}`, undefined, backend, [nothing])];
		}
	}
}
