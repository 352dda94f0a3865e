/** The environment of the proxy's agent: what it tells Pilot and Mixer about the pod. */
import { annotations } from './annotations.ts';
import {
	annotated,
	annotation,
	both,
	type Entries,
	entries,
	given,
	type Item,
	joined,
	setting,
	type Text,
} from './expression.ts';
import type { Definition } from './parts.ts';

/** A template of Envoy's first configuration that replaces the agent's own. */
const bootstrap = setting('proxy', 'proxyBootstrapTemplatePath');

export function proxyEnv(definition: Definition): readonly Item[] {
	const { mesh, since, interceptionMode } = definition;
	return [
		ofPod('POD_NAME', 'metadata.name'),
		ofPod('POD_NAMESPACE', 'metadata.namespace'),
		ofPod('INSTANCE_IP', 'status.podIP'),
		ofPod('ISTIO_META_POD_NAME', 'metadata.name'),
		...(since('1.1') ? [ofPod('ISTIO_META_CONFIG_NAMESPACE', 'metadata.namespace')] : []),
		{ name: 'ISTIO_META_INTERCEPTION_MODE', value: interceptionMode },
		...(since('1.1') && mesh.location.network !== undefined
			? [{ name: 'ISTIO_META_NETWORK', value: mesh.location.network }]
			: []),
		...(since('1.2') ? [{ name: 'ISTIO_META_INCLUDE_INBOUND_PORTS', value: includedPorts(definition) }] : []),
		...(since('1.3')
			? [
					{ name: 'ISTIO_META_POD_PORTS', value: { is: 'containerPorts' } } as const,
					// The chart of 1.3 reads a misspelt setting here, and so writes Kubernetes in every cluster.
					{ name: 'ISTIO_META_CLUSTER_ID', value: mesh.location.clusterId },
					ofPod('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
					{ name: 'SDS_ENABLED', value: 'false' },
				]
			: []),
		...(since('1.4') && mesh.meshConfig.enableAutoMtls === true
			? [{ name: 'ISTIO_AUTO_MTLS_ENABLED', value: 'true' }]
			: []),
		// Nothing in 1.0 reads these two (pilot/pkg/model/context.go, mixer).
		...(since('1.1') ? [metadata('Annotations'), metadata('Labels')] : []),
		...(since('1.3') ? owner(definition) : []),
		// The agent has no argument for it.
		entries(given(bootstrap), [{ name: 'ISTIO_BOOTSTRAP', value: bootstrap }]),
		...(since('1.1') ? tracing(definition) : []),
		...(since('1.1')
			? [
					entries(annotated(annotations.bootstrapOverride), [
						{ name: 'ISTIO_BOOTSTRAP_OVERRIDE', value: '/etc/istio/custom-bootstrap/custom_bootstrap.json' },
					]),
				]
			: []),
	];
}

function ofPod(name: string, fieldPath: string): Item {
	return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** Pilot 1.2 makes a listener for all inbound traffic when this is `*`. Later releases always do. */
function includedPorts({ mesh, since }: Definition): Text {
	const ports = mesh.sidecar.includeInboundPorts.join();
	return annotation(
		annotations.includeInboundPorts,
		ports === '*' && since('1.3') ? { is: 'ports', of: 'applications' } : ports,
	);
}

function metadata(of: 'Annotations' | 'Labels'): Entries {
	const json: Text = { is: 'json', of };
	return {
		is: 'entries',
		when: { is: 'not', condition: { is: 'same', left: json, right: '{}' } },
		use: [{ name: `ISTIO_METAJSON_${of.toUpperCase()}`, value: json }],
		otherwise: [],
	};
}

function owner({ since }: Definition): readonly Item[] {
	const name: Text = { is: 'owner', field: 'name' };
	const apiVersion: Text = { is: 'owner', field: 'apiVersion' };
	return [
		entries(given(name), [{ name: 'ISTIO_META_WORKLOAD_NAME', value: name }]),
		entries(both(given(apiVersion), given(name)), [
			{
				name: 'ISTIO_META_OWNER',
				value: joined(
					since('1.4') ? 'kubernetes://apis/' : 'kubernetes://api/',
					apiVersion,
					'/namespaces/$(POD_NAMESPACE)/',
					{ is: 'owner', field: 'lower-case kind' },
					's/',
					name,
				),
			},
		]),
		entries(given(setting('mesh', 'trustDomain')), [
			{ name: 'ISTIO_META_MESH_ID', value: setting('mesh', 'trustDomain') },
		]),
	];
}

function tracing({ mesh, since }: Definition): readonly Item[] {
	const stackdriver = (name: string, path: string): Item => {
		const value = setting('proxy', `tracing.stackdriver.${path}`, 'wrapped');
		return entries(given(value), [{ name: `STACKDRIVER_TRACING_${name}`, value }]);
	};
	return [
		entries(given(setting('proxy', 'tracing.datadog.address')), [
			ofPod('HOST_IP', 'status.hostIP'),
			...(since('1.3') ? [{ is: 'each', annotation: annotations.datadogEnv, values: 'value' } as const] : []),
		]),
		...(since('1.3') && mesh.meshConfig.enableTracing === true && hasStackdriver(mesh.meshConfig)
			? [
					{ name: 'STACKDRIVER_TRACING_ENABLED', value: 'true' },
					{
						name: 'STACKDRIVER_TRACING_DEBUG',
						value: setting('proxy', 'tracing.stackdriver.debug', 'truth'),
					},
					stackdriver('MAX_NUMBER_OF_ANNOTATIONS', 'maxNumberOfAnnotations'),
					stackdriver('MAX_NUMBER_OF_ATTRIBUTES', 'maxNumberOfAttributes'),
					stackdriver('MAX_NUMBER_OF_MESSAGE_EVENTS', 'maxNumberOfMessageEvents'),
				]
			: []),
	];
}

/** True for an empty object too: it chooses this tracer, but a template can't see it. */
function hasStackdriver({ defaultConfig }: Readonly<Record<string, unknown>>): boolean {
	const field = (parent: unknown, name: string): unknown =>
		typeof parent === 'object' && parent !== null ? (parent as Readonly<Record<string, unknown>>)[name] : undefined;
	return field(field(defaultConfig, 'tracing'), 'stackdriver') !== undefined;
}
