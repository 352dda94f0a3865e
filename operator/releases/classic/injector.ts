/**
 * The sidecar injector of the classic line: how each release starts it, and how its sidecar differs. Sources:
 * `pilot/cmd/sidecar-injector/main.go` (1.4 `sidecar-injector/cmd`), `pkg/kube/inject` and the charts of each tag.
 */

import type { ComponentRelease, Port, ReadRule, Resources } from '../component.ts';
import { logFlags } from './log-flags.ts';
import type { Minor } from './minors.ts';

type Amounts = NonNullable<Resources['limits']>;

export interface InjectorRelease extends ComponentRelease {
	/** The minor whose binary runs: the release's own, or a newer one when its own can't run on today's Kubernetes. */
	readonly runs: Minor;
	/** Tag of the image, when it is not the release's own. */
	readonly tag?: string;
	/** All arguments, in order. */
	readonly args: readonly string[];
	readonly ports: readonly Port[];
	/** What the binary may do with its own webhook configuration. */
	readonly webhookReads: ReadRule['verbs'];
	/** The marks around actions in its templates. */
	readonly delimiters: readonly [open: string, close: string];
	/** Whether its template needs a file of values. */
	readonly values: boolean;
	/** Whether it knows selectors of pods, besides the policy. */
	readonly selectors: boolean;
	/** Port on which the agent in a pod says whether its proxy is ready; 0 for none. */
	readonly statusPort: number;
	/** The command of `istio-init`, when the image would start something else. */
	readonly initCommand: readonly string[];
	readonly initResources: { readonly requests?: Amounts; readonly limits: Amounts };
	/** The Linux capabilities that `istio-init` needs to write iptables rules. */
	readonly initCapabilities: readonly string[];
}

/** Not 443, because listening there would need a capability. */
const port = 9443;

const flags = [
	...logFlags,
	'caCertFile',
	'healthCheckFile',
	'healthCheckInterval',
	'injectConfig',
	'kubeconfig',
	'meshConfig',
	'port',
	'tlsCertFile',
	'tlsKeyFile',
	'webhookConfigName',
	'webhookName',
] as const;

/** The injector writes it again and again while it is well, so it lies in a volume: the root file system belongs to root. */
export const healthCheckFile = '/var/run/sidecar-injector/health';

/** The paths are absolute: the binary watches the directories of its files by them. */
const args = [
	'--caCertFile=/etc/istio/certs/root-cert.pem',
	'--tlsCertFile=/etc/istio/certs/cert-chain.pem',
	'--tlsKeyFile=/etc/istio/certs/key.pem',
	'--injectConfig=/etc/istio/inject/config',
	'--meshConfig=/etc/istio/config/mesh',
	`--port=${port}`,
	'--healthCheckInterval=2s',
	`--healthCheckFile=${healthCheckFile}`,
] as const;

const values = '--injectValues=/etc/istio/inject/values';

const webhookPort: Port = { port, container: 'https-inject', service: 'https-inject' };
const monitoringPort: Port = { port: 15014, container: 'http-monitoring', service: 'http-monitoring' };

/** From the charts since 1.1. */
const initResources = {
	requests: { cpu: '10m', memory: '10Mi' },
	limits: { cpu: '100m', memory: '50Mi' },
} as const;

/** Some container runtimes no longer give NET_RAW by themselves. Without it iptables can't open its socket. */
const initCapabilities = ['NET_ADMIN', 'NET_RAW'] as const;

const common = {
	image: 'sidecar_injector',
	resources: { requests: { cpu: '100m', memory: '64Mi' } },
} as const;

const release12 = {
	...common,
	runs: '1.2',
	args: [...args, values],
	flags: [...flags, 'injectValues'],
	ports: [webhookPort],
	webhookReads: ['get', 'list', 'watch'],
	delimiters: ['{{', '}}'],
	values: true,
	selectors: true,
	statusPort: 15020,
	initCommand: [],
	initResources,
	initCapabilities,
} as const satisfies InjectorRelease;

const release13 = {
	...release12,
	runs: '1.3',
	args: [...args, values, '--monitoringPort=15014'],
	flags: [...release12.flags, 'monitoringPort'],
	ports: [webhookPort, monitoringPort],
} as const satisfies InjectorRelease;

export const injectorReleases: Readonly<Record<Minor, InjectorRelease>> = {
	'1.0': {
		...common,
		runs: '1.0',
		args,
		flags,
		ports: [webhookPort],
		// The binary asks every second, through the API of webhooks that Kubernetes 1.22 removed. It logs that and goes on.
		webhookReads: ['get'],
		delimiters: ['[[', ']]'],
		values: false,
		selectors: false,
		statusPort: 0,
		initCommand: [],
		// The chart of 1.0 names none. A quota for CPU refuses every pod then, so it gets the figures of CPU that later charts have.
		initResources: { requests: { cpu: '10m' }, limits: { cpu: '100m', memory: '128Mi' } },
		initCapabilities: ['NET_ADMIN'],
	},
	// The binary of 1.1 ends when it can't write the webhook by the API that Kubernetes 1.22 removed, and has no flag against
	// that.
	'1.1': { ...release12, tag: '1.2.10' },
	'1.2': release12,
	'1.3': release13,
	'1.4': {
		...release13,
		runs: '1.4',
		args: [...release13.args, '--reconcileWebhookConfig=false'],
		flags: [...release13.flags, 'reconcileWebhookConfig'],
		webhookReads: [],
		initCommand: ['istio-iptables'],
	},
};
