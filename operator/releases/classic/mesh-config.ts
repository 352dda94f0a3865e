/** Builds Istio's mesh configuration from the release's defaults, the installation's settings and its further fields. */
import { isObject, type ParsedMeshInstallation } from '../../../api/v1/index.ts';
import type { Opaque } from '../mesh.ts';
import { isKnown } from './mesh-config-check.ts';
import { meshConfigFields, proxyConfigFields } from './mesh-config-fields.ts';
import { type MixerServices, mixerMeshConfig } from './mesh-config-mixer.ts';
import type { Fields } from './mesh-config-shapes.ts';
import type { ClassicRelease } from './release.ts';

type Spec = ParsedMeshInstallation['spec'];

/** Whether the release knows a field. Unknown fields are never written, because 1.0 ends at one. */
function knows(release: ClassicRelease, fields: Fields, name: string): boolean {
	const field = fields[name];
	return field !== undefined && isKnown(field, release.minor);
}

/**
 * The mesh configuration of an installation whose fields have been checked. Its keys have the order in which they are
 * written.
 */
export function buildMeshConfig(release: ClassicRelease, spec: Spec, mixer: MixerServices): Opaque {
	const { tracing, statsd, accessLog, outboundTraffic, trustDomain, config = {} } = spec.mesh ?? {};
	const { defaultConfig: furtherProxyConfig, ...furtherConfig } = config;
	const zipkin = tracing?.zipkin?.address;
	const proxy = spec.proxy ?? {};
	const controlPlane = spec.mesh?.mtls?.controlPlane ?? false;
	return withoutAbsent({
		enableTracing: tracing?.enabled ?? false,
		ingressControllerMode: 'OFF',
		...release.mesh.defaults,
		accessLogFile: accessLog?.file,
		accessLogEncoding: accessLog?.encoding,
		outboundTrafficPolicy: knows(release, meshConfigFields, 'outboundTrafficPolicy')
			? { mode: outboundTraffic ?? 'ALLOW_ANY' }
			: undefined,
		rootNamespace: knows(release, meshConfigFields, 'rootNamespace') ? spec.namespace : undefined,
		trustDomain,
		...mixerMeshConfig(release, spec, mixer),
		...withoutSwitchedOff(furtherConfig),
		defaultConfig: withoutAbsent({
			...release.mesh.proxyDefaults,
			...withoutAbsent({
				serviceCluster: proxy.serviceCluster,
				drainDuration: proxy.drainDuration,
				parentShutdownDuration: proxy.parentShutdownDuration,
				interceptionMode: proxy.interceptionMode,
				proxyAdminPort: proxy.adminPort,
				discoveryRefreshDelay: proxy.discoveryRefreshDelay,
				connectTimeout: proxy.connectTimeout,
				concurrency: proxy.concurrency,
			}),
			statsdUdpAddress: statsd?.address,
			controlPlaneAuthPolicy: controlPlane ? 'MUTUAL_TLS' : 'NONE',
			discoveryAddress: `istio-pilot.${spec.namespace}:${controlPlane ? release.mesh.secureDiscoveryPort : release.mesh.discoveryPort}`,
			...withTracer(release, zipkin, furtherProxyConfig as Opaque | undefined),
		}),
	});
}

/** The further fields of `defaultConfig`, with the Zipkin collector where this release has its place. */
function withTracer(release: ClassicRelease, zipkin: string | undefined, further: Opaque = {}): Opaque {
	if (zipkin === undefined) {
		return further;
	}
	return knows(release, proxyConfigFields, 'tracing')
		? { ...further, tracing: { zipkin: { address: zipkin } } }
		: { zipkinAddress: zipkin, ...further };
}

/**
 * Leaves out `localityLbSetting` where it says `enabled: false`, as the charts do: Pilot takes any value for a yes
 * (`pilot/pkg/proxy/envoy/v2/eds.go` since 1.3).
 */
function withoutSwitchedOff(further: Opaque): Opaque {
	const { localityLbSetting: setting } = further;
	return isObject(setting) && setting.enabled === false ? { ...further, localityLbSetting: undefined } : further;
}

function withoutAbsent(fields: Opaque): Opaque {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
