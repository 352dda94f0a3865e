/** Meshes whose sidecars differ: how traffic is led, what is traced and measured, who is injected. */
import type { Minor } from '../../operator/releases/classic/index.ts';

type Spec = Readonly<Record<string, unknown>>;

const selectors = {
	neverInject: [
		{ matchLabels: { batch: 'never' } },
		{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['none'] }] },
	],
	alwaysInject: [{ matchExpressions: [{ key: 'team', operator: 'Exists' }] }],
} as const;

/** By what is special about them. */
export function meshSpecs(version: string, minor: Minor): Readonly<Record<string, Spec>> {
	const injector = { enabled: true };
	return {
		plain: { version, sidecarInjector: injector },
		TPROXY: { version, sidecarInjector: injector, proxy: { interceptionMode: 'TPROXY' } },
		'with exclusions': {
			version,
			sidecarInjector: injector,
			proxy: { excludeIPRanges: ['10.9.0.0/16', '10.8.0.0/16'], excludeInboundPorts: [22, 9100] },
		},
		'with tracing and statsd': {
			version,
			sidecarInjector: injector,
			mesh: {
				tracing: { enabled: true, sampling: 1, zipkin: { address: 'zipkin.tracing:9411' } },
				statsd: { address: 'statsd.metrics:8125' },
				...(minor === '1.0' ? {} : { trustDomain: 'example.com' }),
			},
		},
		...(minor === '1.0' ? {} : tracers(version, minor)),
		'with settings of its own, and injection only where it is asked for': {
			version,
			images: {
				registry: 'registry.example.com:5000/istio',
				pullPolicy: 'Always',
				pullSecrets: [{ name: 'regcred' }, { name: 'two' }],
			},
			sidecarInjector: { ...injector, policy: 'disabled', ...(minor === '1.0' ? {} : selectors) },
			proxy: {
				includeIPRanges: ['10.0.0.0/8', '172.16.0.0/12'],
				includeInboundPorts: [80, 443],
				uid: 1444,
				concurrency: 0,
				adminPort: 15999,
				serviceCluster: 'shop',
				drainDuration: '1m30s',
				parentShutdownDuration: '59m5s',
				connectTimeout: '1500ms',
				resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '1200m', memory: '512Mi' } },
			},
		},
	};
}

/** Tracers and collectors that only the release's own mesh configuration names. */
function tracers(version: string, minor: Minor): Readonly<Record<string, Spec>> {
	const traced = (defaultConfig: object): Spec => ({
		version,
		sidecarInjector: { enabled: true },
		mesh: { tracing: { enabled: true }, config: { defaultConfig } },
	});
	const hasServices = minor === '1.3' || minor === '1.4';
	const collectors = hasServices
		? {
				envoyAccessLogService: { address: 'als:9000', tlsSettings: { mode: 'DISABLE' } },
				envoyMetricsService: { address: 'ems:9001' },
			}
		: { envoyMetricsServiceAddress: 'ems:9001' };
	return {
		'with LightStep and collectors': traced({
			tracing: {
				lightstep: { address: 'ls:8080', accessToken: 't"k', secure: true, cacertPath: '/etc/lightstep/cacert.pem' },
			},
			...collectors,
		}),
		...(minor === '1.1' ? {} : { 'with Datadog': traced({ tracing: { datadog: { address: '$(HOST_IP):8126' } } }) }),
		...(hasServices
			? { 'with Stackdriver': traced({ tracing: { stackdriver: { debug: true, maxNumberOfAttributes: 7 } } }) }
			: {}),
	};
}
