/** The arguments of the proxy's agent, in the order of the charts. */
import { parseDuration } from '../../api/v1/index.ts';
import { annotations } from './annotations.ts';
import { annotation, both, entries, given, type Item, joined, same, setting, type Text } from './expression.ts';
import type { Definition } from './parts.ts';

export function proxyArgs(definition: Definition): readonly Item[] {
	const { since, statusPort, hasStatusPort } = definition;
	return [
		'proxy',
		'sidecar',
		...(since('1.1') ? ['--domain', '$(POD_NAMESPACE).svc.cluster.local'] : []),
		'--configPath',
		setting('proxy', 'configPath'),
		'--binaryPath',
		setting('proxy', 'binaryPath'),
		'--serviceCluster',
		...serviceCluster(definition),
		'--drainDuration',
		setting('proxy', 'drainDuration', 'duration'),
		'--parentShutdownDuration',
		setting('proxy', 'parentShutdownDuration', 'duration'),
		'--discoveryAddress',
		annotation(annotations.discoveryAddress, setting('proxy', 'discoveryAddress')),
		...(since('1.1') ? [] : ['--discoveryRefreshDelay', setting('proxy', 'discoveryRefreshDelay', 'duration')]),
		...tracer(definition),
		...dnsRefreshRate(definition),
		'--connectTimeout',
		setting('proxy', 'connectTimeout', 'duration'),
		option('--statsdUdpAddress', setting('proxy', 'statsdUdpAddress')),
		...remoteServices(definition),
		'--proxyAdminPort',
		setting('proxy', 'proxyAdminPort', 'number'),
		option('--concurrency', setting('proxy', 'concurrency', 'number')),
		// The charts leave these out, and with them these fields of the mesh configuration.
		option('--customConfigFile', setting('proxy', 'customConfigFile')),
		...(since('1.1') ? [] : [option('--availabilityZone', setting('proxy', 'availabilityZone'))]),
		'--controlPlaneAuthPolicy',
		annotation(annotations.controlPlaneAuthPolicy, setting('proxy', 'controlPlaneAuthPolicy', 'name')),
		entries(hasStatusPort, [
			'--statusPort',
			statusPort,
			'--applicationPorts',
			annotation(annotations.readinessPorts, { is: 'ports', of: 'applications' }),
		]),
		...(since('1.1')
			? [entries(given(setting('mesh', 'trustDomain')), [joined('--trust-domain=', setting('mesh', 'trustDomain'))])]
			: []),
	];
}

/** A flag with the value of a field. Nothing when the field is empty. */
function option(flag: string, text: Text): Item {
	return entries(given(text), [flag, text]);
}

/**
 * The service that the proxy says it belongs to: the pod's label `app`. A pod without this label gets what the installation
 * says, or, since 1.1, the name of the pod's owner. Since 1.1 the namespace follows.
 */
function serviceCluster({ since }: Definition): readonly Item[] {
	const app: Text = { is: 'label', name: 'app' };
	const fallback = setting('proxy', 'serviceCluster');
	if (!since('1.1')) {
		return [entries(given(app), [app], [fallback])];
	}
	const owner: Text = { is: 'owner', field: 'name' };
	const named = (text: Text) => [joined(text, '.$(POD_NAMESPACE)')];
	return [
		entries(given(app), named(app), [
			entries(both(same(fallback, 'istio-proxy'), given(owner)), named(owner), named(fallback)),
		]),
	];
}

/**
 * Where the proxy sends spans. Nothing while tracing is off, so that no proxy looks for a collector that does not exist.
 */
function tracer({ since }: Definition): readonly Item[] {
	const traced = (text: Text, use: readonly Item[]) =>
		entries(both(given(setting('mesh', 'enableTracing', 'truth')), given(text)), use);
	if (!since('1.1')) {
		const zipkin = setting('proxy', 'zipkinAddress');
		return [traced(zipkin, ['--zipkinAddress', zipkin])];
	}
	const zipkin = setting('proxy', 'tracing.zipkin.address');
	const datadog = setting('proxy', 'tracing.datadog.address');
	const lightstep = setting('proxy', 'tracing.lightstep.address');
	return [
		traced(lightstep, [
			'--lightstepAddress',
			lightstep,
			'--lightstepAccessToken',
			setting('proxy', 'tracing.lightstep.accessToken'),
			joined('--lightstepSecure=', setting('proxy', 'tracing.lightstep.secure', 'truth')),
			'--lightstepCacertPath',
			setting('proxy', 'tracing.lightstep.cacertPath'),
		]),
		traced(zipkin, ['--zipkinAddress', zipkin]),
		traced(datadog, ['--datadogAgentAddress', datadog]),
	];
}

/** Written in seconds: the agent hands the text to Envoy, which reads nothing else, and Go would write `5m0s`. */
function dnsRefreshRate({ mesh, since }: Definition): readonly Item[] {
	const { dnsRefreshRate: rate } = mesh.meshConfig;
	return since('1.2') && typeof rate === 'string' ? ['--dnsRefreshRate', `${parseDuration(rate) / 1000}s`] : [];
}

/**
 * The collectors of Envoy's metrics and access logs. Their settings are JSON from 1.3 (access log) and 1.4 (metrics) on.
 */
function remoteServices({ mesh, since }: Definition): readonly Item[] {
	const defaultConfig: unknown = mesh.meshConfig.defaultConfig;
	const service = (name: string): unknown =>
		typeof defaultConfig === 'object' && defaultConfig !== null
			? (defaultConfig as Readonly<Record<string, unknown>>)[name]
			: undefined;
	const json = (flag: string, value: unknown) => (value === undefined ? [] : [flag, JSON.stringify(value)]);
	if (since('1.4')) {
		return [
			...json('--envoyMetricsService', service('envoyMetricsService')),
			...json('--envoyAccessLogService', service('envoyAccessLogService')),
		];
	}
	if (since('1.3')) {
		return [
			option('--envoyMetricsServiceAddress', setting('proxy', 'envoyMetricsService.address')),
			...json('--envoyAccessLogService', service('envoyAccessLogService')),
		];
	}
	return since('1.1') ? [option('--envoyMetricsServiceAddress', setting('proxy', 'envoyMetricsServiceAddress'))] : [];
}
