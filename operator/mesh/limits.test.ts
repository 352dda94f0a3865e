import test from 'ava';
import { reasons } from '../../api/v1/index.ts';
import { lines } from '../lines/index.ts';
import { classicReleases } from '../releases/classic/index.ts';
import { at, installation } from '../render/testing.ts';
import { type MeshLimits, prepare } from './prepare.ts';

type Spec = Readonly<Record<string, unknown>>;

/** What is refused, `path reason`. */
function refused(spec: Spec, limits: MeshLimits): readonly string[] {
	const prepared = prepare(installation({ version: '1.4.10', ...spec }), { lines, limits });
	return prepared.ok ? [] : prepared.problems.map(({ path, reason }) => `${path} ${reason}`);
}

function messages(spec: Spec, limits: MeshLimits): string {
	const prepared = prepare(installation({ version: '1.4.10', ...spec }), { lines, limits });
	return prepared.ok ? '' : prepared.problems.map(({ message, remedy }) => `${message} (${remedy})`).join('\n');
}

const operatorNamespace = 'meshwright-system';

test('no mesh is in the operator’s own namespace, nor in one of the cluster', (t) => {
	for (const namespace of [operatorNamespace, 'kube-system', 'kube-public', 'kube-node-lease']) {
		t.deepEqual(refused({ namespace }, { operatorNamespace }), ['spec.namespace Invalid']);
	}
	t.deepEqual(refused({ namespace: 'meshwright' }, { operatorNamespace }), []);
	t.deepEqual(refused({ namespace: 'meshwright' }, { operatorNamespace: 'meshwright' }), ['spec.namespace Invalid']);
	t.regex(messages({ namespace: operatorNamespace }, { operatorNamespace }), /the operator itself works/);
});

test('nothing is injected into the operator’s own namespace, whoever labels it', (t) => {
	const namespaces = ['shop', operatorNamespace];
	t.deepEqual(refused({ sidecarInjector: { enabled: true, namespaces } }, { operatorNamespace }), [
		'spec.sidecarInjector.namespaces[1] Invalid',
	]);
	for (const { version } of classicReleases) {
		const spec = installation({ version, profile: 'default' });
		const prepared = prepare(spec, { lines, limits: { operatorNamespace } });
		if (!prepared.ok) return t.fail(JSON.stringify(prepared.problems));
		const webhook = lines
			.render(prepared.mesh, lines.of(prepared.mesh).standIns)
			.find(({ kind }) => kind === 'MutatingWebhookConfiguration');
		for (const entry of [0, 1]) {
			t.deepEqual(at(webhook, 'webhooks', entry, 'namespaceSelector', 'matchExpressions', 0), {
				key: 'kubernetes.io/metadata.name',
				operator: 'NotIn',
				values: ['istio-system', 'kube-node-lease', 'kube-public', 'kube-system', operatorNamespace],
			});
		}
	}
});

test('allowed namespaces hold the mesh and its injection', (t) => {
	const limits = { namespaces: ['istio-system', 'shop-*'] };
	t.deepEqual(refused({}, limits), []);
	t.deepEqual(refused({ namespace: 'payments' }, limits), ['spec.namespace NamespaceNotAllowed']);
	t.deepEqual(refused({ sidecarInjector: { enabled: true, namespaces: ['shop-a', 'shop'] } }, limits), [
		'spec.sidecarInjector.namespaces[1] NamespaceNotAllowed',
	]);
	t.regex(messages({ namespace: 'payments' }, limits), /--allowed-namespaces/);
});

const everything = { profile: 'production', gateways: { ingress: { enabled: true } } };

for (const { version } of classicReleases) {
	test(`${version}: every image, rendered or injected, comes from an allowed registry`, (t) => {
		const own = { ...everything, version };
		t.deepEqual(refused(own, { registries: ['docker.io/istio'] }), []);
		t.deepEqual(refused(own, { registries: ['registry.example.com', 'docker.io'] }), []);
		const elsewhere = refused(own, { registries: ['registry.example.com'] });
		t.true(elsewhere.length >= 5 && elsewhere.every((one) => one === 'spec.images ImageNotAllowed'));
		const evil = { ...own, images: { registry: 'docker.io/istio-evil' } };
		const told = messages(evil, { registries: ['docker.io/istio'] });
		for (const image of ['pilot', 'mixer', 'citadel', 'sidecar_injector', 'proxyv2']) {
			t.regex(told, new RegExp(`docker\\.io/istio-evil/${image}:`));
		}
		t.regex(told, /--allowed-registries/);
	});
}

test('without an injector its images are held too, for injection by hand', (t) => {
	t.regex(
		messages({ images: { registry: 'evil.example' } }, { registries: ['docker.io/istio'] }),
		/injected pods the image evil\.example\/proxyv2:1\.4\.10/,
	);
});

test('an overlay brings no image from elsewhere, and no text of which pods are made', (t) => {
	const target = { kind: 'Deployment', name: 'istio-pilot' };
	const path = '/spec/template/spec/containers/0/image';
	const overlay = (value: string) => ({ overlays: [{ target, patch: [{ op: 'replace', path, value }] }] });
	const limits = { registries: ['docker.io/istio'] };
	t.deepEqual(refused(overlay('docker.io/istio/pilot:1.4.9'), limits), []);
	t.deepEqual(refused(overlay('docker.io/istio/../evil/pilot'), limits), ['spec.overlays ImageNotAllowed']);
	t.deepEqual(refused(overlay('pilot'), limits), ['spec.overlays ImageNotAllowed']);
	const text = {
		profile: 'default',
		overlays: [
			{
				target: { kind: 'ConfigMap', name: 'istio-sidecar-injector' },
				patch: [{ op: 'replace', path: '/data/config', value: 'policy: enabled' }],
			},
		],
	};
	t.deepEqual(refused(text, { ...limits, overlays: 'unrestricted' }), ['spec.overlays ImageNotAllowed']);
	t.deepEqual(refused(text, { overlays: 'unrestricted' }), []);
	t.deepEqual(refused(text, {}), ['spec.overlays[0] OverlayNotAllowed']);
});

test('every reason of a refusal is in the table, as one of the condition Valid', (t) => {
	for (const reason of ['OverlayNotAllowed', 'ImageNotAllowed', 'NamespaceNotAllowed'] as const) {
		t.is(reasons[reason].condition, 'Valid');
	}
});
