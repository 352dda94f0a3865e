import test from 'ava';
import fc from 'fast-check';
import { lines } from '../lines/index.ts';
import { istiodMeshOf } from '../lines/istiod-testing.ts';
import { render, renderCrds } from '../lines/testing.ts';
import { classicReleases, crdsOf } from '../releases/classic/index.ts';
import { kindOf } from '../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { applySetId, applySetLabel } from './index.ts';
import { at, meshOf, only } from './testing.ts';

type Fields = Readonly<Record<string, unknown>>;

/** For each release, the forms of a mesh that differ most. */
const variants: readonly (readonly [title: string, spec: Fields])[] = classicReleases.flatMap(({ version, minor }) => [
	[`${version} minimal`, { version }],
	[`${version} autoscaled`, { version, namespace: 'mesh', pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 } } }],
	[
		`${version} with all settings`,
		{
			version,
			images: { pullSecrets: [{ name: 'regcred' }], registry: 'registry.local:5000/istio' },
			mesh: { tracing: { enabled: true, zipkin: { address: 'z:9411' } }, statsd: { address: 's:8125' } },
			proxy: { concurrency: 1, ...(minor === '1.0' ? { discoveryRefreshDelay: '2s' } : {}) },
			pilot: {
				replicas: 3,
				env: [{ name: 'GODEBUG', value: '' }, { name: 'EXTRA' }],
				tolerations: [],
				podLabels: { team: 'mesh' },
				affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] } },
			},
		},
	],
]);

for (const [title, spec] of variants) {
	const objects = render(meshOf(spec));

	test(`${title}: every Service port has a container port behind it`, (t) => {
		const service = only(objects, 'Service');
		const container = at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'containers', 0);
		const listening = (at(container, 'ports') as readonly Fields[]).map(({ containerPort }) => containerPort);
		for (const { name, port, targetPort } of at(service, 'spec', 'ports') as readonly Fields[]) {
			t.true(listening.includes(targetPort), `${String(name)} ${String(port)}`);
		}
		t.true(listening.includes(at(container, 'readinessProbe', 'httpGet', 'port')));
	});

	test(`${title}: every mounted ConfigMap and Secret is rendered or optional, and every mount has its volume`, (t) => {
		const pod = at(only(objects, 'Deployment'), 'spec', 'template', 'spec');
		const volumes = at(pod, 'volumes') as readonly Fields[];
		for (const volume of volumes) {
			const name = at(volume, 'configMap', 'name');
			const exists = objects.some((object) => object.kind === 'ConfigMap' && object.metadata.name === name);
			t.true(exists || at(volume, 'configMap', 'optional') === true, String(name));
			t.is(volume.secret, undefined);
		}
		for (const { name } of at(pod, 'containers', 0, 'volumeMounts') as readonly Fields[]) {
			t.true(volumes.some((volume) => volume.name === name));
		}
	});

	test(`${title}: every selector matches the pods`, (t) => {
		const deployment = only(objects, 'Deployment');
		const labels = at(deployment, 'spec', 'template', 'metadata', 'labels') as Fields;
		const selectors = objects.flatMap((object) => {
			const selector = at(object, 'spec', 'selector');
			return selector === undefined ? [] : [((at(selector, 'matchLabels') ?? selector) as Fields) ?? {}];
		});
		t.true(selectors.length >= 2);
		for (const selector of selectors) {
			t.like(labels, selector);
			t.true(Object.keys(selector).length > 0);
		}
		t.deepEqual(at(deployment, 'spec', 'selector'), { matchLabels: { istio: 'pilot' } }, 'selectors never change');
	});

	test(`${title}: roles, bindings and accounts refer to one another`, (t) => {
		const exists = (kind: unknown, name: unknown, namespace: unknown) =>
			objects.some(
				(object) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace,
			);
		for (const binding of objects.filter(({ kind }) => kind.endsWith('RoleBinding'))) {
			const { kind, name } = binding.roleRef as Fields;
			t.true(exists(kind, name, binding.metadata.namespace), objectKey(binding));
			for (const subject of binding.subjects as readonly Fields[]) {
				t.true(exists(subject.kind, subject.name, subject.namespace), objectKey(binding));
			}
		}
		const account = at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'serviceAccountName');
		t.true(exists('ServiceAccount', account, only(objects, 'Deployment').metadata.namespace));
	});

	test(`${title}: roles only read, and name every resource`, (t) => {
		for (const role of objects.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')) {
			for (const rule of role.rules as readonly Readonly<Record<string, readonly string[]>>[]) {
				t.false(Object.values(rule).flat().includes('*'));
				for (const verb of rule.verbs ?? []) {
					t.true(['get', 'list', 'watch'].includes(verb), `${objectKey(role)} ${verb}`);
				}
			}
		}
	});

	test(`${title}: Pilot may list and watch every type that it waits for, in a definition of its release`, (t) => {
		const mesh = meshOf(spec);
		const rules = only(objects, 'ClusterRole').rules as readonly Readonly<Record<string, readonly string[]>>[];
		const definitions = crdsOf(mesh.release).map(({ name }) => name);
		for (const type of mesh.release.pilot.configTypes) {
			const [plural = '', ...group] = type.split('.');
			const rule = rules.find(
				({ apiGroups, resources }) => apiGroups?.includes(group.join('.')) && resources?.includes(plural),
			);
			t.deepEqual(rule?.verbs, ['list', 'watch'], type);
			t.true(definitions.includes(type), type);
		}
	});

	test(`${title}: the number of pods has one owner, and a budget leaves room for one to go`, (t) => {
		const autoscaled = objects.some(({ kind }) => kind === 'HorizontalPodAutoscaler');
		const replicas = at(only(objects, 'Deployment'), 'spec', 'replicas');
		t.is(replicas === undefined, autoscaled);
		for (const budget of objects.filter(({ kind }) => kind === 'PodDisruptionBudget')) {
			t.is(at(budget, 'spec', 'minAvailable'), 1);
			t.is(at(budget, 'spec', 'unhealthyPodEvictionPolicy'), 'AlwaysAllow');
		}
	});

	test(`${title}: all that belongs to the mesh is in its set, what outlives it is in none`, (t) => {
		const mesh = meshOf(spec);
		for (const object of [...objects, ...renderCrds(mesh)]) {
			const labels = object.metadata.labels ?? {};
			t.is(labels['app.kubernetes.io/managed-by'], 'meshwright', objectKey(object));
			const shared = object.kind === 'Namespace' || object.kind === 'CustomResourceDefinition';
			t.is(labels[applySetLabel], shared ? undefined : applySetId(mesh.name), objectKey(object));
			t.is(labels['app.kubernetes.io/instance'], shared ? undefined : mesh.name, objectKey(object));
			t.is(kindOf(object).namespaced, object.metadata.namespace !== undefined, objectKey(object));
			t.is(object.metadata.ownerReferences, undefined);
		}
	});

	test(`${title}: nothing is empty, nothing can be changed, and objects are sorted`, (t) => {
		const all = [...objects, ...renderCrds(meshOf(spec))];
		for (const object of all) {
			checkTidy(object, objectKey(object));
		}
		const keys = objects.map(objectKey);
		t.deepEqual(keys, [...keys].sort());
		t.is(new Set(keys).size, keys.length);
		t.true(Object.isFrozen(objects));
		t.notThrows(() => structuredClone(all));
	});
}

function checkTidy(value: unknown, path: string): void {
	if (value === undefined || value === null || value === '') {
		// In a rule the core group is an empty text.
		if (!path.includes('.apiGroups.')) {
			throw new Error(`${path} is empty`);
		}
	}
	if (typeof value !== 'object' || value === null) {
		return;
	}
	// What a user writes in Kubernetes' own terms stays as it is: an empty selector there means all.
	const given = path.includes('.affinity.');
	if (!given && Object.keys(value).length === 0) {
		throw new Error(`${path} is empty`);
	}
	if (!Object.isFrozen(value)) {
		throw new Error(`${path} is not frozen`);
	}
	for (const [key, entry] of Object.entries(value)) {
		checkTidy(entry, `${path}.${key}`);
	}
}

test('equal installations render to equal objects, whatever the order of their fields', (t) => {
	const pilot = { replicas: 2, env: [{ name: 'A', value: '1' }], podLabels: { a: '1', b: '2' } };
	fc.assert(
		fc.property(
			fc.constantFrom(...classicReleases.map(({ version }) => version)),
			fc.shuffledSubarray(Object.entries(pilot), { minLength: 3 }),
			fc.shuffledSubarray(Object.entries(pilot.podLabels), { minLength: 2 }),
			(version, entries, podLabels) => {
				const shuffled = { ...Object.fromEntries(entries), podLabels: Object.fromEntries(podLabels) };
				const one = JSON.stringify(render(meshOf({ version, pilot })));
				const other = JSON.stringify(render(meshOf({ pilot: shuffled, version })));
				return one === other;
			},
		),
	);
	t.pass();
});

test('two meshes share no object but the definitions', (t) => {
	const keys = (name: string, namespace: string) =>
		render(meshOf({ version: '1.4.10', namespace, pilot: { replicas: 2 } }, name)).map(objectKey);
	const first = keys('a', 'mesh-a');
	t.deepEqual(
		keys('b', 'mesh-b').filter((key) => first.includes(key)),
		[],
	);
});

test('a change of the mesh configuration replaces the pods of 1.0 alone', (t) => {
	const template = (version: string, address: string) =>
		JSON.stringify(
			at(only(render(meshOf({ version, mesh: { statsd: { address } } })), 'Deployment'), 'spec', 'template'),
		);
	for (const { version, minor } of classicReleases) {
		t.is(template(version, 'a:1') !== template(version, 'b:1'), minor === '1.0', version);
	}
});

test('the pods’ labels do not change with the release', (t) => {
	const labels = (version: string) =>
		at(only(render(meshOf({ version })), 'Deployment'), 'spec', 'template', 'metadata', 'labels');
	for (const { version } of classicReleases) {
		t.deepEqual(labels(version), labels('1.4.10'));
	}
});

test('the id of the set is the one that kubectl computes', (t) => {
	// printf 'default..MeshInstallation.meshwright.io' | openssl sha256 -binary | base64 | tr +/ -_ | tr -d =
	t.is(applySetId('default'), 'applyset-y-SWKHf0TR097S1gT-ptZN9PQMDVmNcGFArLYNhhB38-v1');
});

test('an environment variable of the user takes the place of the release’s', (t) => {
	const env = (given: readonly Fields[]) =>
		at(
			only(render(meshOf({ version: '1.3.8', pilot: { env: given } })), 'Deployment'),
			...['spec', 'template', 'spec', 'containers', 0, 'env'],
		) as readonly Fields[];
	const own = env([]).map(({ name }) => name);
	const given = env([
		{ name: 'GODEBUG', value: 'gctrace=0' },
		{ name: 'MINE', value: '' },
	]);
	t.deepEqual(
		given.map(({ name }) => name),
		[...own, 'MINE'],
	);
	t.deepEqual(given[own.indexOf('GODEBUG')], { name: 'GODEBUG', value: 'gctrace=0' });
	t.deepEqual(given.at(-1), { name: 'MINE' }, 'an empty value is stored as none');
});

function podSpec(pilot: Fields): unknown {
	return at(only(render(meshOf({ version: '1.4.10', pilot })), 'Deployment'), 'spec', 'template', 'spec');
}

const onAmd64 = { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] };

test('pods go where the published images run, in every alternative that the user names', (t) => {
	const terms = (pilot: Fields) =>
		at(
			podSpec(pilot),
			...['affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms'],
		);
	const required = (...nodeSelectorTerms: readonly Fields[]) => ({
		affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
	});
	const zone = { key: 'topology.kubernetes.io/zone', operator: 'In', values: ['a'] };
	t.deepEqual(terms({}), [{ matchExpressions: [onAmd64] }]);
	t.deepEqual(terms(required({ matchExpressions: [zone] }, { matchFields: [zone] })), [
		{ matchExpressions: [zone, onAmd64] },
		{ matchExpressions: [onAmd64], matchFields: [zone] },
	]);
	const own = { key: 'kubernetes.io/arch', operator: 'In', values: ['arm64'] };
	t.deepEqual(terms(required({ matchExpressions: [own] })), [{ matchExpressions: [own] }]);
	t.is(terms({ nodeSelector: { 'kubernetes.io/arch': 'arm64' } }), undefined);
});

test('several pods go to different nodes and zones unless the user says how they spread', (t) => {
	const apart = (pilot: Fields) => at(podSpec(pilot), 'affinity', 'podAntiAffinity');
	const constraints = (pilot: Fields) => at(podSpec(pilot), 'topologySpreadConstraints');
	t.is(apart({}), undefined);
	const apartBy = (topologyKey: string, weight: number) => ({
		weight,
		podAffinityTerm: { topologyKey, labelSelector: { matchLabels: { istio: 'pilot' } } },
	});
	const everywhere = {
		preferredDuringSchedulingIgnoredDuringExecution: [
			apartBy('kubernetes.io/hostname', 100),
			apartBy('topology.kubernetes.io/zone', 50),
		],
	};
	t.deepEqual(apart({ replicas: 2 }), everywhere);
	t.deepEqual(apart({ autoscaling: { maxReplicas: 2 } }), everywhere);
	t.deepEqual(apart({ replicas: 2, nodeSelector: { 'kubernetes.io/arch': 'arm64' } }), everywhere);
	t.is(constraints({ replicas: 2 }), undefined);
	const podAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [] };
	t.like(at(podSpec({ replicas: 2, affinity: { podAffinity } }), 'affinity'), {
		podAffinity,
		podAntiAffinity: everywhere,
	});

	const own = { maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} };
	const spread = { replicas: 2, topologySpreadConstraints: [own] };
	t.deepEqual(constraints(spread), [own], 'an empty selector is kept: it means all');
	t.is(apart(spread), undefined);
	t.deepEqual(apart({ replicas: 2, affinity: { podAntiAffinity: {} } }), {});
});

test('the mesh configuration is read alike by old and new YAML parsers', (t) => {
	const data = only(render(meshOf({ version: '1.4.10' })), 'ConfigMap').data as Readonly<Record<string, string>>;
	t.regex(data.mesh ?? '', /^ingressControllerMode: "OFF"$/m, 'a bare OFF is false in YAML 1.1');
});

test('definitions carry the release that they came from', (t) => {
	for (const { version } of classicReleases) {
		for (const crd of renderCrds(meshOf({ version })) as readonly KubeObject[]) {
			t.deepEqual(crd.metadata.annotations, { 'meshwright.io/crd-version': version });
			t.is(at(crd, 'spec', 'versions', 0, 'subresources'), undefined);
		}
	}
});

test('meshes of a release share its definitions', (t) => {
	for (const { version, line } of lines.releases) {
		const resolve = line === 'classic' ? meshOf : istiodMeshOf;
		const [first, second] = ['first', 'second'].map((name) => lines.renderCrds(resolve({ version }, name)));
		t.is(first, second, version);
	}
});
