/** Builds Istio's mesh configuration from the installation's settings and its further fields. */
import { definedFields, isObject, type ParsedSpec } from '../../../api/v1/index.ts';
import type { Opaque, ResolvedMesh } from '../mesh.ts';
import { translateAdapters } from './adapters.ts';
import type { ResolvedIstiodMesh } from './resolved.ts';

/** Port of the proxies' health and metrics, which injected pods and istiod agree on. */
export const statusPort = 15_020;

/** Host and port by which proxies ask istiod. Its certificate has this name, and none that ends in `.cluster.local`. */
export function discoveryAddress({ namespace, revision }: Pick<ResolvedMesh, 'namespace' | 'revision'>): string {
	return `istiod${revision === undefined ? '' : `-${revision}`}.${namespace}.svc:15012`;
}

/** Host and port by which proxies get their certificates: istiod, unless an authority outside is named. */
export function authorityAddress(mesh: ResolvedIstiodMesh): string {
	return mesh.authority.external ?? discoveryAddress(mesh);
}

/**
 * The mesh configuration of an installation whose fields have been checked. Its keys have the order in which they are
 * written.
 * @param revision whose proxies follow it. Undefined: the one without a name
 */
export function buildMeshConfig(spec: ParsedSpec, revision: string | undefined): Opaque {
	const { tracing, statsd, accessLog, outboundTraffic, trustDomain, config = {} } = spec.mesh ?? {};
	const { defaultConfig: furtherProxyConfig, extensionProviders, defaultProviders, ...further } = config;
	const mixer = translateAdapters(spec.mixer);
	const proxy = spec.proxy ?? {};
	const ttl = spec.citadel?.workloadCertTTL;
	return definedFields({
		enableTracing: tracing?.enabled ?? false,
		accessLogFile: accessLog?.file,
		accessLogEncoding: accessLog?.encoding,
		connectTimeout: proxy.connectTimeout,
		outboundTrafficPolicy: { mode: outboundTraffic ?? 'ALLOW_ANY' },
		enablePrometheusMerge: true,
		rootNamespace: spec.namespace,
		trustDomain: trustDomain ?? 'cluster.local',
		...further,
		extensionProviders: someOf([...mixer.providers, ...listOf(extensionProviders)]),
		defaultProviders: {
			metrics: mixer.metrics ? ['prometheus'] : undefined,
			accessLogging: someOf(mixer.accessLogs),
			...(isObject(defaultProviders) ? defaultProviders : {}),
		},
		defaultConfig: merged(
			definedFields({
				discoveryAddress: discoveryAddress({ namespace: spec.namespace, ...definedFields({ revision }) }),
				interceptionMode: proxy.interceptionMode,
				concurrency: proxy.concurrency,
				proxyAdminPort: proxy.adminPort,
				drainDuration: proxy.drainDuration,
				serviceCluster: proxy.serviceCluster,
				// By its address alone: a provider would have to be a service that istiod knows.
				tracing: tracing?.zipkin === undefined ? undefined : { zipkin: { address: tracing.zipkin.address } },
				statsdUdpAddress: statsd?.address ?? mixer.statsd,
				// The agent asks for this time; istiod refuses what is longer than it may give.
				proxyMetadata: ttl === undefined ? undefined : { SECRET_TTL: ttl },
			}),
			isObject(furtherProxyConfig) ? furtherProxyConfig : {},
		),
	});
}

/** The operator's fields and the user's. Where both have an object, its fields are merged. */
function merged(own: Opaque, given: Opaque): Opaque {
	const both = Object.entries(given).map(([name, value]): [string, unknown] => {
		const other = own[name];
		return [name, isObject(value) && isObject(other) ? { ...other, ...value } : value];
	});
	return { ...own, ...Object.fromEntries(both) };
}

function listOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}

function someOf<T>(list: readonly T[]): readonly T[] | undefined {
	return list.length === 0 ? undefined : list;
}
