import test from 'ava';
import { parse } from 'yaml';
import { render } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { sidecarTemplate } from '../../sidecar/index.ts';
import { selects } from '../../sidecar/select.ts';
import { at, meshOf, only } from '../testing.ts';
import type { ClassicFacts } from './facts.ts';

function injectorOf(
	version: string,
	{ facts = {}, name = 'default', ...more }: { facts?: ClassicFacts; name?: string; [field: string]: unknown } = {},
): readonly KubeObject[] {
	return render(meshOf({ version, sidecarInjector: { enabled: true }, ...more }, name), facts);
}

function named(objects: readonly KubeObject[], kind: string, name = 'istio-sidecar-injector'): KubeObject {
	return only(
		objects.filter((object) => object.metadata.name === name),
		kind,
	);
}

function container(objects: readonly KubeObject[]): unknown {
	return at(named(objects, 'Deployment'), 'spec', 'template', 'spec', 'containers', 0);
}

for (const { version, minor } of classicReleases) {
	test(`${version}: the ConfigMap holds the template as it is evaluated, between the signs of the injector that runs`, (t) => {
		const mesh = meshOf({ version, sidecarInjector: { enabled: true, policy: 'disabled' } });
		const map = named(render(mesh), 'ConfigMap');
		const config: unknown = parse(String(at(map, 'data', 'config')), { version: '1.1' });
		t.is(at(config, 'policy'), 'disabled');
		const template = String(at(config, 'template'));
		t.is(template, sidecarTemplate(mesh));
		t.is(template.includes('[[ .ProxyConfig'), minor === '1.0');
		t.is(template.includes('{{ .ProxyConfig'), minor !== '1.0');
		t.is(at(map, 'data', 'values'), minor === '1.0' ? undefined : '{}');
	});

	test(`${version}: every file that the injector is told of is mounted, and its port is not one for root`, (t) => {
		const objects = injectorOf(version);
		const args = at(container(objects), 'args') as readonly string[];
		const mounts = (at(container(objects), 'volumeMounts') as readonly { readonly mountPath: string }[]).map(
			({ mountPath }) => mountPath,
		);
		for (const [, path = ''] of args.join('\n').matchAll(/=(\/etc\/\S+)/g)) {
			t.true(mounts.includes(path.slice(0, path.lastIndexOf('/'))), path);
		}
		t.true(args.includes('--port=9443'));
		t.is(args.includes('--reconcileWebhookConfig=false'), minor === '1.4');
		t.like(at(named(objects, 'Service'), 'spec', 'ports', 0), { port: 443, targetPort: 9443 });
	});

	test(`${version}: the injector can read its own webhook at most, and change nothing`, (t) => {
		const objects = injectorOf(version, { namespace: 'mesh-1' });
		const roles = objects.filter(({ kind, metadata }) => /Role$/.test(kind) && /injector/.test(metadata.name));
		const rules = roles.flatMap((role) => at(role, 'rules') as readonly Record<string, readonly string[]>[]);
		if (minor === '1.4') {
			t.deepEqual(roles, []);
			t.is(at(named(objects, 'Deployment'), 'spec', 'template', 'spec', 'automountServiceAccountToken'), false);
			return;
		}
		t.deepEqual(rules, [
			{
				apiGroups: ['admissionregistration.k8s.io'],
				resourceNames: ['istio-sidecar-injector-mesh-1'],
				resources: ['mutatingwebhookconfigurations'],
				verbs: minor === '1.0' ? ['get'] : ['get', 'list', 'watch'],
			},
		]);
		t.true(
			(at(container(objects), 'args') as readonly string[]).includes(
				'--webhookConfigName=istio-sidecar-injector-mesh-1',
			),
		);
	});
}

test('pods mount the ConfigMap of their version, and istioctl finds the same under the names of all versions, overlays included', (t) => {
	for (const { version } of classicReleases) {
		const overlay = (name: string, data: object) => ({ target: { kind: 'ConfigMap', name }, mergePatch: { data } });
		const mesh = meshOf({
			version,
			sidecarInjector: { enabled: true },
			overlays: [overlay('istio-sidecar-injector', { config: 'policy: disabled' }), overlay('istio', { mesh: '{}' })],
		});
		const limits = { overlays: 'unrestricted' } as const;
		for (const [objects, isChanged] of [
			[injectorOf(version), false],
			[render({ ...mesh, limits }), true],
		] as const) {
			const files = `istio-sidecar-injector-${version.replaceAll('.', '-')}`;
			const volumes = at(named(objects, 'Deployment'), 'spec', 'template', 'spec', 'volumes') as readonly unknown[];
			const mounted = volumes.flatMap((volume) => at(volume, 'configMap') ?? []);
			t.deepEqual([...new Set(mounted.map((one) => at(one, 'name')))], [files]);
			const data = at(named(objects, 'ConfigMap', files), 'data') as Readonly<Record<string, string>>;
			const { mesh: meshConfig, ...injection } = data;
			t.deepEqual(injection, at(named(objects, 'ConfigMap'), 'data') as typeof injection);
			t.is(meshConfig, String(at(named(objects, 'ConfigMap', 'istio'), 'data', 'mesh')));
			t.is(data.config === 'policy: disabled', isChanged);
			const keys = mounted.flatMap((one) => at(one, 'items') as readonly unknown[]).map((item) => at(item, 'key'));
			t.deepEqual(keys.toSorted(), Object.keys(data).toSorted());
		}
	}
});

test('1.1 runs the injector of 1.2, whatever the tag of the other images: its own ends at once', (t) => {
	t.is(at(container(injectorOf('1.1.17')), 'image'), 'docker.io/istio/sidecar_injector:1.2.10');
	const objects = injectorOf('1.1.17', { images: { tag: '1.1.17-own', registry: 'local' } });
	t.is(at(container(objects), 'image'), 'local/sidecar_injector:1.2.10');
	const digest = `sha256:${'a'.repeat(64)}`;
	t.is(
		at(container(injectorOf('1.1.17', { images: { digests: { sidecarInjector: digest } } })), 'image'),
		`docker.io/istio/sidecar_injector@${digest}`,
	);
});

test('the certificate comes from Citadel where it runs, else from the operator', (t) => {
	const facts = { injectorCertificate: { certChain: 'chain', key: 'key', roots: 'roots' } };
	const secretOf = (objects: readonly KubeObject[]) =>
		(at(named(objects, 'Deployment'), 'spec', 'template', 'spec', 'volumes') as readonly unknown[])
			.map((volume) => at(volume, 'secret', 'secretName'))
			.find((name) => name !== undefined);
	const own = injectorOf('1.4.10', { facts });
	t.is(secretOf(own), 'istio-sidecar-injector-certs');
	t.deepEqual(at(named(own, 'Secret', 'istio-sidecar-injector-certs'), 'data'), {
		'cert-chain.pem': 'Y2hhaW4=',
		'key.pem': 'a2V5',
		'root-cert.pem': 'cm9vdHM=',
	});
	const citadel = injectorOf('1.4.10', { facts, citadel: { enabled: true } });
	t.is(secretOf(citadel), 'istio.istio-sidecar-injector-service-account');
	t.false(citadel.some(({ kind }) => kind === 'Secret'));
});

function webhooks(objects: readonly KubeObject[]): readonly unknown[] {
	return at(only(objects, 'MutatingWebhookConfiguration'), 'webhooks') as readonly unknown[];
}

/** How many entries of the webhook match a namespace with these labels. */
function asks(objects: readonly KubeObject[], namespace: string, labels: Readonly<Record<string, string>>): number {
	const all = { ...labels, 'kubernetes.io/metadata.name': namespace };
	return webhooks(objects).filter((webhook) =>
		selects(at(webhook, 'namespaceSelector') as Readonly<Record<string, unknown>>, all),
	).length;
}

test('API servers ask about pods of namespaces with the label, and never about those of the cluster or of the mesh', (t) => {
	const objects = injectorOf('1.2.10', { namespace: 'mesh-1' });
	const enabled = { 'istio-injection': 'enabled' };
	t.is(asks(objects, 'shop', enabled), 1);
	t.is(asks(objects, 'shop', {}), 0);
	t.is(asks(objects, 'shop', { 'istio-injection': 'disabled' }), 0);
	for (const namespace of ['kube-system', 'kube-public', 'kube-node-lease', 'mesh-1']) {
		t.is(asks(objects, namespace, enabled), 0, namespace);
		t.is(asks(objects, namespace, { ...enabled, 'meshwright.io/mesh': 'default' }), 0, namespace);
	}
	t.is(asks(objects, 'istio-system', enabled), 1);
});

test('of two meshes each is asked about namespaces that name it', (t) => {
	const one = injectorOf('1.4.10', { name: 'one', namespace: 'mesh-1' });
	const two = injectorOf('1.3.8', { name: 'two', namespace: 'mesh-2' });
	t.deepEqual(
		[one, two].map((mesh) => asks(mesh, 'shop', { 'istio-injection': 'enabled', 'meshwright.io/mesh': 'one' })),
		[1, 0],
	);
	t.not(
		only(one, 'MutatingWebhookConfiguration').metadata.name,
		only(two, 'MutatingWebhookConfiguration').metadata.name,
	);
});

test('nothing that the operator made is ever sent to the injector', (t) => {
	const objects = injectorOf('1.4.10');
	const labels = at(named(objects, 'Deployment'), 'spec', 'template', 'metadata', 'labels') as Record<string, string>;
	for (const webhook of webhooks(objects)) {
		const selector = at(webhook, 'objectSelector') as Readonly<Record<string, unknown>>;
		t.false(selects(selector, labels));
		t.true(selects(selector, { app: 'shop' }));
	}
});

test('the roots are written where they are known, and failurePolicy never: it belongs to its user', (t) => {
	for (const webhook of webhooks(injectorOf('1.4.10'))) {
		t.false(Object.hasOwn(at(webhook, 'clientConfig') as object, 'caBundle'));
		t.false(Object.hasOwn(webhook as object, 'failurePolicy'));
		t.deepEqual(at(webhook, 'admissionReviewVersions'), ['v1beta1']);
		t.is(at(webhook, 'sideEffects'), 'None');
	}
	for (const webhook of webhooks(injectorOf('1.4.10', { facts: { injectorRoots: 'roots' } }))) {
		t.is(at(webhook, 'clientConfig', 'caBundle'), 'cm9vdHM=');
	}
});

test('without the injector nothing of it is there', (t) => {
	const objects = render(meshOf({ version: '1.4.10' }), {
		injectorRoots: 'roots',
		injectorCertificate: { certChain: 'chain', key: 'key', roots: 'roots' },
	});
	t.false(objects.some(({ kind, metadata }) => /injector/.test(metadata.name) || /Webhook|Secret/.test(kind)));
});
