/** The manifests on a real API server: it accepts them, and they give the operator the rights that it needs. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { type Cluster, startCluster } from '../e2e/control-plane/cluster.ts';
import { eventually } from '../e2e/support/eventually.ts';
import { untilGranted } from '../e2e/support/rights.ts';
import { manifests } from '../operator/cli/manifests.ts';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { loadKubeconfig } from '../operator/runtime/credentials/credentials.ts';
import { RequestError } from '../operator/runtime/errors.ts';
import { kindOf, kinds } from '../operator/runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { renderEverything } from './samples.ts';

let cluster: Cluster;
let admin: ApiServer;
/** A client with the operator's ServiceAccount, which has the rights of the manifests and no others. */
let operator: ApiServer;

const fieldManager = 'meshwright-test';

test.before(async () => {
	cluster = await startCluster({ name: 'manifests' });
	admin = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	for (const object of manifests()) {
		await admin.apply(object, { fieldManager, fieldValidation: 'Strict' });
	}
	const kubeconfig = await cluster.kubeconfigFor({ namespace: 'meshwright-system', name: 'meshwright' });
	operator = new ApiServer(await loadKubeconfig({ path: kubeconfig }));
	await untilGranted(operator, manifests());
});

test.after.always(async () => {
	await Promise.all([admin?.close(), operator?.close()]);
	await cluster?.stop();
});

function find(kind: string): KubeObject {
	const found = manifests().find((object) => object.kind === kind);
	if (found === undefined) {
		throw new Error(`no ${kind} in the manifests`);
	}
	return found;
}

interface Template {
	readonly metadata: { readonly labels: Readonly<Record<string, string>> };
	readonly spec: { readonly containers: readonly Readonly<Record<string, unknown>>[] };
}

function podOf(change: (container: Readonly<Record<string, unknown>>) => object): KubeObject {
	const { template } = find('Deployment').spec as { readonly template: Template };
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name: 'probe', namespace: 'meshwright-system', labels: template.metadata.labels },
		spec: { ...template.spec, containers: template.spec.containers.map(change) },
	};
}

test('a second apply changes nothing', async (t) => {
	for (const object of manifests()) {
		const first = await admin.apply(object, { fieldManager, fieldValidation: 'Strict' });
		const second = await admin.apply(object, { fieldManager, fieldValidation: 'Strict' });
		t.is(second.resourceVersion, first.resourceVersion, describeObject(object));
		t.deepEqual(second.warnings, [], describeObject(object));
	}
});

test('the operator’s pods keep the restricted Pod Security standard, which the namespace enforces', async (t) => {
	const allowed = await admin.create(
		podOf((container) => container),
		{ dryRun: true, fieldValidation: 'Strict' },
	);
	t.deepEqual(allowed.warnings, []);
	const error = await t.throwsAsync(
		admin.create(
			podOf(({ securityContext: _, ...container }) => container),
			{ dryRun: true },
		),
		{ instanceOf: RequestError },
	);
	t.regex(error?.message ?? '', /violates PodSecurity "restricted/);
});

test.serial('the operator’s account may apply and delete everything that is rendered for any release', async (t) => {
	const objects = new Map(renderEverything().map((object) => [objectKey(object), object]));
	const order = ['CustomResourceDefinition', 'Namespace'];
	const sorted = [...objects.values()].sort((a, b) => order.indexOf(b.kind) - order.indexOf(a.kind));
	for (const object of sorted.filter(({ kind }) => order.includes(kind))) {
		await operator.apply(object, { fieldManager, force: true, fieldValidation: 'Strict' });
	}
	const children = sorted.filter(({ kind }) => !order.includes(kind));
	// Kinds of definitions are served a moment after the definitions are stored.
	for (const kind of new Set(children.map(kindOf))) {
		await eventually(`${kind.plural} are served`, () => admin.listPage(kind, { limit: 1 }));
	}
	for (const object of children) {
		await operator.apply(object, { fieldManager, force: true, fieldValidation: 'Strict' });
	}
	for (const object of children) {
		await operator.delete({ ...object.metadata, apiVersion: object.apiVersion, kind: object.kind });
	}
	t.true(children.length > 0);
});

const forbidden: readonly (readonly [what: string, request: (api: ApiServer) => Promise<unknown>])[] = [
	['delete a namespace', (api) => api.delete({ ...kinds.Namespace, name: 'default' })],
	[
		'delete one of Istio’s CRDs',
		(api) => api.delete({ ...kinds.CustomResourceDefinition, name: 'gateways.networking.istio.io' }),
	],
	[
		'change a CRD that is not Istio’s',
		(api) =>
			api.patch(
				{ ...kinds.CustomResourceDefinition, name: 'meshinstallations.meshwright.io' },
				{ metadata: { labels: { x: 'y' } } },
				{ type: 'merge' },
			),
	],
	[
		'create a CRD that is not Istio’s',
		(api) =>
			api.apply({ ...find('CustomResourceDefinition'), metadata: { name: 'others.example.com' } }, { fieldManager }),
	],
	[
		'give more rights than it has',
		(api) =>
			api.apply(
				{
					apiVersion: 'rbac.authorization.k8s.io/v1',
					kind: 'ClusterRole',
					metadata: { name: 'too-much' },
					rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['delete'] }],
				},
				{ fieldManager },
			),
	],
	[
		'bind a role that holds more than it',
		(api) =>
			api.apply(
				{
					apiVersion: 'rbac.authorization.k8s.io/v1',
					kind: 'ClusterRoleBinding',
					metadata: { name: 'too-much' },
					roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
					subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
				},
				{ fieldManager },
			),
	],
	['delete a MeshInstallation', (api) => api.delete({ ...kinds.MeshInstallation, name: 'x' })],
	[
		'take the lease of somebody else',
		(api) => api.get({ ...kinds.Lease, namespace: 'kube-system', name: 'kube-scheduler' }),
	],
];

for (const [what, request] of forbidden) {
	test(`the operator’s account may not ${what}`, async (t) => {
		const error = await t.throwsAsync(request(operator), { instanceOf: RequestError });
		t.is((error as RequestError).status, 403, error?.message);
	});
}

test('the operator’s metrics are told to labelled namespaces alone, and its probes are open to no pod', (t) => {
	const { policyTypes, ingress } = find('NetworkPolicy').spec as Readonly<Record<string, unknown>>;
	t.deepEqual(policyTypes, ['Ingress', 'Egress']);
	t.deepEqual(ingress, [
		{
			from: [{ namespaceSelector: { matchLabels: { metrics: 'enabled' } } }],
			ports: [{ port: 'metrics', protocol: 'TCP' }],
		},
	]);
	const { template } = find('Deployment').spec as { readonly template: Template };
	const { ports, args, ...container } = template.spec.containers[0] ?? {};
	t.like(ports, [
		{ name: 'metrics', containerPort: 8080 },
		{ name: 'health', containerPort: 8081 },
		{ name: 'liveness', containerPort: 8082 },
	]);
	t.like(container, {
		startupProbe: { httpGet: { path: '/healthz', port: 'liveness' } },
		livenessProbe: { httpGet: { path: '/healthz', port: 'liveness' } },
		readinessProbe: { httpGet: { path: '/readyz', port: 'health' } },
	});
	t.true((args as readonly string[]).includes('--metrics-address=:8080'));
	t.true((args as readonly string[]).includes('--health-address=:8081'));
	t.true((args as readonly string[]).includes('--liveness-address=:8082'));
});

test('kustomize gives the same objects as the command line', async (t) => {
	let output: string;
	try {
		output = (await promisify(execFile)('kubectl', ['kustomize', import.meta.dirname], { maxBuffer: 2 ** 24 })).stdout;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
			throw error;
		}
		t.pass('kubectl is not installed here');
		return;
	}
	const byKey = (objects: readonly KubeObject[]): Map<string, KubeObject> =>
		new Map(objects.map((object) => [objectKey(object), object]));
	const built = byKey(parseAllDocuments(output).map((document) => document.toJS() as KubeObject));
	t.deepEqual(new Map([...built].sort()), new Map([...byKey(manifests())].sort()));
});

test('every file of the kustomization is installed by the command line too', async (t) => {
	const kustomization = parse(await readFile(new URL('kustomization.yaml', import.meta.url), 'utf8')) as {
		readonly resources: readonly string[];
	};
	const source = await readFile(new URL('../operator/cli/manifests.ts', import.meta.url), 'utf8');
	for (const file of kustomization.resources.filter((name) => name.endsWith('.yaml'))) {
		t.true(source.includes(`'../../deploy/${file}'`), file);
	}
});
