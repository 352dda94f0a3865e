/**
 * Mixer of the classic line: how each release starts `istio-policy` and `istio-telemetry`, and in which kinds its
 * configuration is written. Sources: `mixer/cmd/mixs/cmd/server.go`, `mixer/pkg/server/server.go`,
 * `mixer/pkg/runtime/config/kinds.go`, `mixer/{adapter,template}/inventory.yaml` and
 * `install/kubernetes/helm/istio/charts/mixer` of each tag.
 */

import type { ComponentRelease, Port, ReadRule, Resources } from '../component.ts';
import { logFlags } from './log-flags.ts';
import type { Minor } from './minors.ts';

export interface MixerRelease extends ComponentRelease {
	/** Resources of `istio-telemetry`. `resources` is for `istio-policy`. */
	readonly telemetryResources: Resources;
	/** Arguments of both that do not depend on the installation, in order. */
	readonly args: readonly string[];
	/** Arguments of `istio-policy` alone, after those of both. */
	readonly policyArgs: readonly string[];
	/** Arguments of `istio-telemetry` alone, after those of both. */
	readonly telemetryArgs: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	/** The port that answers `/version`, once the process has read the configuration and serves the socket. */
	readonly monitoringPort: number;
	/**
	 * Kinds of `config.istio.io` that it follows, as plurals: its table of kinds, whether this release ships them or not.
	 * When a kind is left over from another release and Mixer may not list it, Mixer never starts (`Store.WaitForSynced`).
	 */
	readonly configKinds: readonly string[];
	/** What else it reads in all namespaces, for its adapters. */
	readonly clusterReads: readonly ReadRule[];
	/** What it reads in its own namespace. */
	readonly namespaceReads: readonly ReadRule[];
	readonly config: MixerConfigForm;
}

/** How the release's configuration is written. */
export interface MixerConfigForm {
	/** `typed`: a handler's kind is that of its adapter. `generic`: its kind is `handler`, and a field names the adapter. */
	readonly handlers: 'typed' | 'generic';
	/**
	 * `typed`: an instance's kind is that of its template. `generic`: its kind is `instance`, and a field names the template.
	 */
	readonly instances: 'typed' | 'generic';
	/**
	 * Whether the adapter `kubernetesenv` looks up pods for the attributes of workloads. In 1.0 it waits for ever for
	 * ReplicaSets of `apps/v1beta2` and `extensions/v1beta1`, which Kubernetes 1.16 removed, and Mixer waits with it.
	 */
	readonly kubernetesenv: boolean;
	/** Whether a DestinationRule can say where it is visible. */
	readonly exportTo: boolean;
	/** Whether clients that choose mutual TLS by themselves need a setting for both ports. */
	readonly explicitTls: boolean;
}

/** Ports of the proxy in front of Mixer (`pilot/docker/envoy_{policy,telemetry}.yaml.tmpl`). */
export const mixerProxyPorts: readonly [Port, ...Port[]] = [
	{ port: 9091, container: 'grpc-mixer', service: 'grpc-mixer' },
	{ port: 15004, container: 'grpc-mixer-mtls', service: 'grpc-mixer-mtls' },
	{ port: 15090, container: 'http-envoy-prom' },
];

/** The port at which the adapter `prometheus` offers the metrics of the mesh (`mixer/adapter/prometheus/server.go`). */
export const meshMetricsPort: Port = { port: 42422, container: 'prometheus', service: 'prometheus' };

const flagsOfAll = [
	'adapterWorkerPoolSize',
	'address',
	'apiWorkerPoolSize',
	'averageLatencyThreshold',
	'burstSize',
	'configDefaultNamespace',
	'configStoreURL',
	'ctrlz_address',
	'ctrlz_port',
	'latencySampleHalflife',
	'latencySamplesPerSecond',
	'livenessProbeInterval',
	'livenessProbePath',
	'loadsheddingMode',
	...logFlags,
	'maxConcurrentStreams',
	'maxMessageSize',
	'maxRequestsPerSecond',
	'monitoringPort',
	'numCheckCacheEntries',
	'port',
	'profile',
	'readinessProbeInterval',
	'readinessProbePath',
	'singleThreaded',
	'trace_jaeger_url',
	'trace_log_spans',
	'trace_sampling_rate',
	'trace_zipkin_url',
] as const;

const flagsFrom11 = [...flagsOfAll, 'caCertFile', 'certFile', 'keyFile', 'useAdapterCRDs'] as const;

const flagsFrom12 = [...flagsFrom11, 'configWaitTimeout', 'latencyEnforcementThreshold', 'useTemplateCRDs'] as const;

/**
 * Reads the configuration from an API server, without Galley: from that of its own cluster, unless the path of a kubeconfig
 * follows (`mixer/pkg/config/crd/init.go`).
 */
export const configFromApiServer = '--configStoreURL=k8s://';

/** The socket that the proxy in front of it connects to, and the configuration. */
const argsOfAll = ['--address=unix:///sock/mixer.socket', configFromApiServer] as const;

/** From 1.1 on. In 1.0 the monitoring port is the binary's default. */
const argsFrom11 = ['--monitoringPort=15014', ...argsOfAll, '--log_output_level=default:info'] as const;

/**
 * Switches the cache off: a result for one proxy does not fit others (istio#9596). From 1.1 on it is off whatever the flag
 * says.
 */
const policyArgs = ['--numCheckCacheEntries=0'] as const;

/** Drops reports rather than falling behind for good. */
const telemetryArgsFrom11 = ['--averageLatencyThreshold=100ms', '--loadsheddingMode=enforce'] as const;

/** Mixer does not start when one of them is missing. */
const coreKinds = ['adapters', 'attributemanifests', 'handlers', 'instances', 'rules', 'templates'] as const;

const templateKinds = [
	'apikeys',
	'authorizations',
	'checknothings',
	'edges',
	'kuberneteses',
	'listentries',
	'logentries',
	'metrics',
	'quotas',
	'reportnothings',
	'tracespans',
] as const;

const adapterKinds = [
	'bypasses',
	'circonuses',
	'cloudwatches',
	'deniers',
	'dogstatsds',
	'fluentds',
	'kubernetesenvs',
	'listcheckers',
	'memquotas',
	'noops',
	'opas',
	'prometheuses',
	'rbacs',
	'redisquotas',
	'signalfxs',
	'solarwindses',
	'stackdrivers',
	'statsds',
	'stdios',
] as const;

const typedKinds = [...coreKinds, ...templateKinds, ...adapterKinds] as const;

const follow = ['list', 'watch'] as const;

/** For the adapter `rbac` of 1.0 to 1.2, when a user's handler starts it (`mixer/adapter/rbac/rbac.go`). */
const roleReads: readonly ReadRule[] = [
	{ group: 'rbac.istio.io', resource: 'servicerolebindings', verbs: follow },
	{ group: 'rbac.istio.io', resource: 'serviceroles', verbs: follow },
];

/** For the adapter `kubernetesenv` (`mixer/adapter/kubernetesenv/cache.go`). */
const podReads: readonly ReadRule[] = [
	{ group: '', resource: 'pods', verbs: follow },
	{ group: '', resource: 'replicationcontrollers', verbs: follow },
	{ group: 'apps', resource: 'replicasets', verbs: follow },
];

/**
 * The adapter also finds pods of other clusters, by Secrets with the label `istio/multiCluster=true` in the namespace of
 * its pod.
 */
const remoteClusterReads: readonly ReadRule[] = [{ group: '', resource: 'secrets', verbs: follow }];

const common = {
	image: 'mixer',
	resources: { requests: { cpu: '100m', memory: '128Mi' } },
	telemetryResources: { requests: { cpu: '1', memory: '1G' }, limits: { cpu: '4800m', memory: '4G' } },
	policyArgs,
} as const;

const release10: MixerRelease = {
	...common,
	flags: flagsOfAll,
	args: argsOfAll,
	telemetryArgs: [],
	env: { GODEBUG: 'gctrace=2' },
	monitoringPort: 9093,
	configKinds: [...typedKinds, 'servicecontrolreports', 'servicecontrols'],
	clusterReads: roleReads,
	namespaceReads: [],
	config: { handlers: 'typed', instances: 'typed', kubernetesenv: false, exportTo: false, explicitTls: false },
};

const release11: MixerRelease = {
	...common,
	flags: flagsFrom11,
	// Users' handlers of 1.0 are typed, and they get rewritten while this release runs.
	args: [...argsFrom11, '--useAdapterCRDs=true'],
	telemetryArgs: telemetryArgsFrom11,
	env: { GODEBUG: 'gctrace=1', GOMAXPROCS: '6' },
	monitoringPort: 15014,
	configKinds: [...typedKinds, 'zipkins'],
	clusterReads: [...podReads, ...roleReads],
	namespaceReads: remoteClusterReads,
	config: { handlers: 'generic', instances: 'typed', kubernetesenv: true, exportTo: true, explicitTls: false },
};

const release12: MixerRelease = {
	...release11,
	flags: flagsFrom12,
	// The binary's default is true for both: it would look for ever for kinds that no release ships any more.
	args: [...argsFrom11, '--useAdapterCRDs=false', '--useTemplateCRDs=false'],
	configKinds: coreKinds,
	config: { ...release11.config, instances: 'generic' },
};

const release13: MixerRelease = { ...release12, clusterReads: podReads };

const release14: MixerRelease = {
	...release13,
	env: { GOMAXPROCS: '6' },
	config: { ...release13.config, explicitTls: true },
};

export const mixerReleases: Readonly<Record<Minor, MixerRelease>> = {
	'1.0': release10,
	'1.1': release11,
	'1.2': release12,
	'1.3': release13,
	'1.4': release14,
};
