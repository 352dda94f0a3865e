/**
 * Applies what is rendered to a real API server. It takes every field, stores it unchanged, and finds nothing to change the
 * second time.
 */
import { rootCertificates } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { Agent, request } from 'undici';
import { canonicalQuantity } from '../../api/v1/index.ts';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { eventually } from '../../e2e/support/eventually.ts';
import { lines } from '../lines/index.ts';
import { istiodMeshOf, renderIstiod } from '../lines/istiod-testing.ts';
import { render, renderCrds } from '../lines/testing.ts';
import { classicReleases, type ResolvedClassicMesh } from '../releases/classic/index.ts';
import { istiodReleases } from '../releases/istiod/index.ts';
import { objectPath } from '../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { type ClassicFacts, renderDataPlane, renderServedCluster } from './classic/index.ts';
import { renderIstiodDataPlane } from './istiod/index.ts';
import { at, meshOf } from './testing.ts';

let cluster: Cluster;
let agent: Agent;

test.before(async () => {
	cluster = await startCluster({ name: 'render' });
	agent = new Agent({ connect: { ca: cluster.ca } });
});

test.after.always(async () => {
	await agent?.close();
	await cluster?.stop();
});

/** The status of a CustomResourceDefinition. */
interface Definition {
	readonly group: string;
	readonly names: { readonly plural: string };
	readonly versions: readonly { readonly name: string; readonly served: boolean }[];
}

interface Applied {
	readonly object: KubeObject;
	/** Warnings of the API server: deprecated fields, names that are no host names, … */
	readonly warnings: readonly string[];
}

/** Server-side apply that refuses unknown and duplicate fields instead of dropping them. */
async function apply(object: KubeObject): Promise<Applied> {
	const { statusCode, headers, body } = await request(
		`${cluster.url}${objectPath(object)}?fieldManager=meshwright&fieldValidation=Strict&force=true`,
		{
			method: 'PATCH',
			dispatcher: agent,
			headers: { authorization: `Bearer ${cluster.adminToken}`, 'content-type': 'application/apply-patch+yaml' },
			body: JSON.stringify(object),
		},
	);
	const answer = await body.json();
	if (statusCode >= 300) {
		throw new Error(`${objectKey(object)}: ${statusCode} ${JSON.stringify(answer)}`);
	}
	return { object: answer as KubeObject, warnings: [headers.warning ?? []].flat() };
}

/**
 * A value that changes with an object's content. A definition's resourceVersion also follows the status, which the API
 * server itself writes.
 */
function content({ kind, metadata }: KubeObject): unknown {
	return kind === 'CustomResourceDefinition' ? metadata.generation : metadata.resourceVersion;
}

/** The paths at which `stored` differs from a field of `wanted`. Lists of objects are compared by position. */
function differences(wanted: unknown, stored: unknown, path: string): readonly string[] {
	if (typeof wanted !== 'object' || wanted === null) {
		return wanted === stored ? [] : [`${path}: ${JSON.stringify(wanted)} is stored as ${JSON.stringify(stored)}`];
	}
	const length =
		Array.isArray(wanted) && Array.isArray(stored) && wanted.length !== stored.length
			? [`${path}: ${wanted.length} entries are stored as ${stored.length}`]
			: [];
	return [
		...length,
		...Object.entries(wanted).flatMap(([key, entry]) => differences(entry, at(stored, key), `${path}.${key}`)),
	];
}

const affinity = {
	podAntiAffinity: {
		preferredDuringSchedulingIgnoredDuringExecution: [
			{ weight: 1, podAffinityTerm: { topologyKey: 'zone', labelSelector: {}, namespaceSelector: {} } },
		],
	},
};

/** A mesh with every field set. */
function everything(version: string, minor: string): Readonly<Record<string, unknown>> {
	return {
		version,
		namespace: `full-${minor.replace('.', '-')}`,
		images: { pullPolicy: 'Always', pullSecrets: [{ name: 'one' }, { name: 'two' }] },
		mesh: {
			tracing: { enabled: true, sampling: 0.5, zipkin: { address: 'zipkin:9411' } },
			statsd: { address: 'statsd:8125' },
			accessLog: { file: '/dev/stdout', ...(minor === '1.0' ? {} : { encoding: 'JSON' }) },
			config: { mixerCheckServer: 'istio-policy:15004' },
		},
		proxy: { concurrency: 0, connectTimeout: '1500ms' },
		pilot: {
			autoscaling: { minReplicas: 2, maxReplicas: 5 },
			disruptionBudget: { maxUnavailable: '50%' },
			resources: { requests: { cpu: '0.25', memory: '1024Mi' }, limits: { cpu: 2, memory: '1.5Gi' } },
			nodeSelector: { 'kubernetes.io/os': 'linux' },
			tolerations: [{ key: 'mesh', operator: 'Equal', value: 'yes', effect: 'NoExecute', tolerationSeconds: 30 }],
			affinity,
			topologySpreadConstraints: [
				{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
			],
			priorityClassName: 'system-cluster-critical',
			podAnnotations: { 'example.com/note': 'a: b' },
			podLabels: { team: 'mesh' },
			env: [
				{ name: 'EMPTY', value: '' },
				{ name: 'GODEBUG', value: 'gctrace=0' },
				{ name: 'FROM_SECRET', valueFrom: { secretKeyRef: { name: 'a', key: 'b', optional: true } } },
			],
			extraArgs: ['--resync=30s'],
		},
		gateways: {
			ingress: {
				enabled: true,
				autoscaling: { minReplicas: 2, maxReplicas: 5 },
				service: {
					annotations: { 'example.com/lb': 'public', 'example.com/empty': '' },
					externalTrafficPolicy: 'Local',
					loadBalancerSourceRanges: ['192.0.2.0/24'],
					ports: [
						{ name: 'http2', port: 80, targetPort: 8080 },
						{ name: 'http2-alt', port: 8080 },
						{ name: 'https', port: 443 },
					],
				},
			},
			egress: { enabled: true, replicas: 2, service: { type: 'NodePort' }, podLabels: { team: 'mesh' } },
		},
		overlays: [
			{
				target: { kind: 'Deployment', name: 'istio-egressgateway' },
				patch: [
					{ op: 'add', path: '/spec/template/spec/dnsConfig', value: { options: [{ name: 'ndots', value: '2' }] } },
					{ op: 'add', path: '/spec/template/spec/volumes/-', value: { name: 'cache', emptyDir: {} } },
					{ op: 'remove', path: '/spec/template/spec/containers/0/resources/limits' },
				],
			},
			{
				target: { kind: 'Service', name: 'istio-ingressgateway' },
				mergePatch: { metadata: { labels: { team: 'mesh' } }, spec: { sessionAffinity: 'ClientIP' } },
			},
		],
	};
}

/** Both services of Mixer with every backend. */
function withMixer(version: string, minor: string): Readonly<Record<string, unknown>> {
	const metrics = { requestcount: { nameTemplate: '{{.reporter}}.count' } };
	const templates = ['metric', 'logentry', 'checknothing', 'reportnothing'];
	return {
		version,
		namespace: `mixer-${minor.replace('.', '-')}`,
		mixer: {
			policy: { enabled: true, failOpen: true, replicas: 2 },
			telemetry: { enabled: true, autoscaling: { minReplicas: 2, maxReplicas: 5 } },
			adapters: [
				{ prometheus: { metricsExpiry: '1h' } },
				{ stdio: { json: false } },
				{ statsd: { address: 'statsd:8125', samplingRate: 0.5, metrics } },
				{ custom: { name: 'own', address: 'own:8080', templates, params: { nothing: {}, list: [] } } },
			],
		},
	};
}

/** The injector with every field set. */
function withInjector(version: string, minor: string): Readonly<Record<string, unknown>> {
	return {
		version,
		namespace: `injector-${minor.replace('.', '-')}`,
		sidecarInjector: {
			enabled: true,
			policy: 'disabled',
			namespaces: ['shop'],
			...(minor === '1.0' ? {} : { neverInject: [{ matchLabels: { job: 'batch' } }] }),
			autoscaling: { minReplicas: 2, maxReplicas: 3 },
			extraArgs: ['--log_as_json=true'],
		},
		proxy: { excludeIPRanges: ['10.0.0.0/8'], excludeInboundPorts: [22], uid: 4711 },
	};
}

/** What only a cluster knows. */
const facts: ClassicFacts = {
	// API servers accept nothing but certificates here.
	injectorRoots: rootCertificates.slice(0, 2).join('\n'),
	injectorCertificate: { certChain: 'chain', key: 'key', roots: 'roots' },
};

/** Citadel with a CA of the user's own, and mutual TLS everywhere. */
function withCitadel(version: string, minor: string): Readonly<Record<string, unknown>> {
	return {
		version,
		namespace: `citadel-${minor.replace('.', '-')}`,
		citadel: { enabled: true, caSecretName: 'cacerts', disruptionBudget: { maxUnavailable: 1 } },
		mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
	};
}

/** Joined clusters, one of them in another network where the release has networks. */
function withClusters(version: string, minor: string): Readonly<Record<string, unknown>> {
	const entry = (name: string) => ({ name, kubeconfigSecret: { name, namespace: 'meshwright-system' } });
	return {
		version,
		namespace: `clusters-${minor.replace('.', '-')}`,
		profile: 'default',
		citadel: { enabled: true, caSecretName: 'cacerts' },
		gateways: { ingress: { enabled: true } },
		multiCluster:
			minor === '1.0'
				? { clusters: [entry('near')] }
				: { network: '123', clusters: [entry('near'), { ...entry('far'), network: 'there' }] },
	};
}

/** What is made in a joined cluster whose names are as long as possible. */
function dataPlaneOf(mesh: ResolvedClassicMesh, minor: string): readonly KubeObject[] {
	return renderDataPlane(mesh, {
		cluster: 'far',
		...(minor === '1.0' ? {} : { network: 'there' }),
		readBy: 'p'.repeat(63),
		applySet: 'applyset-there',
		addresses: { pilot: ['192.0.2.1', '192.0.2.2'], policy: ['192.0.2.1'], telemetry: ['2001:db8::1'] },
		facts: { ...facts, caSecretHash: 'hash' },
	});
}

/** Kubernetes warns so since 1.33. No release of the classic line reads anything else. */
const endpointsWarning = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"';

/** Waits until the resources of a definition are served, which is a moment after it is established. */
async function served(crd: KubeObject): Promise<void> {
	const { group, names, versions } = crd.spec as Definition;
	await eventually(`${crd.metadata.name} is established`, async () => {
		const conditions = at(await cluster.request({ path: objectPath(crd) }), 'status', 'conditions');
		const isTrue = (type: string) =>
			Array.isArray(conditions) &&
			conditions.some((entry) => at(entry, 'type') === type && at(entry, 'status') === 'True');
		return isTrue('Established') && isTrue('NamesAccepted');
	});
	for (const { name } of versions.filter((version) => version.served))
		await eventually(`${crd.metadata.name} is served`, () =>
			cluster.request({ path: `/apis/${group}/${name}/${names.plural}?limit=1` }),
		);
}

/** All of it is stored as it is rendered, with no warning, and a second apply changes nothing. Definitions come first. */
async function storesUnchanged(
	t: ExecutionContext,
	crds: readonly KubeObject[],
	objects: readonly KubeObject[],
): Promise<void> {
	const check = async (object: KubeObject): Promise<void> => {
		const stored = await apply(object);
		t.deepEqual(stored.warnings, object.kind === 'Endpoints' ? [endpointsWarning] : [], objectKey(object));
		t.deepEqual(differences(object, stored.object, objectKey(object)), []);
		const again = await apply(object);
		t.is(content(again.object), content(stored.object), objectKey(object));
	};
	for (const crd of crds) await check(crd);
	for (const crd of crds) await served(crd);
	const isNamespace = ({ kind }: KubeObject) => kind === 'Namespace';
	for (const object of objects.toSorted((a, b) => Number(isNamespace(b)) - Number(isNamespace(a)))) await check(object);
}

for (const { version, minor } of classicReleases) {
	const suffix = minor.replace('.', '-');
	const clusters = meshOf(withClusters(version, minor), `clusters-${suffix}`);
	const dataPlane = meshOf({ ...withClusters(version, minor), namespace: `data-plane-${suffix}` }, `far-${suffix}`);
	const outside = meshOf(
		{ ...withMixer(version, minor), namespace: `outside-${suffix}`, pilot: { kubeconfigSecret: { name: 'served' } } },
		`outside-${suffix}`,
	);
	for (const [title, mesh, given] of [
		[
			'minimal',
			meshOf({ version, namespace: `minimal-${minor.replace('.', '-')}` }, `minimal-${minor.replace('.', '-')}`),
		],
		['with everything', meshOf(everything(version, minor), `full-${minor.replace('.', '-')}`)],
		['with Mixer', meshOf(withMixer(version, minor), `mixer-${minor.replace('.', '-')}`)],
		['with injection', meshOf(withInjector(version, minor), `injector-${minor.replace('.', '-')}`)],
		['with Citadel', meshOf(withCitadel(version, minor), `citadel-${minor.replace('.', '-')}`)],
		['with joined clusters', clusters],
		['in a joined cluster', dataPlane, dataPlaneOf(dataPlane, minor)],
		['of a Pilot outside', outside],
		['in the cluster that it serves', outside, renderServedCluster(outside)],
	] as const) {
		const objects = given ?? render(mesh, facts);
		test.serial(
			`${version} ${title}: the API server stores what is rendered, and a second apply changes nothing`,
			async (t) => {
				await storesUnchanged(t, renderCrds(mesh), objects);
			},
		);
	}
}

test.serial('definitions become established, and objects of theirs keep every field', async (t) => {
	const crds = renderCrds(meshOf({ version: '1.4.10' }));
	for (const crd of crds) {
		await apply(crd);
	}
	for (const crd of crds) {
		await t.notThrowsAsync(served(crd));
	}
	const spec = { hosts: ['shop'], http: [{ route: [{ destination: { host: 'shop', subset: 'v1' }, weight: 100 }] }] };
	const created = await cluster.request({
		method: 'POST',
		path: '/apis/networking.istio.io/v1alpha3/namespaces/default/virtualservices',
		body: { apiVersion: 'networking.istio.io/v1alpha3', kind: 'VirtualService', metadata: { name: 'shop' }, spec },
	});
	t.deepEqual(at(created, 'spec'), spec);
});

test.serial('amounts have the form in which the API server stores them', async (t) => {
	const store = async (amount: string) => {
		const stored = await cluster.request({
			method: 'POST',
			path: '/api/v1/namespaces/default/limitranges?dryRun=All',
			body: {
				apiVersion: 'v1',
				kind: 'LimitRange',
				metadata: { name: 'amount' },
				spec: { limits: [{ type: 'Container', max: { memory: amount } }] },
			},
		});
		return at(stored, 'spec', 'limits', 0, 'max', 'memory');
	};
	for (const amount of [
		'0.5',
		'1.5Gi',
		'2048Mi',
		'0.5Mi',
		'0.5Ki',
		'1.0005',
		'100n',
		'1000Ki',
		'3',
		'1.5e3',
		'10E',
		'1e4',
	]) {
		t.is(canonicalQuantity(amount), String(await store(amount)), amount);
	}
	for (const amount of ['1E6', '010m', '2e0']) {
		const canonical = canonicalQuantity(amount);
		t.is(canonical, String(await store(canonical)), `${amount}: our form stays`);
	}
});

/** Everything that a mesh of istiod can have, and names as long as possible. */
function everythingOfIstiod(version: string, namespace: string): Readonly<Record<string, unknown>> {
	const kubeconfigSecret = { name: 'far', namespace: 'meshwright-system' };
	const dataPlane = { controlPlaneAddresses: ['192.0.2.10', '2001:db8::10'] };
	return {
		version,
		namespace,
		profile: 'production',
		images: { registry: 'registry.example.com/istio', pullSecrets: [{ name: 'pull' }] },
		mesh: {
			mtls: { mode: 'STRICT' },
			tracing: { enabled: true, sampling: 5, zipkin: { address: 'zipkin.tracing:9411' } },
		},
		mixer: { adapters: [{ prometheus: {} }, { stdio: {} }, { statsd: { address: 'statsd.monitoring:8125' } }] },
		citadel: { enabled: true, caSecretName: 'cacerts', workloadCertTTL: '48h' },
		gateways: {
			ingress: { enabled: true },
			egress: { enabled: true, autoscaling: { minReplicas: 2, maxReplicas: 5 }, extraArgs: ['--proxyLogLevel=info'] },
		},
		upgrade: { tags: [{ name: 'prod' }] },
		multiCluster: {
			clusterName: 'near',
			network: 'near-network',
			clusters: [{ name: 'far', network: 'far-network', kubeconfigSecret, dataPlane }],
		},
	};
}

// These come last: definitions of newer releases never give way to those of older ones.
for (const [index, { version }] of istiodReleases.entries())
	test.serial(
		`${version} with everything, here and in a joined cluster: the API server stores what is rendered, and a second apply changes nothing`,
		async (t) => {
			const namespace = `istiod-${index}-${'n'.repeat(54)}`;
			const mesh = istiodMeshOf(everythingOfIstiod(version, namespace), `today-${index}`);
			// All releases have the same.
			const crds = index === 0 ? lines.renderCrds(mesh) : [];
			await storesUnchanged(t, crds, renderIstiod(mesh, { caSecretHash: 'hash' }));
			const there = renderIstiodDataPlane(mesh, {
				readBy: 'p'.repeat(63),
				applySet: 'applyset-there',
				cluster: 'far',
				network: 'far-network',
				addresses: ['192.0.2.10', '2001:db8::10'],
			});
			await storesUnchanged(t, [], there);
		},
	);
