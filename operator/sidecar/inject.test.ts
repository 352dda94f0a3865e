import test from 'ava';
import { classicReleases, compareMinor } from '../releases/classic/index.ts';
import { at, meshOf } from '../render/testing.ts';
import { injectPod, sidecarTemplate, uninjectPod } from './index.ts';
import type { Pod } from './pod.ts';
import { after, annotatedShop, argsOf, envOf, only, shop } from './testing.ts';

for (const { version, minor } of classicReleases) {
	const since = (first: typeof minor) => compareMinor(minor, first) >= 0;
	const mesh = meshOf({ version });

	test(`${version}: no container says when it is restarted: an init container that does would never end`, (t) => {
		t.notRegex(sidecarTemplate(mesh), /restartPolicy/);
		t.is(only(injectPod(mesh, shop), 'istio-init').restartPolicy, undefined);
	});

	test(`${version}: nothing is privileged`, (t) => {
		const injection = injectPod(mesh, shop);
		for (const name of ['istio-init', 'istio-proxy']) {
			t.is(at(only(injection, name), 'securityContext', 'privileged'), false);
		}
		t.is(at(only(injection, 'istio-proxy'), 'securityContext', 'readOnlyRootFilesystem'), true);
		t.is(at(only(injection, 'istio-proxy'), 'securityContext', 'runAsUser'), 1337);
	});

	test(`${version}: settings of the proxy reach its arguments`, (t) => {
		const args = argsOf(
			injectPod(
				meshOf({
					version,
					namespace: 'mesh-1',
					mesh: { statsd: { address: 'statsd:8125' }, tracing: { enabled: true, zipkin: { address: 'zipkin:9411' } } },
					proxy: {
						concurrency: 3,
						adminPort: 15001,
						drainDuration: '90s',
						parentShutdownDuration: '1h',
						connectTimeout: '1500ms',
						serviceCluster: 'front',
					},
				}),
				{ ...shop, metadata: { name: 'shop' } },
			),
		);
		t.is(after(args, '--concurrency'), '3');
		t.is(after(args, '--proxyAdminPort'), '15001');
		t.is(after(args, '--drainDuration'), '1m30s');
		t.is(after(args, '--parentShutdownDuration'), '1h0m0s');
		t.is(after(args, '--connectTimeout'), '1.5s');
		t.is(after(args, '--statsdUdpAddress'), 'statsd:8125');
		t.is(after(args, '--zipkinAddress'), 'zipkin:9411');
		t.is(after(args, '--discoveryAddress'), `istio-pilot.mesh-1:${since('1.1') ? 15010 : 15007}`);
		t.is(after(args, '--serviceCluster'), since('1.1') ? 'front.$(POD_NAMESPACE)' : 'front');
	});

	test(`${version}: what only the mesh configuration says reaches the agent too`, (t) => {
		const defaultConfig = {
			customConfigFile: '/etc/own.json',
			proxyBootstrapTemplatePath: '/etc/own.tmpl',
			configPath: '/etc/elsewhere',
			discoveryAddress: 'pilot.example.org:15010',
			...(since('1.1') ? {} : { availabilityZone: 'zone-1' }),
		};
		const injection = injectPod(meshOf({ version, mesh: { config: { defaultConfig } } }), shop);
		t.is(after(argsOf(injection), '--customConfigFile'), '/etc/own.json');
		t.is(after(argsOf(injection), '--configPath'), '/etc/elsewhere');
		t.is(after(argsOf(injection), '--discoveryAddress'), 'pilot.example.org:15010');
		t.is(after(argsOf(injection), '--availabilityZone'), since('1.1') ? undefined : 'zone-1');
		t.is(envOf(injection).ISTIO_BOOTSTRAP, '/etc/own.tmpl');
	});

	test(`${version}: what is led through the proxy reaches istio-init, and a pod's annotations come first`, (t) => {
		const some = meshOf({
			version,
			proxy: { includeIPRanges: ['10.0.0.0/8', '172.16.0.0/12'], includeInboundPorts: [80, 443], uid: 99 },
		});
		const args = argsOf(injectPod(some, shop), 'istio-init');
		t.is(after(args, '-i'), '10.0.0.0/8,172.16.0.0/12');
		t.is(after(args, '-b'), '80,443');
		t.is(after(args, '-u'), '99');
		t.is(after(args, '-z'), since('1.3') ? '15006' : undefined);
		t.is(at(only(injectPod(some, shop), 'istio-proxy'), 'securityContext', 'runAsUser'), 99);

		const most = meshOf({ version, proxy: { excludeIPRanges: ['10.1.0.0/16'], excludeInboundPorts: [22, 8081] } });
		const excluded = argsOf(injectPod(most, shop), 'istio-init');
		t.is(after(excluded, '-x'), '10.1.0.0/16');
		t.is(after(excluded, '-d'), since('1.1') ? '22,8081,15020' : '22,8081');

		const asked = annotatedShop({
			'traffic.sidecar.istio.io/includeOutboundIPRanges': '192.168.0.0/16',
			'traffic.sidecar.istio.io/excludeOutboundIPRanges': '',
			'traffic.sidecar.istio.io/includeInboundPorts': '8080',
			'traffic.sidecar.istio.io/excludeInboundPorts': '7',
			'status.sidecar.istio.io/port': '7',
		});
		const own = argsOf(injectPod(most, asked), 'istio-init');
		t.deepEqual(
			['-i', '-x', '-b', '-d'].map((flag) => after(own, flag)),
			['192.168.0.0/16', '', '8080', '7'],
		);
	});

	test(`${version}: the agent says when the proxy is ready, from the port that release and pod say`, (t) => {
		const probe = only(injectPod(mesh, shop), 'istio-proxy').readinessProbe;
		t.is(at(probe, 'httpGet', 'port'), since('1.1') ? 15020 : undefined);
		const annotated = injectPod(
			mesh,
			annotatedShop({
				'status.sidecar.istio.io/port': '15999',
				'readiness.status.sidecar.istio.io/initialDelaySeconds': '7',
				'readiness.status.sidecar.istio.io/periodSeconds': '8',
				'readiness.status.sidecar.istio.io/failureThreshold': '9',
				'readiness.status.sidecar.istio.io/applicationPorts': '80, 81',
			}),
		);
		t.deepEqual(only(annotated, 'istio-proxy').readinessProbe, {
			httpGet: { path: '/healthz/ready', port: 15999 },
			initialDelaySeconds: 7,
			periodSeconds: 8,
			failureThreshold: 9,
		});
		t.is(after(argsOf(annotated), '--statusPort'), '15999');
		t.is(after(argsOf(annotated), '--applicationPorts'), '80, 81');
		t.is(after(argsOf(annotated, 'istio-init'), '-d'), '15999');
		const none = injectPod(mesh, annotatedShop({ 'status.sidecar.istio.io/port': '0' }));
		t.is(only(none, 'istio-proxy').readinessProbe, undefined);
		t.is(after(argsOf(none), '--statusPort'), undefined);
	});

	test(`${version}: a pod's own image, CPU and memory of the proxy come first`, (t) => {
		const injection = injectPod(
			mesh,
			annotatedShop({ 'sidecar.istio.io/proxyImage': 'own/proxy:2', 'sidecar.istio.io/proxyMemory': '1Gi' }),
		);
		t.is(only(injection, 'istio-proxy').image, 'own/proxy:2');
		t.deepEqual(only(injection, 'istio-proxy').resources, { requests: { memory: '1Gi' } });
	});

	test(`${version}: injecting twice is injecting once, and taking out gives back what was there`, (t) => {
		const pod: Pod = {
			metadata: { labels: { app: 'shop' }, annotations: { 'example.com/note': 'a <b> & "c"' } },
			spec: {
				serviceAccountName: 'shop',
				initContainers: [{ name: 'migrate', image: 'shop:1' }],
				containers: [{ name: 'shop', image: 'shop:1', ports: [{ name: 'http', containerPort: 8080 }] }],
				volumes: [{ name: 'data', emptyDir: {} }],
				imagePullSecrets: [{ name: 'regcred' }],
			},
		};
		const secured = meshOf({ version, images: { pullSecrets: [{ name: 'regcred' }, { name: 'mesh' }] } });
		const first = injectPod(secured, pod);
		if (first.kind !== 'injected') return t.fail(JSON.stringify(first));
		t.deepEqual(first.spec.imagePullSecrets, [{ name: 'regcred' }, { name: 'regcred' }, { name: 'mesh' }]);
		t.deepEqual(injectPod(secured, { metadata: first.metadata, spec: first.spec }), first);
		t.deepEqual(uninjectPod(first.metadata, first.spec), { kind: 'uninjected', ...pod });
		t.is(uninjectPod(pod.metadata, pod.spec).kind, 'skipped');
	});
}

test('an annotation that the injector would refuse refuses the pod, with its name', (t) => {
	const mesh = meshOf({ version: '1.4.10' });
	for (const [name, value] of [
		['sidecar.istio.io/interceptionMode', 'redirect'],
		['status.sidecar.istio.io/port', '65536'],
		['readiness.status.sidecar.istio.io/periodSeconds', ' 1'],
		['readiness.status.sidecar.istio.io/applicationPorts', '80,http'],
		['traffic.sidecar.istio.io/includeOutboundIPRanges', '10.0.0.0'],
		['traffic.sidecar.istio.io/excludeOutboundIPRanges', '*'],
		['traffic.sidecar.istio.io/includeInboundPorts', '-1'],
		['traffic.sidecar.istio.io/excludeInboundPorts', '*'],
		['traffic.sidecar.istio.io/excludeOutboundPorts', '*'],
		['sidecar.istio.io/proxyCPU', 'much'],
		['sidecar.istio.io/userVolume', 'no JSON'],
		['sidecar.istio.io/userVolumeMount', '{"data": "/data"}'],
	] as const) {
		const injection = injectPod(mesh, annotatedShop({ [name]: value }));
		t.is(injection.kind, 'refused', name);
		t.deepEqual(injection.kind === 'refused' ? injection.problems.map(({ path }) => path) : [], [
			`metadata.annotations[${name}]`,
		]);
	}
});

test('interception can be switched off for one pod since 1.1: it has no istio-init then', (t) => {
	const pod = annotatedShop({ 'sidecar.istio.io/interceptionMode': 'NONE' });
	t.is(injectPod(meshOf({ version: '1.0.9' }), pod).kind, 'refused');
	const injection = injectPod(meshOf({ version: '1.1.17' }), pod);
	t.is(injection.kind === 'injected' ? injection.spec.initContainers : 'none', undefined);
	t.is(envOf(injection).ISTIO_META_INTERCEPTION_MODE, 'NONE');
});

test('pods that get no proxy are left alone, with the reason', (t) => {
	const mesh = meshOf({
		version: '1.2.10',
		sidecarInjector: {
			enabled: true,
			policy: 'disabled',
			neverInject: [{ matchLabels: { tier: 'batch' } }],
			alwaysInject: [{ matchExpressions: [{ key: 'tier', operator: 'Exists' }] }],
		},
	});
	const kindOf = (labels: Readonly<Record<string, string>>, inject?: string, more: object = {}) =>
		injectPod(mesh, {
			metadata: { labels, ...(inject === undefined ? {} : { annotations: { 'sidecar.istio.io/inject': inject } }) },
			spec: { ...shop.spec, ...more },
		}).kind;
	t.is(kindOf({}), 'skipped');
	t.is(kindOf({ tier: 'front' }), 'injected');
	t.is(kindOf({ tier: 'batch' }), 'skipped');
	t.is(kindOf({ tier: 'batch' }, 'True'), 'injected');
	t.is(kindOf({ tier: 'front' }, 'no'), 'skipped');
	t.is(kindOf({ tier: 'front' }, 'yes', { hostNetwork: true }), 'skipped');
	t.is(
		injectPod(mesh, annotatedShop({ 'sidecar.istio.io/inject': 'on' }), { namespace: 'kube-system' }).kind,
		'skipped',
	);
});

test('the proxy says what it belongs to, and in the words of its release', (t) => {
	const pod: Pod = { metadata: {}, spec: shop.spec };
	const context = { ownerName: 'web', typeMeta: { apiVersion: 'apps/v1', kind: 'Deployment' } };
	const injection = injectPod(meshOf({ version: '1.4.10' }), pod, context);
	t.is(after(argsOf(injection), '--serviceCluster'), 'web.$(POD_NAMESPACE)');
	t.is(envOf(injection).ISTIO_META_WORKLOAD_NAME, 'web');
	t.is(envOf(injection).ISTIO_META_OWNER, 'kubernetes://apis/apps/v1/namespaces/$(POD_NAMESPACE)/deployments/web');
	t.is(after(argsOf(injectPod(meshOf({ version: '1.0.9' }), pod, context)), '--serviceCluster'), 'istio-proxy');
});

test('1.2 has a listener of its own for inbound traffic where all ports are captured', (t) => {
	const all = injectPod(meshOf({ version: '1.2.10' }), shop);
	t.deepEqual(only(all, 'istio-init').env, [{ name: 'INBOUND_CAPTURE_PORT', value: '15006' }]);
	t.is(envOf(all).ISTIO_META_INCLUDE_INBOUND_PORTS, '*');
	const transparent = injectPod(meshOf({ version: '1.2.10', proxy: { interceptionMode: 'TPROXY' } }), shop);
	t.is(only(transparent, 'istio-init').env, undefined);
	const one = injectPod(meshOf({ version: '1.2.10', proxy: { includeInboundPorts: [80] } }), shop);
	t.is(only(one, 'istio-init').env, undefined);
	t.is(envOf(one).ISTIO_META_INCLUDE_INBOUND_PORTS, '80');
});

test('without a number of threads, injectors since 1.1 count the CPUs that the proxy may use', (t) => {
	const threads = (version: string, resources: object) =>
		after(argsOf(injectPod(meshOf({ version, proxy: { concurrency: 0, resources } }), shop)), '--concurrency');
	t.is(threads('1.0.9', { limits: { cpu: 2 } }), undefined);
	t.is(threads('1.1.17', { limits: { cpu: '2001m' } }), '3');
	t.is(threads('1.4.10', { requests: { cpu: '100m' } }), '1');
	t.is(threads('1.4.10', { requests: { memory: '1Gi' } }), undefined);
});

test('the trust domain and mutual TLS reach the proxy', (t) => {
	const mesh = meshOf({ version: '1.4.10', mesh: { trustDomain: 'example.org', config: { enableAutoMtls: true } } });
	const injection = injectPod(mesh, { ...shop, spec: { ...shop.spec, serviceAccountName: 'till' } });
	t.true(argsOf(injection).includes('--trust-domain=example.org'));
	t.is(envOf(injection).ISTIO_META_MESH_ID, 'example.org');
	t.is(envOf(injection).ISTIO_AUTO_MTLS_ENABLED, 'true');
	t.like(injection, { metadata: { labels: { 'security.istio.io/tlsMode': 'istio' } } });
	t.is(at(injection, 'spec', 'volumes', 1, 'secret', 'secretName'), 'istio.till');
});

test('probes go to the agent where a pod asks for it, and come back when the proxy is taken out', (t) => {
	const pod: Pod = {
		metadata: { annotations: { 'sidecar.istio.io/rewriteAppHTTPProbers': 'true' } },
		spec: {
			containers: [
				{
					name: 'shop',
					ports: [{ name: 'http', containerPort: 8080 }],
					readinessProbe: { httpGet: { path: '/ready', port: 'http', scheme: 'HTTPS' }, periodSeconds: 3 },
					livenessProbe: { tcpSocket: { port: 8080 } },
				},
			],
		},
	};
	const injection = injectPod(meshOf({ version: '1.4.10' }), pod);
	t.deepEqual(only(injection, 'shop').readinessProbe, {
		httpGet: { path: '/app-health/shop/readyz', port: 15020, scheme: 'HTTP' },
		periodSeconds: 3,
	});
	t.is(
		envOf(injection).ISTIO_KUBE_APP_PROBERS,
		'{"/app-health/shop/readyz":{"path":"/ready","port":8080,"scheme":"HTTPS"}}',
	);
	if (injection.kind !== 'injected') return t.fail();
	const back = uninjectPod(injection.metadata, injection.spec);
	t.deepEqual(at(back, 'spec', 'containers', 0, 'readinessProbe'), {
		httpGet: { path: '/ready', port: 8080, scheme: 'HTTPS' },
		periodSeconds: 3,
	});
	t.deepEqual(at(back, 'spec', 'containers', 0, 'livenessProbe'), { tcpSocket: { port: 8080 } });
});

test('what somebody else has written where the agent reads about probes keeps no proxy from being taken out', (t) => {
	const metadata = { annotations: { 'sidecar.istio.io/status': '{"containers":["istio-proxy"]}' } };
	const app = { name: 'shop', readinessProbe: { httpGet: { path: '/ready', port: 8080 } } };
	for (const value of ['', 'x', '{', '[]', 'null', '{"/app-health/shop/livez":null}']) {
		const proxy = { name: 'istio-proxy', env: [{ name: 'ISTIO_KUBE_APP_PROBERS', value }] };
		t.deepEqual(at(uninjectPod(metadata, { containers: [app, proxy] }), 'spec', 'containers') as unknown, [app], value);
	}
});

for (const { version } of classicReleases) {
	test(`${version}: a pod fits into a quota for CPU and memory when the proxy has figures of its own`, (t) => {
		const own = { requests: { cpu: '10m', memory: '10Mi' }, limits: { cpu: '100m', memory: '100Mi' } };
		const injection = injectPod(meshOf({ version, proxy: { resources: own } }), shop);
		t.deepEqual(only(injection, 'istio-proxy').resources, own);
		const { requests, limits } = only(injection, 'istio-init').resources as {
			readonly requests: Readonly<Record<string, string>>;
			readonly limits: Readonly<Record<string, string>>;
		};
		t.is(requests.cpu, '10m');
		t.is(limits.cpu, '100m');
		// Without a request of memory the API server takes the limit for it.
		t.truthy(limits.memory);
	});

	test(`${version}: istio-init gets the figures of spec.proxy.initResources, and no others`, (t) => {
		for (const [initResources, wanted] of [
			[{ limits: { cpu: '0.2', memory: '64Mi' } }, { limits: { cpu: '200m', memory: '64Mi' } }],
			[{ requests: { cpu: 1 } }, { requests: { cpu: '1' } }],
			[{}, undefined],
		] as const) {
			const injection = injectPod(meshOf({ version, proxy: { initResources } }), shop);
			t.deepEqual(only(injection, 'istio-init').resources, wanted as unknown);
		}
	});
}

test('arguments are not changed', (t) => {
	const pod = Object.freeze({ metadata: Object.freeze({ ...shop.metadata }), spec: Object.freeze({ ...shop.spec }) });
	const before = structuredClone(pod);
	injectPod(meshOf({ version: '1.3.8' }), pod);
	t.deepEqual(pod, before);
});
