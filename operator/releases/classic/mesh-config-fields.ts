/**
 * Every field of Istio's mesh configuration (`MeshConfig` and `ProxyConfig`), with the releases that know it. Istio 1.0
 * ends at an unknown field, and later releases drop it without a word. So a field is written only where it is known.
 * Sources: `mesh/v1alpha1/{config,proxy}.proto` of the API that each release vendors, and where its Pilot, agent and
 * injector read each field; limits from `ValidateMeshConfig` and `ValidateProxyConfig`.
 */
import {
	address,
	boolean,
	duration,
	type Field,
	type Fields,
	message,
	oneOf,
	port,
	type Refusal,
	type Shape,
	text,
	texts,
	unsigned,
} from './mesh-config-shapes.ts';
import type { Minor } from './minors.ts';

const connectTimeout = duration('1ms', '30s');
const refreshDelay = duration('1s', '10m');
const anyDuration = duration('1ms', '24h');

function since(first: Minor, shape: Shape, ...refused: readonly (Refusal & { readonly from?: Minor })[]): Field {
	return refused.length === 0 ? { shape, first } : { shape, first, refused };
}

/** The field is set by another field of the MeshInstallation. */
function by(field: string): Refusal {
	return { why: 'ownField', field };
}

function unread(from: Minor, because: string, remedy: string): Refusal & { readonly from: Minor } {
	return { why: 'noEffect', from, because, remedy };
}

const leaveOut = 'Leave it out.';

const ingress: Refusal = {
	why: 'noEffect',
	because:
		'it belongs to the Ingress controller inside Pilot, which reads an API that Kubernetes 1.22 removed and stays off',
	remedy: 'Leave it out, and describe ingress traffic by Gateway and VirtualService.',
};

const tlsSettings = message({
	mode: since('1.1', oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL')),
	clientCertificate: since('1.1', text),
	privateKey: since('1.1', text),
	caCertificates: since('1.1', text),
	subjectAltNames: since('1.1', texts),
	sni: since('1.1', text),
});

const tcpKeepalive = message({
	probes: since('1.1', unsigned),
	time: since('1.1', anyDuration),
	interval: since('1.1', anyDuration),
});

const remoteService = message({
	address: since('1.3', address),
	tlsSettings: since('1.3', tlsSettings),
	tcpKeepalive: since('1.3', tcpKeepalive),
});

const tracing = message({
	zipkin: since('1.1', message({ address: since('1.1', address) }), by('spec.mesh.tracing.zipkin')),
	lightstep: since(
		'1.1',
		message({
			address: since('1.1', address),
			accessToken: since('1.1', text),
			secure: since('1.1', boolean),
			cacertPath: since('1.1', text),
		}),
	),
	// The address may be `$(HOST_IP):8126`, which is no plain host and port.
	datadog: since('1.1', message({ address: since('1.1', text) })),
	stackdriver: since(
		'1.3',
		message({
			debug: since('1.3', boolean),
			maxNumberOfAttributes: since('1.3', unsigned),
			maxNumberOfAnnotations: since('1.3', unsigned),
			maxNumberOfMessageEvents: since('1.3', unsigned),
		}),
	),
});

/** `defaultConfig`: the settings that every proxy starts with. */
export const proxyConfigFields: Fields = {
	availabilityZone: since(
		'1.0',
		text,
		unread('1.1', 'Istio takes the zone from the node since 1.1', 'Label the nodes with their zone.'),
	),
	binaryPath: since('1.0', text, {
		why: 'operator',
		because: 'it names a program that would run in the pods of others',
		remedy: leaveOut,
		only: '/usr/local/bin/envoy',
	}),
	concurrency: since('1.0', unsigned, by('spec.proxy.concurrency')),
	configPath: since('1.0', text),
	connectTimeout: since('1.0', connectTimeout, by('spec.proxy.connectTimeout')),
	controlPlaneAuthPolicy: since('1.0', oneOf('NONE', 'MUTUAL_TLS'), by('spec.mesh.mtls.controlPlane')),
	customConfigFile: since('1.0', text),
	discoveryAddress: since('1.0', address),
	discoveryRefreshDelay: since(
		'1.0',
		refreshDelay,
		unread('1.1', 'proxies are told of changes and no longer poll since 1.1', leaveOut),
		by('spec.proxy.discoveryRefreshDelay'),
	),
	drainDuration: since('1.0', anyDuration, by('spec.proxy.drainDuration')),
	envoyAccessLogService: since('1.3', remoteService),
	envoyMetricsService: since('1.3', remoteService),
	envoyMetricsServiceAddress: since('1.1', address),
	interceptionMode: since('1.0', oneOf('REDIRECT', 'TPROXY'), by('spec.proxy.interceptionMode')),
	parentShutdownDuration: since('1.0', anyDuration, by('spec.proxy.parentShutdownDuration')),
	proxyAdminPort: since('1.0', port, by('spec.proxy.adminPort')),
	proxyBootstrapTemplatePath: since('1.0', text),
	sds: since(
		'1.2',
		message({ enabled: since('1.2', boolean), k8sSaJwtPath: since('1.2', text) }),
		unread('1.2', 'no part of the classic line reads it', leaveOut),
	),
	serviceCluster: since('1.0', text, by('spec.proxy.serviceCluster')),
	statNameLength: since('1.0', unsigned, {
		why: 'noEffect',
		because: 'the agents of sidecars and gateways are started without it and use 189',
		remedy: leaveOut,
	}),
	statsdUdpAddress: since('1.0', address, by('spec.mesh.statsd')),
	tracing: since('1.1', tracing),
	zipkinAddress: since('1.0', address, by('spec.mesh.tracing.zipkin')),
};

/** The mesh configuration itself. */
export const meshConfigFields: Fields = {
	accessLogEncoding: since('1.1', oneOf('TEXT', 'JSON'), by('spec.mesh.accessLog.encoding')),
	accessLogFile: since('1.0', text, by('spec.mesh.accessLog.file')),
	accessLogFormat: since('1.1', text),
	authPolicy: since(
		'1.0',
		oneOf('NONE', 'MUTUAL_TLS'),
		unread('1.1', 'authentication is said by policies since 1.1', 'Use spec.mesh.mtls.'),
		{ why: 'operator', because: 'policies say it, and they come first', remedy: 'Use spec.mesh.mtls.' },
	),
	certificates: since(
		'1.4',
		{ is: 'list', of: message({ secretName: since('1.4', text), dnsNames: since('1.4', texts) }) },
		{
			why: 'operator',
			because: 'Pilot would ask for certificates by an API that Kubernetes 1.22 removed, and end',
			remedy: leaveOut,
		},
	),
	configSources: since(
		'1.1',
		{
			is: 'list',
			of: message({
				address: since('1.1', text),
				tlsSettings: since('1.1', tlsSettings),
				subscribedResources: since('1.4', { is: 'list', of: oneOf('SERVICE_REGISTRY') }),
			}),
		},
		{
			why: 'operator',
			because:
				'Pilot reads the configuration from the API server; Galley can not serve it on Kubernetes 1.22 and newer',
			remedy: leaveOut,
		},
	),
	connectTimeout: since('1.0', connectTimeout),
	defaultConfig: since('1.0', message(proxyConfigFields)),
	defaultDestinationRuleExportTo: since('1.1', texts),
	defaultServiceExportTo: since('1.1', texts),
	defaultVirtualServiceExportTo: since('1.1', texts),
	disableMixerHttpReports: since('1.4', boolean),
	disablePolicyChecks: since('1.0', boolean),
	disableReportBatch: since('1.3', boolean, unread('1.3', 'nothing reads it', 'Use reportBatchMaxEntries: 1.')),
	dnsRefreshRate: since('1.1', anyDuration),
	enableAutoMtls: since('1.4', boolean),
	enableClientSidePolicyCheck: since('1.0', boolean),
	enableEnvoyAccessLogService: since('1.3', boolean),
	enableSdsTokenMount: since('1.1', boolean, unread('1.3', 'nothing reads it since 1.3', leaveOut)),
	enableTracing: since('1.0', boolean, by('spec.mesh.tracing.enabled')),
	h2UpgradePolicy: since('1.3', oneOf('DO_NOT_UPGRADE', 'UPGRADE')),
	inboundClusterStatName: since('1.4', text),
	ingressClass: since('1.0', text, ingress),
	ingressControllerMode: since('1.0', oneOf('OFF', 'DEFAULT', 'STRICT'), {
		why: 'operator',
		only: 'OFF',
		because: 'Pilot would wait for ever for an Ingress API that Kubernetes 1.22 removed',
		remedy: 'Leave it out, and describe ingress traffic by Gateway and VirtualService.',
	}),
	ingressService: since('1.0', text, ingress),
	localityLbSetting: since(
		'1.1',
		message({
			distribute: since('1.1', {
				is: 'list',
				of: message({ from: since('1.1', text), to: since('1.1', { is: 'map', of: unsigned }) }),
			}),
			failover: since('1.1', { is: 'list', of: message({ from: since('1.1', text), to: since('1.1', text) }) }),
			// A word of the charts, not of the API: with `false` they leave out the whole setting, and so does `buildMeshConfig`.
			enabled: since('1.3', boolean),
		}),
	),
	mixerAddress: since(
		'1.0',
		address,
		unread('1.1', 'replaced by two addresses', 'Use mixerCheckServer and mixerReportServer.'),
	),
	mixerCheckServer: since('1.0', address),
	mixerReportServer: since('1.0', address),
	outboundClusterStatName: since('1.4', text),
	// 1.0 parses it, and none of its code reads it.
	outboundTrafficPolicy: since(
		'1.1',
		message({ mode: since('1.1', oneOf('REGISTRY_ONLY', 'ALLOW_ANY')) }),
		by('spec.mesh.outboundTraffic'),
	),
	policyCheckFailOpen: since('1.0', boolean),
	protocolDetectionTimeout: since('1.3', duration('0s', '24h')),
	proxyHttpPort: since('1.0', { is: 'integer', min: 0, max: 65535 }),
	proxyListenPort: since('1.0', port),
	rdsRefreshDelay: since('1.0', refreshDelay, unread('1.1', 'routes are pushed, not polled, since 1.1', leaveOut)),
	reportBatchMaxEntries: since('1.3', unsigned),
	reportBatchMaxTime: since('1.3', anyDuration),
	rootNamespace: since('1.1', text),
	sdsRefreshDelay: since('1.0', refreshDelay, unread('1.1', 'nothing reads it since 1.1', leaveOut)),
	sdsUdsPath: since('1.0', text),
	sdsUseK8sSaJwt: since('1.1', boolean, unread('1.3', 'nothing reads it since 1.3', leaveOut)),
	sidecarToTelemetrySessionAffinity: since('1.1', boolean),
	tcpKeepalive: since('1.1', tcpKeepalive),
	trustDomain: since('1.1', text, by('spec.mesh.trustDomain')),
	trustDomainAliases: since('1.4', texts),
};
