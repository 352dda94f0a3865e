/**
 * The classic line: Istio 1.0 to 1.4, where Pilot, Mixer, Citadel, the injector and the gateways are separate processes.
 * One entry per release, newest patch of each minor. Sources: the charts in `install/kubernetes/helm`, and
 * `pilot/cmd/pilot-discovery`, `pilot/pkg/bootstrap/server.go` and `pilot/pkg/model/config.go` of each tag.
 */

import type { KubernetesSupport, Port, ReadRule, Resources } from '../component.ts';
import { citadelReleases } from './citadel.ts';
import { controlPlaneProxyReleases } from './control-plane-proxy.ts';
import { gatewayReleases } from './gateways.ts';
import { injectorReleases } from './injector.ts';
import { labelRules } from './labels.ts';
import { logFlags } from './log-flags.ts';
import type { Minor } from './minors.ts';
import { mixerReleases } from './mixer.ts';
import type { ClassicRelease } from './release.ts';

const kubernetes: KubernetesSupport = {
	minimum: '1.31',
	tested: '1.36',
	upstream: 'Istio 1.9 and older are unsupported by their project on Kubernetes 1.22 and newer (istio#34665).',
};

/** No others were ever published. */
const architectures = ['amd64'] as const;

/** Stops Pilot from registering its definitions: it would do that through an API that Kubernetes 1.22 removed, and end. */
const disableInstallCrds = '--disable-install-crds';

/**
 * Gives Pilot no TLS port of its own: it never reloads its certificate, while its proxy does. Without the flag it would be
 * `:15012`: 1.0 then waits for the files and logs an error, 1.1 and newer end at start (`initDiscoveryService`). Empty
 * means none; 1.0 still opens an unused listener on a free port.
 */
const noSecureGrpc = '--secureGrpcAddr=';

/** From 1.1 on the charts pass these. */
const argsFrom11 = [
	'discovery',
	'--monitoringAddr=:15014',
	'--log_output_level=default:info',
	'--domain=cluster.local',
	noSecureGrpc,
	'--keepaliveMaxServerConnectionAge=30m',
	disableInstallCrds,
] as const;

const flagsOfAll = [
	...logFlags,
	'appNamespace',
	'clusterRegistriesNamespace',
	'configDir',
	'consulserverInterval',
	'consulserverURL',
	'ctrlz_address',
	'ctrlz_port',
	'disable-install-crds',
	'domain',
	'grpcAddr',
	'httpAddr',
	'kubeconfig',
	'meshConfig',
	'monitoringAddr',
	'namespace',
	'plugins',
	'profile',
	'registries',
	'resync',
	'secureGrpcAddr',
] as const;

const flagsFrom11 = [
	...flagsOfAll,
	'discoveryCache',
	'keepaliveInterval',
	'keepaliveMaxServerConnectionAge',
	'keepaliveTimeout',
	'mcpMaxMsgSize',
	'networksConfig',
	'trust-domain',
] as const;

const flagsFrom12 = [...flagsFrom11, 'mcpInitialConnWindowSize', 'mcpInitialWindowSize'] as const;

function ports(monitoring: number): readonly Port[] {
	return [
		{ port: 8080, container: 'http-legacy', service: 'http-legacy-discovery' },
		{ port: monitoring, container: 'http-monitoring', service: 'http-monitoring' },
		{ port: 15010, container: 'grpc-xds', service: 'grpc-xds' },
	];
}

/**
 * The ports in the template of its proxy (`pilot/docker/envoy_pilot.yaml.tmpl`). 15005 and 15011 always have mutual TLS.
 */
const proxyPorts: readonly [Port, ...Port[]] = [
	{ port: 15003, container: 'http-old-xds' },
	{ port: 15005, container: 'https-discovery' },
	{ port: 15007, container: 'http-discovery' },
	{ port: 15011, container: 'https-xds', service: 'https-xds' },
];

/** From the charts. A small cluster sets its own (istio#12446). */
const resources: Resources = { requests: { cpu: '500m', memory: '2Gi' } };

const configTypes10 = [
	'destinationrules.networking.istio.io',
	'envoyfilters.networking.istio.io',
	'gateways.networking.istio.io',
	'httpapispecbindings.config.istio.io',
	'httpapispecs.config.istio.io',
	'meshpolicies.authentication.istio.io',
	'policies.authentication.istio.io',
	'quotaspecbindings.config.istio.io',
	'quotaspecs.config.istio.io',
	'rbacconfigs.rbac.istio.io',
	'serviceentries.networking.istio.io',
	'servicerolebindings.rbac.istio.io',
	'serviceroles.rbac.istio.io',
	'virtualservices.networking.istio.io',
] as const;

const configTypes11 = [...configTypes10, 'clusterrbacconfigs.rbac.istio.io', 'sidecars.networking.istio.io'] as const;

const follow = ['list', 'watch'] as const;

const clusterReads: readonly ReadRule[] = [
	{ group: '', resource: 'endpoints', verbs: follow },
	{ group: '', resource: 'nodes', verbs: follow },
	{ group: '', resource: 'pods', verbs: follow },
	{ group: '', resource: 'services', verbs: follow },
];

/**
 * For the Secrets with the label `istio/multiCluster=true` in `--clusterRegistriesNamespace`, which is Pilot's own by
 * default.
 */
const namespaceReads: readonly ReadRule[] = [{ group: '', resource: 'secrets', verbs: follow }];

const envFrom11 = { PILOT_PUSH_THROTTLE: '100', GODEBUG: 'gctrace=1' } as const;

/** The `defaultConfig` of all releases: where the proxy finds its files (binary and directory of the `proxyv2` image). */
const proxyDefaults = {
	configPath: '/etc/istio/proxy',
	binaryPath: '/usr/local/bin/envoy',
	serviceCluster: 'istio-proxy',
	drainDuration: '45s',
	parentShutdownDuration: '1m0s',
	interceptionMode: 'REDIRECT',
	proxyAdminPort: 15000,
	connectTimeout: '10s',
} as const;

const proxyDefaultsFrom11 = { ...proxyDefaults, concurrency: 2 } as const;

/**
 * Switches failover between localities on: Pilot asks only whether the setting is there (`pilot/pkg/proxy/envoy/v2/eds.go`,
 * `networking/core/v1alpha3/cluster.go` since 1.3; before, it needs no switch). No release parses the word `enabled`; it
 * is the charts' own, and what is unknown is dropped.
 */
const localityFailover = { enabled: true } as const;

const meshDefaultsFrom13 = {
	connectTimeout: '10s',
	dnsRefreshRate: '300s',
	protocolDetectionTimeout: '100ms',
	localityLbSetting: localityFailover,
} as const;

/** What all releases have, and the components whose data has a file of its own. */
function commonOf(minor: Minor): Omit<ClassicRelease, 'version' | 'pilot' | 'mesh'> {
	return {
		line: 'classic',
		minor,
		kubernetes,
		architectures,
		labels: labelRules[minor],
		mixer: mixerReleases[minor],
		citadel: citadelReleases[minor],
		injector: injectorReleases[minor],
		gateways: gatewayReleases[minor],
		controlPlaneProxy: controlPlaneProxyReleases[minor],
	};
}

const pilotOfAll = {
	image: 'pilot',
	proxyPorts,
	readinessPeriodSeconds: 30,
	clusterReads,
	namespaceReads,
	resources,
} as const;

const pilotFrom11 = {
	...pilotOfAll,
	args: argsFrom11,
	ports: ports(15014),
	monitoringPort: 15014,
	looksForCertificate: false,
	reloadsMeshConfig: true,
	configTypes: configTypes11,
} as const;

const meshFrom11 = {
	proxyDefaults: proxyDefaultsFrom11,
	discoveryPort: 15010,
	secureDiscoveryPort: 15011,
	networks: true,
	refusesUnknownFields: false,
} as const;

export const classicReleases: readonly ClassicRelease[] = [
	{
		...commonOf('1.0'),
		version: '1.0.9',
		pilot: {
			...pilotOfAll,
			args: ['discovery', noSecureGrpc, disableInstallCrds],
			flags: [
				...flagsOfAll,
				'cfConfig',
				'clusterRegistriesConfigMap',
				'discovery_cache',
				'monitoringPort',
				'port',
				'webhookEndpoint',
			],
			// The charts set PILOT_PUSH_THROTTLE_COUNT instead, which nothing reads.
			env: { PILOT_CACHE_SQUASH: '5', PILOT_PUSH_THROTTLE: '100', GODEBUG: 'gctrace=2' },
			ports: ports(9093),
			monitoringPort: 9093,
			looksForCertificate: true,
			reloadsMeshConfig: false,
			configTypes: configTypes10,
		},
		mesh: {
			defaults: {},
			proxyDefaults: { ...proxyDefaults, discoveryRefreshDelay: '1s' },
			discoveryPort: 15007,
			secureDiscoveryPort: 15005,
			networks: false,
			refusesUnknownFields: true,
			gatewaysByService: false,
			followsNetworks: false,
		},
	},
	{
		...commonOf('1.1'),
		version: '1.1.17',
		pilot: {
			...pilotFrom11,
			flags: [...flagsFrom11, 'mcpServerAddrs'],
			env: { ...envFrom11, PILOT_DISABLE_XDS_MARSHALING_TO_ANY: '1' },
		},
		mesh: {
			...meshFrom11,
			defaults: { connectTimeout: '10s' },
			gatewaysByService: false,
			followsNetworks: false,
		},
	},
	{
		...commonOf('1.2'),
		version: '1.2.10',
		pilot: {
			...pilotFrom11,
			flags: flagsFrom12,
			env: { ...envFrom11, PILOT_DISABLE_XDS_MARSHALING_TO_ANY: '1' },
			configTypes: [...configTypes11, 'authorizationpolicies.rbac.istio.io'],
		},
		mesh: {
			...meshFrom11,
			defaults: { connectTimeout: '10s', dnsRefreshRate: '300s' },
			gatewaysByService: true,
			followsNetworks: false,
		},
	},
	{
		...commonOf('1.3'),
		version: '1.3.8',
		pilot: {
			...pilotFrom11,
			flags: flagsFrom12,
			env: {
				...envFrom11,
				PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_OUTBOUND: 'true',
				PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_INBOUND: 'false',
			},
			// The chart still ships authorizationpolicies.rbac.istio.io; Pilot 1.3 no longer lists it.
			configTypes: configTypes11,
		},
		mesh: {
			...meshFrom11,
			defaults: meshDefaultsFrom13,
			gatewaysByService: true,
			followsNetworks: true,
		},
	},
	{
		...commonOf('1.4'),
		version: '1.4.10',
		pilot: {
			...pilotFrom11,
			flags: flagsFrom12,
			env: {
				PILOT_PUSH_THROTTLE: '100',
				PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_OUTBOUND: 'true',
				PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_INBOUND: 'false',
			},
			readinessPeriodSeconds: 5,
			// No chart ships the CRD syntheticserviceentries, but Pilot waits for it (pkg/config/schemas).
			configTypes: [
				...configTypes11,
				'authorizationpolicies.security.istio.io',
				'syntheticserviceentries.networking.istio.io',
			],
			// When an endpoint names a pod that the watch has not shown yet, Pilot reads the pod itself
			// (serviceregistry/kube/controller/pod.go).
			clusterReads: clusterReads.map((rule) =>
				rule.resource === 'pods' ? { ...rule, verbs: ['get', ...follow] } : rule,
			),
		},
		mesh: {
			...meshFrom11,
			defaults: meshDefaultsFrom13,
			gatewaysByService: true,
			followsNetworks: true,
		},
	},
];
