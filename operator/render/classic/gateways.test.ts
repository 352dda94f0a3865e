import test from 'ava';
import { render } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at, meshOf, only } from '../testing.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The objects of one gateway.
 * @param spec the rest of the spec
 */
function gateway(version: string, spec: Fields = {}, key: 'ingress' | 'egress' = 'ingress'): readonly KubeObject[] {
	const { gateways = {}, ...rest } = spec as { readonly gateways?: Fields };
	return render(meshOf({ version, ...rest, gateways: { [key]: { enabled: true, ...gateways } } })).filter(
		({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === `${key}gateway`,
	);
}

function container(objects: readonly KubeObject[]): unknown {
	return at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'containers', 0);
}

/** The value of a flag, whether it is the next argument or part of this one. */
function flag(objects: readonly KubeObject[], name: string): string | undefined {
	const args = at(container(objects), 'args') as readonly string[];
	const index = args.indexOf(`--${name}`);
	return index === -1 ? args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) : args[index + 1];
}

function env(objects: readonly KubeObject[]): Readonly<Record<string, unknown>> {
	const list = at(container(objects), 'env') as readonly { readonly name: string; readonly value?: string }[];
	return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

for (const { version, minor } of classicReleases) {
	test(`${version}: a gateway is a Deployment, a Service and an account that may do nothing`, (t) => {
		const objects = gateway(version);
		t.deepEqual(
			objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
			[
				'Deployment istio-ingressgateway',
				'Service istio-ingressgateway',
				'ServiceAccount istio-ingressgateway-service-account',
			],
		);
		const pod = at(only(objects, 'Deployment'), 'spec', 'template', 'spec');
		t.like(pod, { serviceAccountName: 'istio-ingressgateway-service-account', automountServiceAccountToken: false });
	});

	test(`${version}: users’ Gateway objects find the pods by Istio’s own labels, which select them alone`, (t) => {
		const objects = gateway(version);
		const selector = { app: 'istio-ingressgateway', istio: 'ingressgateway' };
		t.deepEqual(at(only(objects, 'Deployment'), 'spec', 'selector', 'matchLabels'), selector);
		t.deepEqual(at(only(objects, 'Service'), 'spec', 'selector'), selector);
		t.like(at(only(objects, 'Deployment'), 'spec', 'template', 'metadata', 'labels'), selector);
	});

	test(`${version}: the proxy is told what the mesh says`, (t) => {
		const objects = gateway(version, {
			namespace: 'mesh',
			mesh: {
				tracing: { zipkin: { address: 'zipkin.tracing:9411' } },
				statsd: { address: 'statsd:8125' },
				...(minor === '1.0' ? {} : { trustDomain: 'example.org' }),
			},
			proxy: { adminPort: 15_001, drainDuration: '30s', parentShutdownDuration: '40s', connectTimeout: '3s' },
		});
		const expected = {
			discoveryAddress: `istio-pilot.mesh:${minor === '1.0' ? 15007 : 15010}`,
			controlPlaneAuthPolicy: 'NONE',
			zipkinAddress: 'zipkin.tracing:9411',
			statsdUdpAddress: 'statsd:8125',
			proxyAdminPort: '15001',
			drainDuration: '30s',
			parentShutdownDuration: '40s',
			connectTimeout: '3s',
			serviceCluster: 'istio-ingressgateway',
			statusPort: '15020',
			domain: minor === '1.0' ? undefined : '$(POD_NAMESPACE).svc.cluster.local',
			'trust-domain': minor === '1.0' ? undefined : 'example.org',
			discoveryRefreshDelay: minor === '1.0' ? '1s' : undefined,
		};
		t.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, flag(objects, name)])), expected);
	});

	test(`${version}: every flag is one that the agent of this release knows`, (t) => {
		const { release } = meshOf({ version });
		const objects = gateway(version, { mesh: { statsd: { address: 's:1' }, tracing: { zipkin: { address: 'z:1' } } } });
		const args = at(container(objects), 'args') as readonly string[];
		const flags = args.filter((arg) => arg.startsWith('--')).map((arg) => arg.slice(2).split('=')[0] ?? '');
		t.true(flags.length > 8);
		t.deepEqual(
			flags.filter((name) => !release.gateways.flags.includes(name)),
			[],
		);
	});

	test(`${version}: privileged ports need one capability, others none`, (t) => {
		const capabilities = (ports?: readonly Fields[]) =>
			at(
				container(gateway(version, ports === undefined ? {} : { gateways: { service: { ports } } })),
				'securityContext',
				'capabilities',
			);
		t.deepEqual(capabilities(), { add: ['NET_BIND_SERVICE'], drop: ['ALL'] });
		t.deepEqual(capabilities([{ name: 'http2', port: 80, targetPort: 8080 }]), { drop: ['ALL'] });
	});

	test(`${version}: several ports of the Service may lead to one port of the pods`, (t) => {
		const ports = [
			{ name: 'http2', port: 80, targetPort: 8080 },
			{ name: 'http2-alt', port: 81, targetPort: 8080 },
			{ name: 'http-envoy-prom', port: 15_090 },
		];
		const listening = at(
			container(gateway(version, { gateways: { service: { ports } } })),
			'ports',
		) as readonly Fields[];
		t.deepEqual(
			listening.map(({ containerPort }) => containerPort),
			[15_020, 8080, 15_090],
		);
		t.is(new Set(listening.map(({ name }) => name)).size, listening.length);
	});

	test(`${version}: certificates are mounted when they are there`, (t) => {
		const pod = at(only(gateway(version, {}, 'egress'), 'Deployment'), 'spec', 'template', 'spec');
		t.deepEqual(
			(at(pod, 'volumes') as readonly Fields[]).map(({ secret }) => secret),
			['istio.istio-egressgateway-service-account', 'istio-egressgateway-certs', 'istio-egressgateway-ca-certs'].map(
				(secretName) => ({ optional: true, secretName }),
			),
		);
	});
}

test('under an autoscaler the gateway has a budget that leaves room for one pod to go', (t) => {
	const objects = gateway('1.4.10', { gateways: { autoscaling: { minReplicas: 2, maxReplicas: 5 } } });
	t.is(at(only(objects, 'HorizontalPodAutoscaler'), 'spec', 'scaleTargetRef', 'name'), 'istio-ingressgateway');
	t.is(at(only(objects, 'PodDisruptionBudget'), 'spec', 'minAvailable'), 1);
	t.is(at(only(objects, 'Deployment'), 'spec', 'replicas'), undefined);
});

test('labels of the user’s own are told to a Pilot that selects gateways by what they say', (t) => {
	const labels = (version: string) =>
		env(gateway(version, { gateways: { podLabels: { team: 'edge' } } })).ISTIO_METAJSON_LABELS;
	t.is(labels('1.3.8'), undefined);
	const deployment = only(gateway('1.4.10', { gateways: { podLabels: { team: 'edge' } } }), 'Deployment');
	t.deepEqual<unknown, unknown>(
		JSON.parse(String(labels('1.4.10'))),
		at(deployment, 'spec', 'template', 'metadata', 'labels'),
	);
});

test('other tracers are told in the words of the release', (t) => {
	const objects = (version: string, tracing: Fields) =>
		gateway(version, { mesh: { config: { defaultConfig: { tracing } } } });
	const lightstep = {
		lightstep: { address: 'ls:80', accessToken: 'token', secure: true, cacertPath: '/etc/ls/ca.pem' },
	};
	t.is(flag(objects('1.1.17', lightstep), 'lightstepAddress'), 'ls:80');
	t.is(flag(objects('1.4.10', lightstep), 'lightstepSecure'), 'true');
	t.is(flag(objects('1.2.10', { datadog: { address: '$(HOST_IP):8126' } }), 'datadogAgentAddress'), '$(HOST_IP):8126');
	t.like(env(objects('1.4.10', { stackdriver: { debug: true, maxNumberOfAnnotations: 9 } })), {
		STACKDRIVER_TRACING_ENABLED: 'true',
		STACKDRIVER_TRACING_DEBUG: 'true',
		STACKDRIVER_TRACING_MAX_NUMBER_OF_ANNOTATIONS: '9',
	});
});

test('services of Envoy are told by address or with all settings, as the release takes them', (t) => {
	const metrics = (version: string, defaultConfig: Fields) => gateway(version, { mesh: { config: { defaultConfig } } });
	t.is(flag(metrics('1.1.17', { envoyMetricsServiceAddress: 'm:1' }), 'envoyMetricsServiceAddress'), 'm:1');
	t.is(flag(metrics('1.3.8', { envoyMetricsService: { address: 'm:1' } }), 'envoyMetricsServiceAddress'), 'm:1');
	const settings = { address: 'm:1', tcpKeepalive: { probes: 3 } };
	t.deepEqual(
		JSON.parse(flag(metrics('1.4.10', { envoyMetricsService: settings }), 'envoyMetricsService') ?? ''),
		settings,
	);
	t.deepEqual(
		JSON.parse(flag(metrics('1.4.10', { envoyAccessLogService: settings }), 'envoyAccessLogService') ?? ''),
		settings,
	);
});

test('everything that is said of a Service is in it, and nothing else', (t) => {
	const spec = (service: Fields) =>
		at(only(gateway('1.4.10', { gateways: { service } }), 'Service'), 'spec') as Readonly<Record<string, unknown>>;
	t.deepEqual(Object.keys(spec({})), ['ports', 'selector', 'type']);
	const all = {
		type: 'LoadBalancer',
		externalTrafficPolicy: 'Local',
		loadBalancerSourceRanges: ['10.0.0.0/8'],
		ports: [{ name: 'http2', port: 80, nodePort: 30_080 }],
	};
	t.like(spec(all), { type: 'LoadBalancer', externalTrafficPolicy: 'Local', loadBalancerSourceRanges: ['10.0.0.0/8'] });
	t.like(at(spec(all), 'ports', 1), { nodePort: 30_080, port: 80, targetPort: 80 });
	const annotations = { 'example.com/lb': '' };
	t.deepEqual(
		only(gateway('1.4.10', { gateways: { service: { annotations } } }), 'Service').metadata.annotations,
		annotations,
	);
});
