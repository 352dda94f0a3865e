/**
 * Citadel of the classic line: how each release starts it. Sources: `security/cmd/istio_ca/main.go`,
 * `security/pkg/{k8s,pki,registry,server}` and `install/kubernetes/helm/istio/charts/security` of each tag.
 */

import type { AccessRule, ComponentRelease, Port } from '../component.ts';
import { logFlags } from './log-flags.ts';
import type { Minor } from './minors.ts';

export interface CitadelRelease extends ComponentRelease {
	/**
	 * For each ServiceAccount of the control plane whose certificate gets a DNS name `<service>.<namespace>`: the Service's
	 * name.
	 */
	readonly dnsNames: Readonly<Record<string, string>>;
	readonly ports: readonly Port[];
	/** The port that answers `/version`. */
	readonly monitoringPort: number;
	/** Whether it also publishes its root in ConfigMap `istio-security`. */
	readonly publishesRoot: boolean;
	/** Rights for Kubernetes' types in all namespaces. */
	readonly clusterAccess: readonly AccessRule[];
}

const pilotName = { 'istio-pilot-service-account': 'istio-pilot' } as const;

const flagsOfAll = [
	...logFlags,
	'append-dns-names',
	'cert-chain',
	'citadel-storage-namespace',
	'custom-dns-names',
	'enable-profiling',
	'grpc-host-identities',
	'grpc-port',
	'key-size',
	'kube-config',
	'liveness-probe-interval',
	'liveness-probe-path',
	'max-workload-cert-ttl',
	'monitoring-port',
	'org',
	'probe-check-interval',
	'requested-ca-cert-ttl',
	'root-cert',
	'self-signed-ca',
	'sign-ca-certs',
	'signing-cert',
	'signing-key',
	'upstream-ca-address',
	'workload-cert-grace-period-ratio',
	'workload-cert-ttl',
] as const;

const flagsFrom11 = [
	...flagsOfAll,
	'ctrlz_address',
	'ctrlz_port',
	'experimental-dual-use',
	'listened-namespace',
	'listened-namespaces',
	'read-signing-cert-only',
	'sds-enabled',
	'server-only',
	'trust-domain',
] as const;

function ports(monitoring: number): readonly Port[] {
	return [
		{ port: 8060, container: 'grpc-citadel', service: 'grpc-citadel' },
		{ port: monitoring, container: 'http-monitoring', service: 'http-monitoring' },
	];
}

/** Citadel writes one Secret per ServiceAccount. It reads the others to decide who may ask for a certificate over gRPC. */
const clusterAccess: readonly AccessRule[] = [
	{ group: '', resource: 'secrets', verbs: ['create', 'delete', 'list', 'update', 'watch'] },
	{ group: '', resource: 'serviceaccounts', verbs: ['get', 'list', 'watch'] },
	{ group: '', resource: 'services', verbs: ['list', 'watch'] },
];

/** From 1.3 on, labels of a namespace say whether, and by which Citadel, its ServiceAccounts are served. */
const clusterAccessFrom13: readonly AccessRule[] = [
	...clusterAccess,
	{ group: '', resource: 'namespaces', verbs: ['get', 'list', 'watch'] },
];

const common = {
	image: 'citadel',
	dnsNames: pilotName,
	clusterAccess,
	resources: { requests: { cpu: '10m', memory: '64Mi' } },
} as const;

const from11 = { ...common, ports: ports(15014), monitoringPort: 15014, publishesRoot: true } as const;

export const citadelReleases: Readonly<Record<Minor, CitadelRelease>> = {
	'1.0': {
		...common,
		flags: [
			...flagsOfAll,
			'grpc-hostname',
			'listened-namespace',
			'self-signed-ca-cert-ttl',
			'self-signed-ca-org',
			'workload-cert-min-grace-period',
		],
		dnsNames: { ...pilotName, 'istio-ingressgateway-service-account': 'istio-ingressgateway' },
		ports: ports(9093),
		monitoringPort: 9093,
		publishesRoot: false,
	},
	'1.1': {
		...from11,
		flags: [...flagsFrom11, 'grpc-hostname', 'self-signed-ca-cert-ttl', 'workload-cert-min-grace-period'],
	},
	'1.2': { ...from11, flags: [...flagsFrom11, 'explicit-opt-in', 'pkcs8-keys', 'self-signed-ca-cert-ttl'] },
	'1.3': { ...from11, flags: [...flagsFrom11, 'pkcs8-keys'], clusterAccess: clusterAccessFrom13 },
	'1.4': { ...from11, flags: [...flagsFrom11, 'pkcs8-keys'], clusterAccess: clusterAccessFrom13 },
};
