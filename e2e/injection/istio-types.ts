/**
 * What a template of sidecar injection is given (`SidecarTemplateData`): Kubernetes' and Istio's own types as far as any
 * template has use for them, by their names in Go. Field names are those of k8s.io/api and istio.io/api at the tags of
 * istio 1.0.9, 1.1.17, 1.2.10, 1.3.8 and 1.4.10; a name that a release does not have ends the template, as it does there.
 */

import { minors } from '../../operator/releases/classic/minors.ts';
import type { Minor } from '../../operator/releases/index.ts';
import type { FieldType, StructType } from './go-values.ts';

type FieldTable = Readonly<Record<string, FieldType>>;

function struct(name: string, fields: FieldTable, getters = false): StructType {
	// The JSON name is the Go name with its first word in lower case; the exceptions are written out.
	const json = (field: string): string => jsonNames[field] ?? field.charAt(0).toLowerCase() + field.slice(1);
	return {
		name,
		getters,
		fields: Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, { json: json(field), type }])),
	};
}

const jsonNames: Readonly<Record<string, string>> = {
	APIVersion: 'apiVersion',
	DNSConfig: 'dnsConfig',
	DNSPolicy: 'dnsPolicy',
	HostIP: 'hostIP',
	UID: 'uid',
};

const strings: FieldType = { map: 'string' };

const typeMeta = struct('v1.TypeMeta', { APIVersion: 'string', Kind: 'string' });

const objectMeta = struct('v1.ObjectMeta', {
	Name: 'string',
	GenerateName: 'string',
	Namespace: 'string',
	UID: 'string',
	Labels: strings,
	Annotations: strings,
});

const containerPort = struct('v1.ContainerPort', {
	Name: 'string',
	HostPort: 'int',
	ContainerPort: 'int',
	Protocol: 'string',
	HostIP: 'string',
});

const container = struct('v1.Container', {
	Name: 'string',
	Image: 'string',
	Command: { slice: 'string' },
	Args: { slice: 'string' },
	WorkingDir: 'string',
	Ports: { slice: { struct: () => containerPort } },
});

const securityContext = struct('v1.PodSecurityContext', {});

const podSpec = struct('v1.PodSpec', {
	Containers: { slice: { struct: () => container } },
	InitContainers: { slice: { struct: () => container } },
	ServiceAccountName: 'string',
	DeprecatedServiceAccount: 'string',
	NodeName: 'string',
	HostNetwork: 'bool',
	DNSPolicy: 'string',
	Hostname: 'string',
	Subdomain: 'string',
	SecurityContext: { struct: () => securityContext },
});

const address = struct('v1alpha1.Address', { Address: 'string' }, true);
const lightstep = struct(
	'v1alpha1.Tracing_Lightstep',
	{ Address: 'string', AccessToken: 'string', Secure: 'bool', CacertPath: 'string' },
	true,
);
const int64Value = struct('types.Int64Value', { Value: 'int' }, true);
const stackdriver = struct(
	'v1alpha1.Tracing_Stackdriver',
	{
		Debug: 'bool',
		MaxNumberOfAttributes: { struct: () => int64Value },
		MaxNumberOfAnnotations: { struct: () => int64Value },
		MaxNumberOfMessageEvents: { struct: () => int64Value },
	},
	true,
);
const boolValue = struct('types.BoolValue', { Value: 'bool' }, true);

/** Read as text; `formatDuration` knows what to do with it. */
const duration: FieldType = { struct: () => struct('types.Duration', { Text: 'string' }, true) };

function tracing(minor: Minor): StructType {
	return struct(
		'v1alpha1.Tracing',
		{
			Zipkin: { struct: () => address },
			Lightstep: { struct: () => lightstep },
			...(isFrom(minor, '1.2') ? { Datadog: { struct: () => address } } : {}),
			...(isFrom(minor, '1.3') ? { Stackdriver: { struct: () => stackdriver } } : {}),
		},
		true,
	);
}

function isFrom(minor: Minor, first: Minor): boolean {
	return minors.indexOf(minor) >= minors.indexOf(first);
}

function proxyConfig(minor: Minor): StructType {
	return struct(
		'v1alpha1.ProxyConfig',
		{
			ConfigPath: 'string',
			BinaryPath: 'string',
			ServiceCluster: 'string',
			DrainDuration: duration,
			ParentShutdownDuration: duration,
			DiscoveryAddress: 'string',
			DiscoveryRefreshDelay: duration,
			ZipkinAddress: 'string',
			ConnectTimeout: duration,
			StatsdUdpAddress: 'string',
			ProxyAdminPort: 'int',
			AvailabilityZone: 'string',
			ControlPlaneAuthPolicy: { enum: 'AuthenticationPolicy', zero: 'NONE' },
			CustomConfigFile: 'string',
			StatNameLength: 'int',
			Concurrency: 'int',
			ProxyBootstrapTemplatePath: 'string',
			InterceptionMode: { enum: 'ProxyConfig_InboundInterceptionMode', zero: 'REDIRECT' },
			...(isFrom(minor, '1.1')
				? { EnvoyMetricsServiceAddress: 'string', Tracing: { struct: () => tracing(minor) } }
				: {}),
			...(isFrom(minor, '1.3')
				? { EnvoyMetricsService: { struct: () => address }, EnvoyAccessLogService: { struct: () => address } }
				: {}),
		},
		true,
	);
}

function meshConfig(minor: Minor): StructType {
	return struct(
		'v1alpha1.MeshConfig',
		{
			MixerCheckServer: 'string',
			MixerReportServer: 'string',
			DisablePolicyChecks: 'bool',
			PolicyCheckFailOpen: 'bool',
			ProxyListenPort: 'int',
			ProxyHttpPort: 'int',
			ConnectTimeout: duration,
			IngressClass: 'string',
			IngressService: 'string',
			EnableTracing: 'bool',
			AccessLogFile: 'string',
			SdsUdsPath: 'string',
			DefaultConfig: { struct: () => proxyConfig(minor) },
			...(isFrom(minor, '1.1')
				? { EnableSdsTokenMount: 'bool', TrustDomain: 'string', RootNamespace: 'string', DnsRefreshRate: duration }
				: {}),
			...(isFrom(minor, '1.4') ? { EnableAutoMtls: { struct: () => boolValue } } : {}),
		},
		true,
	);
}

/** The type of the data that the injector of a minor gives to its template. */
export function templateData(minor: Minor): StructType {
	return struct('inject.SidecarTemplateData', {
		ObjectMeta: { struct: () => objectMeta },
		Spec: { struct: () => podSpec },
		ProxyConfig: { struct: () => proxyConfig(minor) },
		MeshConfig: { struct: () => meshConfig(minor) },
		...(isFrom(minor, '1.1') ? { DeploymentMeta: { struct: () => objectMeta } } : {}),
		...(isFrom(minor, '1.2') ? { Values: { map: 'any' } } : {}),
		...(isFrom(minor, '1.3') ? { TypeMeta: { struct: () => typeMeta } } : {}),
	});
}

/** What a mesh configuration holds that says nothing (`DefaultMeshConfig`, `DefaultProxyConfig` of each tag), as far as it has types above. */
export function withMeshDefaults(
	minor: Minor,
	given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
	const { defaultConfig = {}, ...mesh } = given;
	return {
		proxyListenPort: 15001,
		connectTimeout: '1s',
		enableTracing: true,
		accessLogFile: '/dev/stdout',
		...(minor === '1.0'
			? { ingressClass: 'istio' }
			: {
					disablePolicyChecks: true,
					rootNamespace: 'istio-system',
					ingressService: 'istio-ingressgateway',
					dnsRefreshRate: '5s',
				}),
		...(minor === '1.4' ? { enableAutoMtls: false } : {}),
		...mesh,
		defaultConfig: {
			configPath: '/etc/istio/proxy',
			binaryPath: '/usr/local/bin/envoy',
			serviceCluster: 'istio-proxy',
			discoveryAddress: 'istio-pilot:15007',
			connectTimeout: '1s',
			proxyAdminPort: 15000,
			...(minor === '1.0'
				? { drainDuration: '2s', parentShutdownDuration: '3s', discoveryRefreshDelay: '1s' }
				: { drainDuration: '45s', parentShutdownDuration: '60s', statNameLength: 189 }),
			...(isFrom(minor, '1.3') ? { envoyMetricsService: { address: '' }, envoyAccessLogService: { address: '' } } : {}),
			...(defaultConfig as object),
		},
	};
}

const wrapped: ReadonlySet<string> = new Set([
	'enableAutoMtls',
	'maxNumberOfAnnotations',
	'maxNumberOfAttributes',
	'maxNumberOfMessageEvents',
]);
const durations: ReadonlySet<string> = new Set([
	'connectTimeout',
	'dnsRefreshRate',
	'discoveryRefreshDelay',
	'drainDuration',
	'parentShutdownDuration',
]);

/** A mesh configuration in the shape of the types above: durations and wrapped values become structs. */
export function typedMesh(value: unknown): unknown {
	if (Array.isArray(value) || typeof value !== 'object' || value === null) {
		return value;
	}
	return Object.fromEntries(
		Object.entries(value).map(([key, entry]: [string, unknown]) => [
			key,
			durations.has(key) ? { text: entry } : wrapped.has(key) ? { value: entry } : typedMesh(entry),
		]),
	);
}
