/** Shows on a real API server the facts that drift detection relies on, for every kind of an installation. */
import test from 'ava';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { eventually } from '../../e2e/support/eventually.ts';
import { ApiServer } from '../runtime/client/api-server.ts';
import { kinds, objectPath } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import { toChild } from './child.ts';
import { fingerprint } from './fingerprint.ts';
import { adoptAnnotation, fieldManager } from './identity.ts';
import { autoscaler, child, configMap, crd, deployment, labels } from './testing.ts';
import { orderedKinds } from './waves.ts';

let cluster: Cluster;
let api: ApiServer;

test.before(async () => {
	cluster = await startCluster();
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	for (const name of ['mesh', 'rewritten']) await applyAs(fieldManager, namespaceNamed(name));
	await applyAs(fieldManager, crd('widgets'));
	await applyEventually({ ...widget, metadata: { name: 'probe', namespace: 'mesh' } });
});

test.after.always(async () => {
	await api?.close();
	await cluster?.stop();
});

function namespaceNamed(name: string): KubeObject {
	return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team: 'mesh' } } };
}

const rbac = 'rbac.authorization.k8s.io/v1';
const admission = 'admissionregistration.k8s.io/v1';
const rules = [{ apiGroups: [''], resources: ['services', 'endpoints'], verbs: ['get', 'list', 'watch'] }];
const subjects = [{ kind: 'ServiceAccount', name: 'pilot', namespace: 'mesh' }];

function roleRef(kind: string) {
	return { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'pilot' };
}

function webhooks(name: string) {
	return [
		{
			name: `${name}.mesh.istio.io`,
			admissionReviewVersions: ['v1'],
			sideEffects: 'None',
			failurePolicy: 'Ignore',
			clientConfig: { service: { name: 'injector', namespace: 'mesh', path: '/inject', port: 443 } },
			rules: [{ apiGroups: ['test.istio.io'], apiVersions: ['v9'], operations: ['CREATE'], resources: ['none'] }],
		},
	];
}

function namespaced(apiVersion: string, kind: string, fields: Readonly<Record<string, unknown>>): KubeObject {
	return child({ apiVersion, kind, metadata: { name: 'pilot', namespace: 'mesh' }, ...fields });
}

function clusterScoped(apiVersion: string, kind: string, fields: Readonly<Record<string, unknown>>): KubeObject {
	return child({ apiVersion, kind, metadata: { name: 'pilot' }, ...fields });
}

const widget = namespaced('test.istio.io/v1alpha3', 'Kindwidgets', {
	spec: { hosts: ['a', 'b'], http: [{ route: [{ destination: { host: 'a' }, weight: 1.5 }] }], empty: '' },
});

interface Subject {
	/** What we apply. It contains fields that the server normalises: quantities, ports without a protocol. */
	readonly body: KubeObject;
	/** Changes a field of ours: JSON merge patch. */
	readonly change: Readonly<Record<string, unknown>>;
	/** Writes fields of others: JSON patch. */
	readonly foreign?: readonly unknown[];
	/**
	 * Set when the server stores a value of the body in another form, such as a list without keys whose entries get defaults,
	 * or a quantity. Then whoever applies the very same body takes the field over.
	 */
	readonly isStoredOtherwise?: boolean;
	/** The status that the kind's controller writes. */
	readonly status?: Readonly<Record<string, unknown>>;
}

const kindsUnderTest: readonly Subject[] = [
	{ body: namespaceNamed('pilot'), change: { metadata: { labels: { team: 'other' } } } },
	{
		body: namespaced('v1', 'ServiceAccount', { automountServiceAccountToken: false }),
		change: { automountServiceAccountToken: true },
		foreign: [
			{ op: 'add', path: '/imagePullSecrets', value: [{ name: 'platform' }] },
			{ op: 'add', path: '/secrets', value: [{ name: 'token' }] },
		],
	},
	{
		body: namespaced(rbac, 'Role', { rules }),
		change: { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] },
	},
	{ body: namespaced(rbac, 'RoleBinding', { roleRef: roleRef('Role'), subjects }), change: { subjects: [] } },
	{
		body: clusterScoped(rbac, 'ClusterRole', { rules }),
		change: { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] },
	},
	{
		body: clusterScoped(rbac, 'ClusterRoleBinding', { roleRef: roleRef('ClusterRole'), subjects }),
		change: { subjects: [] },
	},
	{
		body: configMap('pilot', { mesh: 'a: 1\n' }),
		change: { data: { mesh: 'a: 2\n' } },
		foreign: [{ op: 'add', path: '/data/others', value: 'x' }],
	},
	{
		body: namespaced('v1', 'Secret', { type: 'Opaque', stringData: undefined, data: { key: 'YQ==' } }),
		change: { data: { key: 'Yg==' } },
		foreign: [{ op: 'add', path: '/data/others', value: 'YQ==' }],
	},
	{
		body: namespaced('v1', 'Service', {
			spec: {
				type: 'LoadBalancer',
				selector: { app: 'pilot' },
				ports: [
					{ name: 'grpc-xds', port: 15010 },
					{ name: 'http', port: 8080 },
				],
			},
		}),
		change: { spec: { selector: { app: 'other' } } },
		foreign: [{ op: 'add', path: '/spec/sessionAffinity', value: 'ClientIP' }],
		status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
	},
	{
		body: namespaced('v1', 'Endpoints', {
			subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'grpc-xds', port: 15010 }] }],
		}),
		change: { subsets: [{ addresses: [{ ip: '192.0.2.2' }], ports: [{ name: 'grpc-xds', port: 15010 }] }] },
		isStoredOtherwise: true,
	},
	{
		body: namespaced('networking.k8s.io/v1', 'NetworkPolicy', {
			spec: {
				podSelector: { matchLabels: { app: 'pilot' } },
				policyTypes: ['Ingress'],
				ingress: [{ ports: [{ port: 15010 }] }],
			},
		}),
		isStoredOtherwise: true,
		change: { spec: { ingress: [{ ports: [{ port: 1 }] }] } },
	},
	{
		body: child({
			...deployment('pilot', { replicas: 2 }),
			spec: {
				replicas: 2,
				selector: { matchLabels: { app: 'pilot' } },
				template: {
					metadata: { labels: { app: 'pilot' } },
					spec: {
						containers: [
							{
								name: 'discovery',
								image: 'istio/pilot:1.4.10',
								args: ['discovery'],
								env: [{ name: 'A', value: '1' }],
								ports: [{ containerPort: 8080 }],
								resources: { requests: { cpu: '1000m', memory: '2048Mi' } },
							},
						],
					},
				},
			},
		}),
		isStoredOtherwise: true,
		change: { spec: { replicas: 3 } },
		foreign: [
			{ op: 'add', path: '/spec/template/spec/containers/0/env/-', value: { name: 'B', value: '2' } },
			{ op: 'add', path: '/spec/revisionHistoryLimit', value: 3 },
		],
		status: { replicas: 2, updatedReplicas: 2, observedGeneration: 1 },
	},
	{
		body: namespaced('apps/v1', 'DaemonSet', {
			spec: {
				selector: { matchLabels: { app: 'agent' } },
				updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
				template: {
					metadata: { labels: { app: 'agent' } },
					spec: {
						containers: [
							{
								name: 'install-cni',
								image: 'istio/install-cni:1.31.4',
								env: [{ name: 'A', value: '1' }],
								resources: { requests: { cpu: '1000m', memory: '2048Mi' } },
							},
						],
					},
				},
			},
		}),
		isStoredOtherwise: true,
		change: { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: 2 } } } },
		foreign: [
			{ op: 'add', path: '/spec/template/spec/containers/0/env/-', value: { name: 'B', value: '2' } },
			{ op: 'add', path: '/spec/revisionHistoryLimit', value: 3 },
		],
		status: { desiredNumberScheduled: 2, currentNumberScheduled: 2, numberMisscheduled: 0, numberReady: 1 },
	},
	{
		body: namespaced('v1', 'ResourceQuota', { spec: { hard: { pods: '10' } } }),
		change: { spec: { hard: { pods: '20' } } },
		foreign: [{ op: 'add', path: '/spec/hard/services', value: '5' }],
		status: { hard: { pods: '10' }, used: { pods: '0' } },
	},
	{
		body: autoscaler('pilot'),
		change: { spec: { maxReplicas: 9 } },
		foreign: [{ op: 'add', path: '/spec/behavior', value: { scaleDown: { stabilizationWindowSeconds: 60 } } }],
		status: { currentReplicas: 2, desiredReplicas: 2 },
	},
	{
		body: namespaced('policy/v1', 'PodDisruptionBudget', {
			spec: { minAvailable: 1, selector: { matchLabels: { app: 'pilot' } } },
		}),
		change: { spec: { minAvailable: 2 } },
		foreign: [{ op: 'add', path: '/spec/unhealthyPodEvictionPolicy', value: 'AlwaysAllow' }],
		status: { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 },
	},
	{
		body: crd('gadgets'),
		change: { metadata: { annotations: { 'meshwright.io/crd-version': '9.9.9' } } },
	},
	{
		body: clusterScoped(admission, 'MutatingWebhookConfiguration', { webhooks: webhooks('mutate') }),
		isStoredOtherwise: true,
		change: { webhooks: webhooks('other') },
		foreign: [
			// As Citadel and cert-manager's cainjector do.
			{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: 'LS0tLS1CRUdJTg==' },
		],
	},
	{
		body: clusterScoped(admission, 'ValidatingWebhookConfiguration', { webhooks: webhooks('validate') }),
		isStoredOtherwise: true,
		change: { webhooks: webhooks('other') },
		foreign: [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: 'LS0tLS1CRUdJTg==' }],
	},
	{
		body: widget,
		change: { spec: { hosts: ['c'] } },
		foreign: [{ op: 'add', path: '/spec/others', value: { a: 1 } }],
	},
];

function pathOf(object: KubeObject): string {
	if (object.kind !== widget.kind) return objectPath(object);
	return `/apis/${object.apiVersion}/namespaces/${object.metadata.namespace}/widgets/${object.metadata.name}`;
}

const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

async function applyAs(manager: string, object: KubeObject, accept?: string): Promise<KubeObject> {
	const { body } = await api.request<KubeObject>({
		method: 'PATCH',
		path: pathOf(object),
		query: { fieldManager: manager, force: true },
		contentType: 'application/apply-patch+yaml',
		accept,
		body: object,
	});
	return body;
}

/** Retries for a while, because a CRD is served only a moment after it is Established. */
async function applyEventually(object: KubeObject): Promise<void> {
	await eventually(`${object.kind} is served`, () => applyAs('probe', object));
}

async function patchAs(
	manager: string,
	object: KubeObject,
	body: unknown,
	type: 'json' | 'merge',
	subresource = '',
): Promise<KubeObject> {
	const response = await api.request<KubeObject>({
		method: 'PATCH',
		path: pathOf(object) + subresource,
		query: { fieldManager: manager },
		contentType: `application/${type}-patch+json`,
		body,
	});
	return response.body;
}

async function read(object: KubeObject, accept?: string): Promise<KubeObject> {
	return (await api.request<KubeObject>({ method: 'GET', path: pathOf(object), accept })).body;
}

/** Waits until nobody writes the new object any more. That happens to CRDs only, until they are Established. */
async function settled(object: KubeObject): Promise<KubeObject> {
	return eventually(`${object.kind} ${object.metadata.name} is no more written`, async () => {
		const current = await read(object);
		return object.kind !== 'CustomResourceDefinition' || toChild(current).crd?.established === true
			? current
			: undefined;
	});
}

test('every kind that is rendered is tried here', (t) => {
	const tried = kindsUnderTest.map(({ body }) => body.kind).filter((kind) => kind in kinds);
	t.deepEqual(tried.sort(), orderedKinds());
});

for (const { body, change, foreign = [], status, isStoredOtherwise = false } of kindsUnderTest) {
	test(`${body.kind}: our entry changes when our fields do, and never otherwise`, async (t) => {
		await applyAs(fieldManager, body);
		const first = await settled(body);
		const print = fingerprint(first.metadata);
		t.regex(print ?? '', /^.{22}$/);

		const again = await applyAs(fieldManager, body);
		t.is(again.metadata.resourceVersion, first.metadata.resourceVersion, 'the same again is no write');
		t.is(fingerprint(again.metadata), print);

		const header = await read(body, metadataOnly);
		t.is(header.kind, 'PartialObjectMetadata');
		t.is(fingerprint(header.metadata), print, 'metadata alone shows it');
		t.is(fingerprint((await applyAs(fieldManager, body, metadataOnly)).metadata), print);

		const annotated = await patchAs('kubectl', body, { metadata: { annotations: { note: 'x' } } }, 'merge');
		t.not(annotated.metadata.resourceVersion, again.metadata.resourceVersion);
		t.is(fingerprint(annotated.metadata), print, 'a foreign annotation');
		for (const operation of foreign) {
			const written = await patchAs('others', body, [operation], 'json');
			t.is(fingerprint(written.metadata), print, `a foreign field: ${JSON.stringify(operation)}`);
		}
		if (status !== undefined) {
			const written = await patchAs('controller', body, { status }, 'merge', '/status');
			t.is(fingerprint(written.metadata), print, 'a status');
		}
		const before = await read(body);
		const quiet = await applyAs(fieldManager, body);
		t.is(quiet.metadata.resourceVersion, before.metadata.resourceVersion, 'foreign fields give us nothing to write');

		const changed = await patchAs('kubectl-edit', body, change, 'merge');
		t.not(fingerprint(changed.metadata), print, 'one of our fields was changed');
		t.is(fingerprint((await read(body, metadataOnly)).metadata), fingerprint(changed.metadata));
		const restored = await applyAs(fieldManager, body);
		t.is(fingerprint(restored.metadata), print, 'and is ours again, bit for bit');
		if (foreign.length > 0 && !('webhooks' in change)) {
			for (const operation of foreign as readonly { readonly path: string }[]) {
				t.deepEqual(valueAt(restored, operation.path), valueAt(before, operation.path), `${operation.path} stays`);
			}
		}

		const [label] = Object.keys(body.metadata.labels ?? {});
		const unlabelled = await patchAs('kubectl-label', body, { metadata: { labels: { [label ?? '']: null } } }, 'merge');
		t.not(fingerprint(unlabelled.metadata), print, 'one of our labels was removed');
		t.is(fingerprint((await applyAs(fieldManager, body)).metadata), print);

		const { apiVersion, kind, metadata } = body;
		const theft = { apiVersion, kind, metadata: { ...metadata, labels: { [label ?? '']: 'taken' } } };
		const taken = await applyAs('thief', theft);
		t.not(fingerprint(taken.metadata), print, 'another manager took a field by force');
		t.is(fingerprint((await applyAs(fieldManager, body)).metadata), print);

		const shared = await applyAs('sharer', body);
		const isShared = fingerprint(shared.metadata) === print;
		t.is(isShared, !isStoredOtherwise, 'another manager applies the same values');
		t.is(fingerprint((await applyAs(fieldManager, body)).metadata), print);

		const stripped = await patchAs('restore', body, { metadata: { managedFields: [{}] } }, 'merge');
		t.is(fingerprint(stripped.metadata), undefined, 'managedFields were stripped');
		t.is(fingerprint((await applyAs(fieldManager, body)).metadata), print);
	});
}

function valueAt(object: unknown, pointer: string): unknown {
	return pointer
		.split('/')
		.slice(1)
		.reduce<unknown>((value, part) => {
			const key = part === '-' ? -1 : part;
			if (Array.isArray(value)) return value.at(Number(key));
			return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
		}, object);
}

test('imagePullSecrets of a ServiceAccount are one field: who owns them fights with whoever adds one', async (t) => {
	const account = namespaced('v1', 'ServiceAccount', { imagePullSecrets: [{ name: 'mine' }] });
	const body = { ...account, metadata: { ...account.metadata, name: 'with-secrets' } };
	const print = fingerprint((await applyAs(fieldManager, body)).metadata);
	const add = [{ op: 'add', path: '/imagePullSecrets/-', value: { name: 'platform' } }];
	t.not(fingerprint((await patchAs('platform', body, add, 'json')).metadata), print);
	const restored = await applyAs(fieldManager, body);
	t.deepEqual(restored.imagePullSecrets, [{ name: 'mine' }]);
});

test('where an admission policy rewrites what we apply, applying again is quiet and the fingerprint holds', async (t) => {
	const policy = {
		apiVersion: admission,
		kind: 'MutatingAdmissionPolicy',
		metadata: { name: 'rewrite.test.istio.io' },
		spec: {
			failurePolicy: 'Fail',
			reinvocationPolicy: 'Never',
			matchConstraints: {
				namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'rewritten' } },
				resourceRules: [
					{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] },
					{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
				],
			},
			mutations: [
				{
					patchType: 'ApplyConfiguration',
					applyConfiguration: {
						expression:
							'Object{metadata: Object.metadata{labels: {"policy": "applied", "app.kubernetes.io/component": "rewritten"}}}',
					},
				},
			],
		},
	};
	await cluster.request({ method: 'POST', path: `/apis/${admission}/mutatingadmissionpolicies`, body: policy });
	await cluster.request({
		method: 'POST',
		path: `/apis/${admission}/mutatingadmissionpolicybindings`,
		body: { metadata: { name: 'rewrite.test.istio.io' }, spec: { policyName: 'rewrite.test.istio.io' } },
	});
	const isRewritten = ({ metadata }: KubeObject) => metadata.labels?.['app.kubernetes.io/component'] === 'rewritten';
	let probes = 0;
	await eventually('the policy takes effect', async () => {
		const metadata = { name: `probe-${++probes}`, namespace: 'rewritten', labels };
		return isRewritten(await applyAs('probe', { ...configMap('probe'), metadata }));
	});

	for (const original of [configMap('pilot'), deployment('pilot', { replicas: 1 })]) {
		const body = { ...original, metadata: { ...original.metadata, namespace: 'rewritten' } };
		const first = await applyAs(fieldManager, body);
		t.true(isRewritten(first), body.kind);
		const print = fingerprint(first.metadata);
		const again = await applyAs(fieldManager, body);
		t.is(again.metadata.resourceVersion, first.metadata.resourceVersion, `${body.kind}: the same again is no write`);
		t.is(fingerprint(again.metadata), print);
		t.is(fingerprint((await read(body, metadataOnly)).metadata), print);

		const annotated = await patchAs(
			'kubectl',
			body,
			{ metadata: { annotations: { [adoptAnnotation]: 'x' } } },
			'merge',
		);
		t.is(fingerprint(annotated.metadata), print, `${body.kind}: a foreign write that the policy takes part in`);
		const changed = await patchAs(
			'kubectl',
			body,
			{ metadata: { labels: { 'app.kubernetes.io/instance': 'x' } } },
			'merge',
		);
		t.not(fingerprint(changed.metadata), print);
		t.is(fingerprint((await applyAs(fieldManager, body)).metadata), print);
	}
});
