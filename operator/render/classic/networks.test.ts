import test from 'ava';
import { parse } from 'yaml';
import { render } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { injectPod } from '../../sidecar/index.ts';
import { at, meshOf, only } from '../testing.ts';
import type { ClassicFacts } from './facts.ts';

type Fields = Readonly<Record<string, unknown>>;

const entry = (name: string, network: string) => ({
	name,
	network,
	kubeconfigSecret: { name, namespace: 'meshwright-system' },
});

function spec(version: string, more: Fields = {}): Fields {
	return { version, multiCluster: { network: 'here', clusters: [entry('far', 'there')] }, ...more };
}

function named(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
	return only(
		objects.filter(({ metadata }) => metadata.name === name),
		kind,
	);
}

function networks(version: string, facts: ClassicFacts = {}, more?: Fields): unknown {
	const text = at(named(render(meshOf(spec(version, more)), facts), 'ConfigMap', 'istio'), 'data', 'meshNetworks');
	return at(parse(String(text)), 'networks');
}

function annotationsOf(object: KubeObject): Fields {
	return at(object, 'spec', 'template', 'metadata', 'annotations') as Fields;
}

/** Names and values of the environment of the first container of a pod or Deployment. */
function environment(pod: unknown, container: number): Fields {
	const env = at(pod, 'containers', container, 'env') as readonly Fields[];
	return Object.fromEntries(env.map(({ name, value }) => [String(name), value]));
}

const withNetworks = classicReleases.filter(({ minor }) => minor !== '1.0');
const ingress = { gateways: { ingress: { enabled: true }, egress: { enabled: true } } };

for (const { version, minor, mesh: release } of withNetworks) {
	test(`${version}: meshNetworks says where each cluster is and how a network is entered`, (t) => {
		const registryServiceName = 'istio-ingressgateway.istio-system.svc.cluster.local';
		const byName = release.gatewaysByService ? { gateways: [{ registryServiceName, port: 15443 }] } : {};
		t.deepEqual(networks(version, {}, ingress), {
			here: { endpoints: [{ fromRegistry: 'Kubernetes' }], ...byName },
			there: { endpoints: [{ fromRegistry: 'far' }], ...byName },
		});
	});

	test(`${version}: addresses that are known take the place of a Service`, (t) => {
		const known = [{ address: '192.0.2.7', port: 443 }];
		t.deepEqual(at(networks(version, { networkGateways: { there: known } }), 'there', 'gateways'), known);
		t.is(at(networks(version, { networkGateways: { elsewhere: known } }), 'elsewhere'), undefined);
		const clusters = [entry('constructor', 'constructor'), entry('far', 'there')];
		const all = networks(
			version,
			{ networkGateways: { there: known } },
			{ multiCluster: { network: 'here', clusters } },
		);
		t.deepEqual(at(all, 'constructor', 'endpoints'), [{ fromRegistry: 'constructor' }], 'whatever its name is');
	});

	test(`${version}: a gateway that may have no address is none where it would end Pilot`, (t) => {
		const host = [{ address: 'gateway.example.com', port: 443 }];
		t.deepEqual(
			at(networks(version, { networkGateways: { there: host } }), 'there', 'gateways'),
			minor === '1.1' ? undefined : host,
		);
	});

	test(`${version}: Pilot's pods follow where clusters are if it reads that once, and gateways never`, (t) => {
		const hash = (facts: ClassicFacts, more?: Fields) =>
			annotationsOf(named(render(meshOf(spec(version, more)), facts), 'Deployment', 'istio-pilot'))[
				'meshwright.io/networks-hash'
			];
		const more = {
			multiCluster: { network: 'here', clusters: [entry('far', 'there'), entry('farther', 'there')] },
		};
		if (release.followsNetworks) {
			t.deepEqual([hash({}), hash({}, more)], [undefined, undefined]);
			return;
		}
		t.truthy(hash({}));
		t.not(hash({}), hash({}, more));
		t.is(hash({ networkGateways: { there: [{ address: '192.0.2.7', port: 443 }] } }), hash({}));
		t.is(hash({}, { multiCluster: {} }), undefined, 'without networks');
	});

	test(`${version}: every proxy says in which network it is: sidecars by either way, and gateways`, (t) => {
		const mesh = meshOf(spec(version, { ...ingress, sidecarInjector: { enabled: true } }));
		const objects = render(mesh);
		const template = String(at(named(objects, 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config'));
		t.regex(template, /ISTIO_META_NETWORK\n +value: "?here"?\n/);
		const injected = injectPod(mesh, { metadata: {}, spec: { containers: [{ name: 'app' }] } });
		if (injected.kind !== 'injected') throw new Error(injected.kind);
		t.is(environment(injected.spec, 1).ISTIO_META_NETWORK, 'here');
		for (const name of ['istio-ingressgateway', 'istio-egressgateway']) {
			const gateway = environment(at(named(objects, 'Deployment', name), 'spec', 'template', 'spec'), 0);
			t.is(gateway.ISTIO_META_NETWORK, 'here');
			t.is(gateway.ISTIO_META_ROUTER_MODE, 'sni-dnat');
		}
	});

	test(`${version}: the gateway is opened to other networks once there is one, and where there is a gateway`, (t) => {
		const opened = (more: Fields) => render(meshOf(spec(version, more))).filter(({ kind }) => kind === 'Gateway');
		const [gateway] = opened(ingress);
		t.deepEqual(at(gateway, 'spec', 'servers', 0, 'tls'), { mode: 'AUTO_PASSTHROUGH' });
		t.is(at(gateway, 'spec', 'servers', 0, 'port', 'number'), 15443);
		t.deepEqual(opened({}), []);
		t.deepEqual(opened({ ...ingress, multiCluster: { network: 'here' } }), []);
	});
}

test('a network of digits, or one that YAML takes for something else, stays a text', (t) => {
	for (const network of ['123', 'true', 'null', '1e3']) {
		const mesh = meshOf({ version: '1.4.10', sidecarInjector: { enabled: true }, multiCluster: { network } });
		const template = String(at(named(render(mesh), 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config'));
		t.true(template.includes(`value: "${network}"`), network);
	}
});

for (const { version, mixer } of classicReleases) {
	test(`${version}: replaced Secrets of joined clusters replace just the pods of those that read them`, (t) => {
		const mesh = meshOf({
			version,
			profile: 'default',
			citadel: { enabled: true },
			gateways: { ingress: { enabled: true } },
		});
		const changed = (facts: ClassicFacts) =>
			render(mesh, facts)
				.filter(({ kind }) => kind === 'Deployment')
				.filter((object) => annotationsOf(object)['meshwright.io/remote-secrets-hash'] === 'replaced')
				.map(({ metadata }) => metadata.name);
		t.deepEqual(changed({ remoteSecrets: 'replaced' }), [
			'istio-pilot',
			...(mixer.config.kubernetesenv ? ['istio-policy', 'istio-telemetry'] : []),
		]);
		t.deepEqual(changed({}), []);
		t.false(JSON.stringify(render(mesh)).includes('remote-secrets-hash'));
	});
}
