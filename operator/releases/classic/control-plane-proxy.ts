/**
 * The proxy in front of Pilot and both Mixers in the classic line, per release: `pilot-agent` in the image `proxyv2`, which
 * writes Envoy's configuration from a template of the image. Sources: `install/kubernetes/helm/istio/charts/{pilot,mixer}`
 * and `pilot/cmd/pilot-agent/main.go` of each tag.
 */
import type { Resources } from '../component.ts';
import type { Minor } from './minors.ts';

export interface ControlPlaneProxyRelease {
	/**
	 * Value of `--domain`. 1.0 would also use it as the domain of Pilot's identity, so that mutual TLS with Pilot would fail
	 * (`pilotDomain`). Without the flag 1.0 has the same domain, and the right identity.
	 */
	readonly domain?: string;
	/** Arguments that come last. */
	readonly logArgs: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	/**
	 * Whether its reports reach `istio-telemetry` under mutual TLS. 1.2 and 1.3 leave the expected name empty (`len(mixerSAN)
	 * > 1`, and there is one), so that Envoy refuses every connection.
	 */
	readonly reportsUnderMutualTls: boolean;
	readonly resources: Resources;
}

const common = {
	domain: '$(POD_NAMESPACE).svc.cluster.local',
	logArgs: [],
	env: {},
	reportsUnderMutualTls: true,
	// From the charts since 1.1. With the 10m of 1.0 autoscalers scaled up at rest.
	resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } },
} as const satisfies ControlPlaneProxyRelease;

const { domain: _, ...withoutDomain } = common;

/** Workloads' certificates are files. No directory of sockets is mounted. */
const filesOnly = { SDS_ENABLED: 'false' } as const;

export const controlPlaneProxyReleases: Readonly<Record<Minor, ControlPlaneProxyRelease>> = {
	'1.0': withoutDomain,
	'1.1': common,
	'1.2': { ...common, reportsUnderMutualTls: false },
	'1.3': { ...common, env: filesOnly, reportsUnderMutualTls: false },
	'1.4': { ...common, env: filesOnly, logArgs: ['--log_output_level=default:info'] },
};
