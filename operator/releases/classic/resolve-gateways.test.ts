import test from 'ava';
import { parseMeshInstallation } from '../../../api/v1/index.ts';
import { resolve } from '../../lines/testing.ts';
import type { ResolvedGateway } from '../gateways.ts';
import { classicReleases } from './releases.ts';

type Fields = Readonly<Record<string, unknown>>;

function resolveSpec(spec: Fields) {
	const parsed = parseMeshInstallation({
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default' },
		spec: { version: '1.4.10', ...spec },
	});
	if (!parsed.ok) {
		throw new Error(JSON.stringify(parsed.problems));
	}
	return resolve(parsed.installation);
}

function gatewaysOf(spec: Fields): readonly ResolvedGateway[] {
	const result = resolveSpec(spec);
	if (!result.ok) {
		throw new Error(JSON.stringify(result.problems));
	}
	return result.mesh.gateways;
}

function problems(spec: Fields): readonly string[] {
	const result = resolveSpec(spec);
	return result.ok ? [] : result.problems.map(({ path, reason }) => `${path} ${reason}`);
}

function ingress(service: Fields, more: Fields = {}): Fields {
	return { gateways: { ingress: { enabled: true, service, ...more } } };
}

/** Ports of the Service as `name port>target`. */
function portsOf(service: Fields): readonly string[] {
	return (gatewaysOf(ingress(service))[0]?.service.ports ?? []).map(
		({ name, port, targetPort }) => `${name} ${port}>${targetPort}`,
	);
}

const status = 'status-port 15020>15020';

test('no gateway runs unless it is asked for', (t) => {
	for (const gateways of [undefined, {}, { ingress: {}, egress: { enabled: false, replicas: 3 } }]) {
		t.deepEqual(gatewaysOf(gateways === undefined ? {} : { gateways }), []);
	}
});

test('a gateway in front of the mesh is public, one behind it is not', (t) => {
	const gateways = gatewaysOf({ gateways: { egress: { enabled: true }, ingress: { enabled: true } } });
	t.deepEqual(
		gateways.map(({ name, service }) => `${name} ${service.type}`),
		['istio-ingressgateway LoadBalancer', 'istio-egressgateway ClusterIP'],
	);
});

for (const { version, minor } of classicReleases) {
	test(`${version}: the ports are the charts’ that a Gateway object can open, after the status port`, (t) => {
		const [front, behind] = gatewaysOf({
			version,
			gateways: { ingress: { enabled: true }, egress: { enabled: true } },
		});
		const names = (gateway: ResolvedGateway | undefined) => gateway?.service.ports.map(({ name }) => name);
		const sni = minor === '1.0' ? [] : ['tls'];
		t.deepEqual(names(front), ['status-port', 'http2', 'https', 'tcp', ...sni]);
		t.deepEqual(names(behind), ['status-port', 'http2', 'https', ...sni]);
		t.true(front?.service.ports.every(({ nodePort }) => nodePort === undefined));
	});
}

test('the status port is added once, in the first place', (t) => {
	t.deepEqual(portsOf({ ports: [{ name: 'http', port: 80, targetPort: 8080 }] }), [status, 'http 80>8080']);
	t.deepEqual(portsOf({ ports: [] }), [status]);
});

test('whatever leads to the status port already is the status port', (t) => {
	t.deepEqual(portsOf({ ports: [{ name: 'health', port: 8020, targetPort: 15_020 }] }), ['health 8020>15020']);
	t.deepEqual(portsOf({ ports: [{ name: 'status-port', port: 15_020 }] }), [status]);
});

test('the status port clashes neither by name nor by number', (t) => {
	const path = 'spec.gateways.ingress.service.ports[0]';
	t.deepEqual(problems(ingress({ ports: [{ name: 'status-port', port: 80 }] })), [`${path}.name Invalid`]);
	t.deepEqual(problems(ingress({ ports: [{ name: 'http', port: 15_020, targetPort: 80 }] })), [`${path}.port Invalid`]);
});

test('a port on which no proxy of the release listens is refused', (t) => {
	for (const protocol of ['UDP', 'SCTP']) {
		t.deepEqual(problems(ingress({ ports: [{ name: 'dns', port: 53, protocol }] })), [
			'spec.gateways.ingress.service.ports[0].protocol FieldNotInRelease',
		]);
	}
	const path = 'spec.gateways.ingress.service.ports[0]';
	t.deepEqual(problems(ingress({ ports: [{ name: 'admin', port: 15_000 }] })), [`${path}.port Invalid`]);
	t.deepEqual(
		problems({ ...ingress({ ports: [{ name: 'admin', port: 80, targetPort: 9000 }] }), proxy: { adminPort: 9000 } }),
		[`${path}.targetPort Invalid`],
	);
});

test('the administration port of proxies and the status port of a gateway are two', (t) => {
	const proxy = { adminPort: 15_020 };
	t.deepEqual(problems({ proxy, gateways: { egress: { enabled: true } } }), ['spec.proxy.adminPort Invalid']);
	t.deepEqual(problems({ proxy, gateways: { egress: { enabled: false } } }), []);
});

test('what the mesh says can not be said again by arguments and variables', (t) => {
	const extraArgs = ['--discoveryAddress', 'other:15010', '--proxyLogLevel=debug', '--unheard-of'];
	const env = [
		{ name: 'POD_NAME', value: 'x' },
		{ name: 'ISTIO_METAJSON_LABELS', value: '{}' },
		{ name: 'ISTIO_META_ROUTER_MODE', value: 'standard' },
	];
	t.deepEqual(problems({ gateways: { egress: { enabled: true, extraArgs, env } } }), [
		'spec.gateways.egress.env[0].name Invalid',
		'spec.gateways.egress.env[1].name Invalid',
		'spec.gateways.egress.extraArgs[0] Invalid',
		'spec.gateways.egress.extraArgs[3] FieldNotInRelease',
	]);
	const proxyComponentLogLevel = {
		gateways: { ingress: { enabled: true, extraArgs: ['--proxyComponentLogLevel=a:b'] } },
	};
	t.deepEqual(problems({ version: '1.1.17', ...proxyComponentLogLevel }).length, 1);
	t.deepEqual(problems({ version: '1.2.10', ...proxyComponentLogLevel }), []);
});

test('mistakes in a gateway that is switched off are told before it is switched on', (t) => {
	const service = { ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] };
	t.is(problems({ gateways: { ingress: { enabled: false, service } } }).length, 1);
});

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

test('each image has a digest of its own, with and without the component', (t) => {
	const digests = {
		pilot: digest('a'),
		mixer: digest('b'),
		citadel: digest('c'),
		sidecarInjector: digest('d'),
		proxy: digest('e'),
		proxyInit: digest('f'),
	};
	const result = resolveSpec({
		version: '1.3.8',
		images: { registry: 'mirror.local:5000/istio', tag: 'own', digests },
	});
	t.like(result.ok ? result.mesh.images : undefined, {
		pilot: `mirror.local:5000/istio/pilot@${digest('a')}`,
		mixer: `mirror.local:5000/istio/mixer@${digest('b')}`,
		citadel: `mirror.local:5000/istio/citadel@${digest('c')}`,
		sidecarInjector: `mirror.local:5000/istio/sidecar_injector@${digest('d')}`,
		proxy: `mirror.local:5000/istio/proxyv2@${digest('e')}`,
		proxyInit: `mirror.local:5000/istio/proxy_init@${digest('f')}`,
	});
});

test('from 1.4 on the init container runs the image of the proxy, and a digest of its own is refused', (t) => {
	const result = resolveSpec({ images: { digests: { proxy: digest('e') } } });
	t.is(result.ok ? result.mesh.images.proxyInit : undefined, `docker.io/istio/proxyv2@${digest('e')}`);
	const path = 'spec.images.digests.proxyInit';
	for (const { version, minor } of classicReleases) {
		const found = problems({ version, images: { digests: { proxyInit: digest('f') } } });
		t.deepEqual(found, minor === '1.4' ? [`${path} FieldNotInRelease`] : [], version);
	}
});
