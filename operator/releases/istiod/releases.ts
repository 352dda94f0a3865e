/**
 * Every release of istiod that can be installed, oldest first. A further patch or minor is an entry here, and what differs in
 * it. Sources: istio at tag 1.30.3 and branch release-1.30, tag 1.31.0-rc.0 and branch release-1.31, release notes on istio.io.
 */
import { isSince as isVersionSince } from '../../../api/v1/index.ts';
import type { KubernetesSupport } from '../component.ts';
import { gatewayApiOf } from './gateway-api.ts';
import { labelRules } from './labels.ts';
import { isSince, type Minor } from './minors.ts';
import { cniRelease } from './node-agent.ts';
import type { IstiodRelease } from './release.ts';
import { clusterRights, namespaceRights } from './rights.ts';

/** What one release says about itself. */
export interface ReleaseData {
	/** The full version: `1.31.4`. */
	readonly version: string;
	/** The versions of Kubernetes for which Istio's own project supports it. */
	readonly kubernetes: { readonly first: string; readonly last: string };
	readonly unchecked?: string;
}

const published: readonly ReleaseData[] = [
	{ version: '1.30.8', kubernetes: { first: '1.32', last: '1.36' } },
	{ version: '1.31.4', kubernetes: { first: '1.32', last: '1.36' } },
	{
		version: '1.32.0',
		kubernetes: { first: '1.33', last: '1.37' },
		unchecked:
			'what is rendered for 1.32.0 follows its release notes and definitions: its charts could not be compared yet',
	},
];

/** The newest Kubernetes on which this line was tried. */
const testedKubernetes = '1.36';

/** Makes a release from what it says about itself. */
export function istiodRelease({ version, kubernetes, unchecked }: ReleaseData): IstiodRelease {
	const minor = version.split('.', 2).join('.') as Minor;
	return {
		line: 'istiod',
		version,
		minor,
		kubernetes: support(kubernetes),
		architectures: ['amd64', 'arm64'],
		labels: labelRules,
		gatewayApi: gatewayApiOf(minor),
		...(unchecked === undefined ? {} : { unchecked }),
		followsRemoteSecrets: isVersionSince(version, '1.30.4'),
		goMaxProcs: !isSince(minor, '1.32'),
		holdsGoToFips: isSince(minor, '1.31'),
		cni: cniRelease,
		pilot: {
			image: 'pilot',
			flags,
			args: [
				'discovery',
				'--monitoringAddr=:15014',
				'--log_output_level=default:info',
				'--domain=cluster.local',
				'--keepaliveMaxServerConnectionAge=30m',
			],
			ports: [
				{ port: 8080, container: 'http-debug' },
				{ port: 15010, container: 'grpc-xds', service: 'grpc-xds' },
				{ port: 15012, container: 'tls-xds', service: 'https-dns' },
				{ port: 15017, container: 'https-webhooks', service: 'https-webhook' },
				{ port: 15014, container: 'http-monitoring', service: 'http-monitoring' },
			],
			resources: { requests: { cpu: '500m', memory: '2Gi' } },
			clusterRights: clusterRights(minor),
			namespaceRights,
			rejectCounters: ['pilot_total_xds_rejects'],
		},
	};
}

/** The definition of MeshInstallation itself needs 1.31. */
function support({ first, last }: ReleaseData['kubernetes']): KubernetesSupport {
	return { minimum: first, tested: testedKubernetes, upstream: `${first} to ${last}` };
}

/** Flags of `pilot-discovery discovery` (`pilot/cmd/pilot-discovery/app/cmd.go`, `pkg/log/options.go`, `pkg/ctrlz/options.go`). */
const flags = [
	'caCertFile',
	'clusterAliases',
	'clusterID',
	'clusterRegistriesNamespace',
	'cniNamespace',
	'configDir',
	'ctrlz_address',
	'ctrlz_port',
	'domain',
	'grpcAddr',
	'httpAddr',
	'httpsAddr',
	'keepaliveInterval',
	'keepaliveMaxServerConnectionAge',
	'keepaliveTimeout',
	'kubeconfig',
	'kubernetesApiBurst',
	'kubernetesApiQPS',
	'log_as_json',
	'log_caller',
	'log_output_level',
	'log_stacktrace_level',
	'log_target',
	'meshConfig',
	'monitoringAddr',
	'namespace',
	'networksConfig',
	'profile',
	'registries',
	'secureGRPCAddr',
	'shutdownDuration',
	'tls-cipher-suites',
	'tls-min-version',
	'tlsCertFile',
	'tlsKeyFile',
	'vklog',
] as const;

export const istiodReleases: readonly IstiodRelease[] = published.map(istiodRelease);
