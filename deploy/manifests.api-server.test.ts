/** The manifests on a real API server: it accepts them, and they give the operator the rights that it needs. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { defaultNamespace } from '../api/v1/constants.ts';
import { type Cluster, startCluster } from '../e2e/control-plane/cluster.ts';
import { eventually } from '../e2e/support/eventually.ts';
import { untilGranted } from '../e2e/support/rights.ts';
import { addedComponents } from '../operator/cli/install-parts.ts';
import { type ManifestOptions, manifests, meshNamespaces } from '../operator/cli/manifests.ts';
import { isAllowed } from '../operator/clusters/checks/permission-review.ts';
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

/**
 * All that Kustomize and `--with` add but restarts of workloads and istiod: who may change any Deployment can run a pod as any
 * account, as docs/security.md says. What is refused with these is refused without them.
 */
const components: ManifestOptions = {
	with: addedComponents.filter((name) => name !== 'restarts' && name !== 'istiod'),
};

test.before(async () => {
	cluster = await startCluster({ name: 'manifests' });
	admin = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	for (const object of [...meshNamespaces(), ...manifests(components)]) {
		await admin.apply(object, { fieldManager, fieldValidation: 'Strict' });
	}
	const kubeconfig = await cluster.kubeconfigFor({ namespace: 'meshwright-system', name: 'meshwright' });
	operator = new ApiServer(await loadKubeconfig({ path: kubeconfig }));
	await untilGranted(operator, manifests(components));
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

test('a new namespace of a mesh takes the pods of every release, and none that could take over a node; a restricted one all but gateways of the classic line', async (t) => {
	// No controller makes it here.
	const account = {
		apiVersion: 'v1',
		kind: 'ServiceAccount',
		metadata: { name: 'default', namespace: defaultNamespace },
	};
	await admin.apply(account, { fieldManager });
	const deployments = new Map(
		renderEverything()
			.filter(({ kind }) => kind === 'Deployment')
			.map((object) => [JSON.stringify((object.spec as { readonly template: Template }).template), object]),
	);
	const pods: KubeObject[] = [];
	for (const { spec, metadata } of deployments.values()) {
		const { template } = spec as { readonly template: Template };
		const {
			serviceAccountName: _,
			serviceAccount: __,
			...podSpec
		} = template.spec as Readonly<Record<string, unknown>>;
		const pod: KubeObject = {
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: { name: 'probe', namespace: defaultNamespace, labels: template.metadata.labels },
			spec: { ...podSpec, automountServiceAccountToken: false },
		};
		await t.notThrowsAsync(admin.create(pod, { dryRun: true }), metadata.name);
		pods.push(pod);
	}
	await admin.patch(
		{ ...kinds.Namespace, name: defaultNamespace },
		{ metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
		{ type: 'merge' },
	);
	for (const pod of pods) {
		const { labels = {} } = pod.metadata;
		const isGateway =
			/gateway$/.test(labels['app.kubernetes.io/component'] ?? '') && labels['istio.io/rev'] === undefined;
		const outcome = await admin.create(pod, { dryRun: true }).catch((error: unknown) => error);
		t.is(outcome instanceof RequestError, isGateway, JSON.stringify(labels));
	}
	await admin.patch(
		{ ...kinds.Namespace, name: defaultNamespace },
		{ metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } },
		{ type: 'merge' },
	);
	const privileged = podOf((container) => ({ ...container, securityContext: { privileged: true } }));
	const { serviceAccountName: _, ...privilegedSpec } = privileged.spec as Readonly<Record<string, unknown>>;
	const refused = {
		...privileged,
		metadata: { ...privileged.metadata, namespace: defaultNamespace },
		spec: { ...privilegedSpec, automountServiceAccountToken: false },
	};
	const error = await t.throwsAsync(admin.create(refused, { dryRun: true }), { instanceOf: RequestError });
	t.regex(error?.message ?? '', /violates PodSecurity "baseline/);
});

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

/** An account beside the operator's with the rights of all components but restarts. */
async function allRights(): Promise<ApiServer> {
	const account = { namespace: defaultNamespace, name: 'with-all-rights' };
	await admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account }, { fieldManager });
	const rights = manifests({ with: addedComponents.filter((name) => name !== 'restarts'), rightsOnly: true });
	const own = rights.map((object) =>
		object.kind.endsWith('Binding')
			? {
					...object,
					metadata: { ...object.metadata, name: `${object.metadata.name}-all` },
					subjects: [{ kind: 'ServiceAccount', ...account }],
				}
			: object,
	);
	for (const object of own) await admin.apply(object, { fieldManager });
	const api = new ApiServer(await loadKubeconfig({ path: await cluster.kubeconfigFor(account) }));
	await untilGranted(api, own);
	return api;
}

test.serial('the operator’s account may apply and delete everything that is rendered for any release', async (t) => {
	await using operator = await allRights();
	const objects = new Map(renderEverything().map((object) => [objectKey(object), object]));
	const shared = ['CustomResourceDefinition', 'Namespace'];
	for (const object of [...objects.values()].filter(({ kind }) => kind === 'CustomResourceDefinition')) {
		await operator.apply(object, { fieldManager, force: true, fieldValidation: 'Strict' });
	}
	const children = [...objects.values()].filter(({ kind }) => !shared.includes(kind));
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

function roleNamed(name: string): KubeObject {
	return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules: [] };
}

async function issueToken(api: ApiServer, namespace: string, name: string): Promise<unknown> {
	return api.request({
		method: 'POST',
		path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
		body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
	});
}

/** Rejects, as a refused request does, when the account may not use a verb that has no request of its own. */
async function assertReviewed(
	api: ApiServer,
	verb: string,
	resource: string,
	group = 'rbac.authorization.k8s.io',
): Promise<void> {
	if (await isAllowed(api, { verb, group, resource }, undefined)) return;
	throw new RequestError('not allowed', { status: 403, reason: 'Forbidden' });
}

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
	[
		'make a role more powerful that another namespace’s mesh has',
		(api) => api.apply(roleNamed('istio-pilot-team-a'), { fieldManager }),
	],
	[
		'change a role of Kubernetes’ own',
		(api) => api.apply(roleNamed('system:basic-user'), { fieldManager, force: true }),
	],
	[
		'take a binding of an administrator away',
		(api) => api.delete({ ...kinds.ClusterRoleBinding, name: 'cluster-admin' }),
	],
	['bind without holding, by the verb for it', (api) => assertReviewed(api, 'bind', 'clusterroles')],
	['escalate', (api) => assertReviewed(api, 'escalate', 'clusterroles')],
	['impersonate', (api) => assertReviewed(api, 'impersonate', 'users', '')],
	['read a Secret of another namespace', (api) => api.get({ ...kinds.Secret, namespace: 'kube-system', name: 'any' })],
	[
		'issue a token for an account of another namespace',
		(api) => issueToken(api, 'kube-system', 'clusterrole-aggregation-controller'),
	],
	[
		'run a pod in another namespace',
		(api) => {
			const { metadata, ...rest } = find('Deployment');
			return api.apply({ ...rest, metadata: { ...metadata, namespace: 'kube-system' } }, { fieldManager });
		},
	],
	[
		'run a pod in its own namespace, under its own account',
		(api) => api.apply(find('Deployment'), { fieldManager, force: true }),
	],
	[
		'give itself a role in another namespace',
		(api) =>
			api.apply(
				{
					apiVersion: 'rbac.authorization.k8s.io/v1',
					kind: 'RoleBinding',
					metadata: { name: 'too-much', namespace: 'kube-system' },
					roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'meshwright-citadel' },
					subjects: [{ kind: 'ServiceAccount', name: 'meshwright', namespace: 'meshwright-system' }],
				},
				{ fieldManager },
			),
	],
	[
		'write another webhook than that of its injector',
		(api) =>
			api.apply(
				{
					apiVersion: 'admissionregistration.k8s.io/v1',
					kind: 'MutatingWebhookConfiguration',
					metadata: { name: 'all-pods' },
					webhooks: [],
				},
				{ fieldManager },
			),
	],
	[
		'make a namespace',
		(api) => api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'new' } }, { fieldManager }),
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

/** What Kustomize builds from a folder. Undefined where kubectl is not installed. */
async function kustomize(folder: string): Promise<string | undefined> {
	try {
		return (await promisify(execFile)('kubectl', ['kustomize', folder], { maxBuffer: 2 ** 24 })).stdout;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
		return undefined;
	}
}

test('with components kustomize gives the same objects as the command line, which names them', async (t) => {
	const folder = await mkdtemp(join(tmpdir(), 'meshwright-components-'));
	t.teardown(() => rm(folder, { recursive: true }));
	const deploy = relative(folder, import.meta.dirname);
	const kustomization = {
		apiVersion: 'kustomize.config.k8s.io/v1beta1',
		kind: 'Kustomization',
		resources: [deploy],
		components: addedComponents.map((name) => `${deploy}/components/${name}`),
	};
	await writeFile(join(folder, 'kustomization.yaml'), stringify(kustomization));
	const output = await kustomize(folder);
	if (output === undefined) {
		t.pass('kubectl is not installed here');
		return;
	}
	const built = parseAllDocuments(output).map((document) => document.toJS() as KubeObject);
	t.deepEqual(built.map(objectKey).sort(), manifests({ with: addedComponents }).map(objectKey).sort());
});

test('kustomize gives the same objects as the command line', async (t) => {
	const output = await kustomize(import.meta.dirname);
	if (output === undefined) {
		t.pass('kubectl is not installed here');
		return;
	}
	const byKey = (objects: readonly KubeObject[]): Map<string, KubeObject> =>
		new Map(objects.map((object) => [objectKey(object), object]));
	const mesh = defaultNamespace;
	t.notRegex(output, new RegExp(`kind: Namespace\nmetadata:\n  name: ${mesh}`), 'deleting never takes a mesh along');
	const built = byKey(parseAllDocuments(output).map((document) => document.toJS() as KubeObject));
	t.deepEqual(new Map([...built].sort()), new Map([...byKey(manifests())].sort()));
});

test('every file of the kustomization is installed by the command line too', async (t) => {
	const kustomization = parse(await readFile(new URL('kustomization.yaml', import.meta.url), 'utf8')) as {
		readonly resources: readonly string[];
	};
	const source = await readFile(new URL('../operator/cli/manifests.ts', import.meta.url), 'utf8');
	const files = kustomization.resources.map((name) => (name === 'mesh' ? 'mesh/rbac.generated.yaml' : name));
	for (const file of files.filter((name) => name.endsWith('.yaml'))) {
		t.true(source.includes(`'../../deploy/${file}'`), file);
	}
});
