/** All that is rendered fits together: for every release, profile and set of options. */
import test from 'ava';
import { parseMeshInstallation } from '../../api/v1/index.ts';
import { render, renderCrds, resolve } from '../../operator/lines/testing.ts';
import { classicReleases, type ResolvedClassicMesh } from '../../operator/releases/classic/index.ts';
import { profiles } from '../../operator/releases/classic/profiles.ts';
import type { ClassicFacts } from '../../operator/render/classic/index.ts';
import { at, installation } from '../../operator/render/testing.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { inconsistencies } from './consistency.ts';

type Fields = Readonly<Record<string, unknown>>;

const several = { autoscaling: { minReplicas: 2, maxReplicas: 5 } };
const gateways = { ingress: { enabled: true, ...several }, egress: { enabled: true, replicas: 2 } };
const mixer = {
	policy: { enabled: true, ...several },
	telemetry: { enabled: true, replicas: 2 },
	adapters: [
		{ prometheus: {} },
		{ stdio: {} },
		{ statsd: { address: 'statsd.monitoring:8125' } },
		{ custom: { name: 'own', address: 'own.monitoring:8080', templates: ['metric', 'logentry'] } },
	],
};
const sidecarInjector = { enabled: true, replicas: 2, namespaces: ['shop'] };
const citadel = { enabled: true };

/** Settings that change which objects there are, or how they refer to each other; each on top of every profile. */
const options: Readonly<Record<string, Fields>> = {
	'as it is': {},
	'with gateways': { gateways },
	'with Mixer': { mixer },
	'without Citadel, with injection': { citadel: { enabled: false }, sidecarInjector },
	'with Citadel': { citadel },
	'with a CA of its owner': { citadel: { enabled: true, caSecretName: 'own-ca' } },
	'with mutual TLS everywhere': {
		citadel,
		gateways,
		mixer,
		sidecarInjector,
		mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
	},
	'with everything, of several pods': { pilot: several, citadel, gateways, mixer, sidecarInjector },
};

/** As long as names can get. */
const longest = { name: 'm'.repeat(63), namespace: 'n'.repeat(63) };

const facts: ClassicFacts = {
	injectorRoots: '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n',
	injectorCertificate: { certChain: 'chain', key: 'key', roots: 'roots' },
	caSecretHash: 'hash',
};

const madeByOthers = {
	'istio.istio-sidecar-injector-service-account': 'Citadel, for every account; the injector starts when it is there',
	'istio.istio-pilot-service-account': 'Citadel, for every account; Pilot with TLS starts when it is there',
	'own-ca': 'whoever owns the installation, as spec.citadel.caSecretName says',
};

/** The mesh, or why there can be none. */
function meshOf(
	spec: Fields,
	name = 'default',
): ResolvedClassicMesh | readonly { readonly path: string; readonly reason: string }[] {
	const parsed = parseMeshInstallation(installation(spec, name));
	const result = parsed.ok ? resolve(parsed.installation) : parsed;
	return result.ok ? result.mesh : result.problems;
}

function problemsOf(mesh: ResolvedClassicMesh): readonly string[] {
	return inconsistencies(render(mesh, facts), { definitions: renderCrds(mesh), madeByOthers });
}

for (const { version } of classicReleases) {
	for (const profile of Object.keys(profiles)) {
		for (const [title, option] of Object.entries(options)) {
			test(`${version} ${profile}, ${title}: everything that is referred to is there, and nothing else is meant`, (t) => {
				for (const [name, more] of [
					['default', {}],
					[longest.name, { namespace: longest.namespace }],
				] as const) {
					const mesh = meshOf({ version, profile, ...option, ...more }, name);
					if (!('line' in mesh)) {
						// What no mesh of this release can be is no gap here.
						t.true(mesh.length > 0 && mesh.every(({ reason }) => reason === 'FieldNotInRelease'), JSON.stringify(mesh));
						continue;
					}
					t.deepEqual(problemsOf(mesh), [], name);
				}
			});
		}
	}
}

test('all of these meshes can be, so that something is looked at', (t) => {
	for (const [title, option] of Object.entries(options)) {
		const possible = classicReleases.filter(({ version }) => 'line' in meshOf({ version, ...option }));
		t.is(possible.length, classicReleases.length, title);
	}
});

// The checker itself: each kind of mistake is found.

function rendered(): readonly KubeObject[] {
	const mesh = meshOf({
		version: '1.4.10',
		pilot: { autoscaling: { minReplicas: 2, maxReplicas: 3 } },
		citadel: { enabled: true },
		gateways: { ingress: { enabled: true, replicas: 2 } },
	});
	return 'line' in mesh ? structuredClone(render(mesh, facts)) : [];
}

const definitions = classicReleases.flatMap(({ version }) => {
	const mesh = meshOf({ version });
	return 'line' in mesh ? renderCrds(mesh) : [];
});

/** The problems after `key` was changed by `change`, which gets a copy to write into. */
function afterChange(key: string, change: (object: Record<string, never>) => void): readonly string[] {
	const objects = rendered();
	const object = objects.find((candidate) => objectKey(candidate) === key);
	if (object === undefined) {
		throw new Error(`${key} is not rendered: ${objects.map(objectKey).join(', ')}`);
	}
	change(object as unknown as Record<string, never>);
	return inconsistencies(objects, { definitions, madeByOthers });
}

function afterRemoval(key: string): readonly string[] {
	const objects = rendered();
	const left = objects.filter((object) => objectKey(object) !== key);
	if (left.length !== objects.length - 1) {
		throw new Error(`${key} is not rendered: ${objects.map(objectKey).join(', ')}`);
	}
	return inconsistencies(left, { definitions, madeByOthers });
}

/** Writes into a copy that the test owns. */
function put(object: unknown, path: readonly (string | number)[], value: unknown): void {
	const parent = at(object, ...path.slice(0, -1)) as Record<string | number, unknown>;
	const last = path.at(-1) ?? '';
	if (value === undefined) {
		delete parent[last];
	} else {
		parent[last] = value;
	}
}

const pilot = 'Deployment.apps istio-system/istio-pilot';
const gateway = 'Deployment.apps istio-system/istio-ingressgateway';
const pilotService = 'Service istio-system/istio-pilot';
const template = ['spec', 'template', 'spec'] as const;

const mistakes: readonly (readonly [
	title: string,
	key: string,
	path: readonly (string | number)[],
	value: unknown,
	found: RegExp,
])[] = [
	['a port where nothing listens', pilotService, ['spec', 'ports', 0, 'targetPort'], 9999, /leads to 9999/],
	['a named port that nobody has', pilotService, ['spec', 'ports', 0, 'targetPort'], 'web', /leads to web/],
	['a port of another protocol', pilotService, ['spec', 'ports', 0, 'protocol'], 'UDP', /no container listens/],
	['a Service that finds nobody', pilotService, ['spec', 'selector', 'istio'], 'pilots', /does not match its own pods/],
	['a Service that finds others', pilotService, ['spec', 'selector'], { 'app.kubernetes.io/part-of': 'istio' }, /too$/],
	['a Service that selects nothing', pilotService, ['spec', 'selector'], undefined, /does not match its own pods/],
	[
		'a Deployment that finds others',
		pilot,
		['spec', 'selector', 'matchLabels'],
		{ 'app.kubernetes.io/part-of': 'istio' },
		/too$/,
	],
	[
		'a budget for others',
		'PodDisruptionBudget.policy istio-system/istio-pilot',
		['spec', 'selector', 'matchLabels'],
		{ istio: 'ingressgateway' },
		/does not match its own pods/,
	],
	[
		'pods that keep apart from others',
		gateway,
		[
			...template,
			...['affinity', 'podAntiAffinity', 'preferredDuringSchedulingIgnoredDuringExecution', 1],
			...['podAffinityTerm', 'labelSelector', 'matchLabels'],
		],
		{ istio: 'pilot' },
		/keep apart from/,
	],
	[
		'a ConfigMap that nobody makes',
		pilot,
		[...template, 'volumes', 0, 'configMap', 'name'],
		'other',
		/ConfigMap other is not there/,
	],
	[
		'a key that a ConfigMap has not',
		pilot,
		[...template, 'volumes', 0, 'configMap', 'items'],
		[{ key: 'x', path: 'x' }],
		/has no key x/,
	],
	[
		'a Secret that must be there',
		gateway,
		[...template, 'volumes', 1, 'secret', 'optional'],
		false,
		/Secret istio-ingressgateway-certs/,
	],
	['a mount without volume', pilot, [...template, 'containers', 0, 'volumeMounts', 0, 'name'], 'x', /mounts x/],
	['a volume without mount', pilot, [...template, 'containers', 0, 'volumeMounts'], undefined, /nobody mounts/],
	['an account that nobody makes', pilot, [...template, 'serviceAccountName'], 'x', /ServiceAccount x is not there/],
	['no image', pilot, [...template, 'containers', 0, 'image'], undefined, /image of discovery is not set/],
	[
		'an image without tag',
		pilot,
		[...template, 'containers', 0, 'image'],
		'istio/pilot',
		/image of discovery is istio\/pilot/,
	],
	['a probe of nothing', pilot, [...template, 'containers', 0, 'readinessProbe', 'httpGet', 'port'], 1, /asks port 1/],
	[
		'two variables of one name',
		pilot,
		[...template, 'containers', 0, 'env', 1, 'name'],
		'POD_NAME',
		/two variables POD_NAME/,
	],
	[
		'a variable from nowhere',
		pilot,
		[...template, 'containers', 0, 'env', 0],
		{ name: 'POD_NAME', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } },
		/Secret x is not there/,
	],
	[
		'two ports of one number',
		gateway,
		[...template, 'containers', 0, 'ports', 1, 'containerPort'],
		15_020,
		/listen on 15020/,
	],
	[
		'a port name that is too long',
		gateway,
		[...template, 'containers', 0, 'ports', 1, 'name'],
		'x'.repeat(16),
		/port name x+ is not valid/,
	],
	[
		'an autoscaler for nobody',
		'HorizontalPodAutoscaler.autoscaling istio-system/istio-pilot',
		['spec', 'scaleTargetRef', 'name'],
		'x',
		/target Deployment x is not there/,
	],
	['no CPU request under an autoscaler', pilot, [...template, 'containers', 0, 'resources'], {}, /no CPU request/],
	['replicas under an autoscaler', pilot, ['spec', 'replicas'], 1, /number of pods of its own/],
	[
		'a role that is not there',
		'ClusterRoleBinding.rbac.authorization.k8s.io istio-pilot-istio-system',
		['roleRef', 'name'],
		'x',
		/role ClusterRole x is not there/,
	],
	[
		'a subject that is not there',
		'RoleBinding.rbac.authorization.k8s.io istio-system/istio-pilot',
		['subjects', 0, 'name'],
		'x',
		/subject ServiceAccount x is not there/,
	],
	[
		'a role that grants everything',
		'Role.rbac.authorization.k8s.io istio-system/istio-pilot',
		['rules', 0, 'verbs'],
		['*'],
		/grants everything/,
	],
	['a kind that nobody knows', pilotService, ['apiVersion'], 'v2', /not in the table of kinds/],
	['a namespace that is not there', pilotService, ['metadata', 'namespace'], 'x', /namespace x is not rendered/],
	['a name that is too long', pilotService, ['metadata', 'name'], 'x'.repeat(64), /name is too long/],
	['a label that is not valid', pilotService, ['metadata', 'labels', 'a b'], 'c', /label a b: c is not valid/],
	[
		'a label of the pods that is too long',
		pilot,
		['spec', 'template', 'metadata', 'labels', 'team'],
		'x'.repeat(64),
		/label team/,
	],
];

for (const [title, key, path, value, found] of mistakes) {
	test(`found: ${title}`, (t) => {
		const problems = afterChange(key, (object) => put(object, path, value));
		t.true(
			problems.some((problem) => found.test(problem)),
			JSON.stringify(problems),
		);
	});
}

test('found: what is missing, where others refer to it', (t) => {
	for (const [key, found] of [
		[
			'ServiceAccount istio-system/istio-pilot-service-account',
			/ServiceAccount istio-pilot-service-account is not there/,
		],
		['ConfigMap istio-system/istio', /ConfigMap istio is not there/],
		['ClusterRole.rbac.authorization.k8s.io istio-pilot-istio-system', /its role ClusterRole/],
		['ClusterRoleBinding.rbac.authorization.k8s.io istio-pilot-istio-system', /nobody is bound to it/],
		['Deployment.apps istio-system/istio-pilot', /does not match its own pods/],
		['Namespace istio-system', /namespace istio-system is not rendered/],
	] as const) {
		const problems = afterRemoval(key);
		t.true(
			problems.some((problem) => found.test(problem)),
			`${key}: ${JSON.stringify(problems)}`,
		);
	}
});

function withObject(object: KubeObject): readonly string[] {
	return inconsistencies([...rendered(), object], { definitions, madeByOthers });
}

test('found: a second object of the same kind and name', (t) => {
	const [first] = rendered();
	t.truthy(first);
	if (first !== undefined) {
		t.regex(withObject(first).join(), /another one of this kind and name/);
	}
});

test('found: webhooks that call nobody', (t) => {
	const webhook = (service: Fields): KubeObject => ({
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'MutatingWebhookConfiguration',
		metadata: { name: 'x' },
		webhooks: [{ clientConfig: { service: { namespace: 'istio-system', ...service } } }],
	});
	t.regex(withObject(webhook({ name: 'nobody' })).join(), /Service nobody is not there/);
	t.regex(withObject(webhook({ name: 'istio-pilot', port: 1 })).join(), /no port 1/);
	t.deepEqual(withObject(webhook({ name: 'istio-pilot', port: 8080 })), []);
});

test('found: a custom resource whose definition does not come with the mesh', (t) => {
	const object = (apiVersion: string): KubeObject => ({
		apiVersion,
		kind: 'MeshInstallation',
		metadata: { name: 'x' },
	});
	t.regex(withObject(object('meshwright.io/v1')).join(), /neither in the order of writing nor/);
});

test('what is rendered for these tests has no mistake but those that they make', (t) => {
	t.deepEqual(inconsistencies(rendered(), { definitions, madeByOthers }), []);
});
