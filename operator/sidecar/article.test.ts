/**
 * The sidecar of the article "What is Istio", argument by argument. The installation is 1.0.9 with the settings of the
 * article.
 */
import test from 'ava';
import { meshOf } from '../render/testing.ts';
import { injectPod } from './index.ts';
import { only, shop } from './testing.ts';

const article = meshOf({
	version: '1.0.9',
	mesh: {
		tracing: { enabled: false, zipkin: { address: 'tracing-collector.tracing:9411' } },
		config: { rdsRefreshDelay: '5s' },
	},
	proxy: {
		interceptionMode: 'REDIRECT',
		includeIPRanges: ['*'],
		includeInboundPorts: ['*'],
		discoveryRefreshDelay: '1s',
		connectTimeout: '10s',
		drainDuration: '45s',
		parentShutdownDuration: '1m0s',
		adminPort: 15000,
		uid: 1337,
		resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2048Mi' } },
	},
});

test("istio-init is the article's", (t) => {
	t.deepEqual(only(injectPod(article, shop), 'istio-init'), {
		name: 'istio-init',
		image: 'docker.io/istio/proxy_init:1.0.9',
		imagePullPolicy: 'IfNotPresent',
		args: ['-p', '15001', '-u', '1337', '-m', 'REDIRECT', '-i', '*', '-b', '*', '-d', '', '-x', ''],
		// The article has no figures for CPU, without which a quota refuses the pod.
		resources: { requests: { cpu: '10m' }, limits: { cpu: '100m', memory: '128Mi' } },
		securityContext: {
			capabilities: { add: ['NET_ADMIN'] },
			privileged: false,
			runAsNonRoot: false,
			runAsUser: 0,
		},
	});
});

test("istio-proxy is the article's", (t) => {
	const fromPod = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
	t.deepEqual(only(injectPod(article, shop), 'istio-proxy'), {
		name: 'istio-proxy',
		image: 'docker.io/istio/proxyv2:1.0.9',
		imagePullPolicy: 'IfNotPresent',
		args: [
			...['proxy', 'sidecar'],
			...['--configPath', '/etc/istio/proxy'],
			...['--binaryPath', '/usr/local/bin/envoy'],
			...['--serviceCluster', 'shop'],
			...['--drainDuration', '45s'],
			...['--parentShutdownDuration', '1m0s'],
			...['--discoveryAddress', 'istio-pilot.istio-system:15007'],
			...['--discoveryRefreshDelay', '1s'],
			...['--connectTimeout', '10s'],
			...['--proxyAdminPort', '15000'],
			...['--controlPlaneAuthPolicy', 'NONE'],
		],
		env: [
			fromPod('POD_NAME', 'metadata.name'),
			fromPod('POD_NAMESPACE', 'metadata.namespace'),
			fromPod('INSTANCE_IP', 'status.podIP'),
			fromPod('ISTIO_META_POD_NAME', 'metadata.name'),
			{ name: 'ISTIO_META_INTERCEPTION_MODE', value: 'REDIRECT' },
		],
		ports: [{ name: 'http-envoy-prom', containerPort: 15090, protocol: 'TCP' }],
		resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2Gi' } },
		securityContext: { privileged: false, readOnlyRootFilesystem: true, runAsUser: 1337 },
		volumeMounts: [
			{ name: 'istio-envoy', mountPath: '/etc/istio/proxy' },
			{ name: 'istio-certs', mountPath: '/etc/certs/', readOnly: true },
		],
	});
});

test('the volumes hold what the proxy writes, and a certificate if there is one', (t) => {
	const injection = injectPod(article, shop);
	t.deepEqual(injection.kind === 'injected' ? injection.spec.volumes : [], [
		{ name: 'istio-envoy', emptyDir: { medium: 'Memory' } },
		{ name: 'istio-certs', secret: { optional: true, secretName: 'istio.default' } },
	]);
});

test('with TPROXY the proxy is root with NET_ADMIN, and its group tells its traffic', (t) => {
	const mesh = meshOf({ version: '1.0.9', proxy: { interceptionMode: 'TPROXY', uid: 4711 } });
	const injection = injectPod(mesh, shop);
	const init = only(injection, 'istio-init').args as readonly string[];
	t.deepEqual(init.slice(2, 6), ['-u', '4711', '-m', 'TPROXY']);
	const proxy = only(injection, 'istio-proxy');
	t.deepEqual(proxy.securityContext, {
		capabilities: { add: ['NET_ADMIN'] },
		privileged: false,
		readOnlyRootFilesystem: true,
		runAsGroup: 4711,
		runAsNonRoot: false,
		runAsUser: 0,
	});
	t.deepEqual((proxy.env as readonly unknown[]).at(-1), { name: 'ISTIO_META_INTERCEPTION_MODE', value: 'TPROXY' });
});
