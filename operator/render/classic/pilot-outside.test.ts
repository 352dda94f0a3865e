import test from 'ava';
import { render, renderCrds } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at, meshOf, only } from '../testing.ts';
import { renderServedCluster } from './index.ts';

type Fields = Readonly<Record<string, unknown>>;

function spec(version: string): Fields {
	return {
		version,
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'STRICT' } },
		mixer: { policy: { enabled: true }, telemetry: { enabled: true }, adapters: [{ prometheus: {} }] },
		pilot: { kubeconfigSecret: { name: 'served', key: 'eu' } },
	};
}

function pod(objects: readonly KubeObject[], name: string): unknown {
	const deployment = only(
		objects.filter(({ metadata }) => metadata.name === name),
		'Deployment',
	);
	return at(deployment, 'spec', 'template');
}

for (const { version, mixer } of classicReleases) {
	const mesh = meshOf(spec(version));
	const objects = render(mesh, { pilotKubeconfigHash: 'content' });

	test(`${version}: Pilot and both Mixers are given the kubeconfig, follow it, and have nothing of their own cluster`, (t) => {
		for (const [name, told] of [
			['istio-pilot', '--kubeconfig=/etc/istio/kubeconfig/config'],
			['istio-policy', '--configStoreURL=k8s:///etc/istio/kubeconfig/config'],
			['istio-telemetry', '--configStoreURL=k8s:///etc/istio/kubeconfig/config'],
		] as const) {
			const template = pod(objects, name);
			const args = at(template, 'spec', 'containers', 0, 'args') as readonly string[];
			t.true(args.includes(told), name);
			t.is(args.filter((arg) => arg.startsWith('--configStoreURL')).length, name === 'istio-pilot' ? 0 : 1);
			t.is(at(template, 'metadata', 'annotations', 'meshwright.io/kubeconfig-hash'), 'content');
			t.is(at(template, 'spec', 'automountServiceAccountToken'), false);
			const mounts = at(template, 'spec', 'containers', 0, 'volumeMounts') as readonly Fields[];
			t.true(mounts.some(({ mountPath }) => mountPath === '/etc/istio/kubeconfig'));
			const volumes = at(template, 'spec', 'volumes') as readonly Fields[];
			t.deepEqual(volumes.find((volume) => volume.name === 'kubeconfig')?.secret, {
				secretName: 'served',
				items: [{ key: 'eu', path: 'config' }],
			});
		}
		const env = at(pod(objects, 'istio-policy'), 'spec', 'containers', 0, 'env') as readonly Fields[];
		t.is(env.find(({ name }) => name === 'KUBECONFIG')?.value, '/etc/istio/kubeconfig/config');
		t.deepEqual(
			objects.filter(({ kind, metadata }) => kind.includes('Role') && /pilot|mixer/.test(metadata.name)),
			[],
		);
	});

	test(`${version}: Istio's own objects and definitions are made where they are read, with all rights of both`, (t) => {
		const isIstio = ({ apiVersion }: KubeObject) => apiVersion.includes('.istio.io/');
		t.deepEqual([objects.filter(isIstio), renderCrds(mesh)], [[], []]);

		const { pilot, ...here } = spec(version);
		t.truthy(pilot);
		const usual = render(meshOf(here));
		const served = renderServedCluster(mesh);
		t.deepEqual(
			served.filter(isIstio).map(({ kind, metadata, spec: content }) => [kind, metadata.name, content]),
			usual.filter(isIstio).map(({ kind, metadata, spec: content }) => [kind, metadata.name, content]),
		);
		t.is(served.filter(({ kind }) => kind === 'CustomResourceDefinition').length, renderCrds(meshOf(here)).length);
		const [account, ...others] = served.filter(({ kind }) => kind === 'ServiceAccount');
		t.deepEqual([account?.metadata.name, others.length], ['istio-pilot-service-account', 0]);
		for (const binding of served.filter(({ kind }) => kind.endsWith('RoleBinding'))) {
			t.deepEqual(binding.subjects, [
				{ kind: 'ServiceAccount', name: 'istio-pilot-service-account', namespace: 'istio-system' },
			]);
		}
		const roles = (all: readonly KubeObject[]) =>
			all
				.filter(({ kind, metadata }) => /^(Cluster)?Role$/.test(kind) && /pilot|mixer/.test(metadata.name))
				.map(({ kind, metadata, rules }) => [kind, metadata.name, rules]);
		t.deepEqual(roles(served), roles(usual));
		t.is(roles(served).length, mixer.namespaceReads.length === 0 ? 3 : 4);
		t.false(JSON.stringify(served).includes('applyset'));
	});
}
