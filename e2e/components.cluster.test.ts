/**
 * Switches each component of a running mesh off and on again. Exactly its objects go and come, what others share with it
 * stays as it is, no unrelated pod is replaced, and objects of users stay theirs.
 */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { adoptAnnotation } from '../operator/apply/identity.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../operator/runtime/object.ts';
import { playCitadel } from './support/citadel.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	renderedChildren,
	type Spec,
	untilCondition,
	untilReady,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { startOperator } from './support/operator.ts';
import { isMatrixWhole, onDiagonal } from './support/whole-matrix.ts';
import { changesOf, describeWrite, mark, untilCalm } from './support/writes.ts';

let mesh: MeshCluster;
let stopOperator: () => Promise<void> = () => Promise.resolve();

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	// A component that proxies may still ask stays until they have learned that it goes.
	stopOperator = (await startOperator(mesh, { configFollowedAfterMs: 1_000 })).stop;
});
test.after.always(async () => {
	await stopOperator();
	await mesh?.stop();
});

const on = { enabled: true };
const off = { enabled: false };
const prometheus = { prometheus: {} };
const stdio = { stdio: {} };
const statsd = { statsd: { address: 'statsd.monitoring:8125' } };
const custom = {
	custom: { name: 'own', address: 'own.monitoring:8080', templates: ['metric', 'logentry'], params: { level: 1 } },
};
const mixer = { policy: on, telemetry: on, adapters: [prometheus, stdio, statsd, custom] };
const everything = { citadel: on, sidecarInjector: on, gateways: { ingress: on, egress: on }, mixer };

interface Switch {
	readonly title: string;
	/** The spec that replaces `everything`. */
	readonly without: Spec;
	/** An object that must be among those that go. */
	readonly goes: string;
	/** Objects of other components that are changed in place. */
	readonly changes?: readonly string[];
	/** Deployments of other components that get new pods, by the release. */
	readonly rolls?: Readonly<Record<string, readonly string[]>>;
}

/** The mesh configuration, and the injector's copy of it. */
const meshConfig = ['ConfigMap NAMESPACE/istio', 'ConfigMap NAMESPACE/istio-sidecar-injector-VERSION'];

const switches: readonly Switch[] = [
	{
		title: 'istio-policy',
		without: { mixer: { ...mixer, policy: off } },
		goes: 'Deployment.apps NAMESPACE/istio-policy',
		changes: meshConfig,
		// The only release that reads the mesh configuration just once.
		rolls: { '1.0.9': ['istio-pilot'] },
	},
	{
		title: 'istio-telemetry',
		without: { mixer: { policy: on, telemetry: off } },
		goes: 'Deployment.apps NAMESPACE/istio-telemetry',
		changes: meshConfig,
		// Their proxies reported to it.
		rolls: { '1.0.9': ['istio-pilot', 'istio-policy'], '1.4.10': ['istio-pilot', 'istio-policy'] },
	},
	{
		title: 'Mixer',
		without: { mixer: { policy: off, telemetry: off } },
		goes: 'ServiceAccount NAMESPACE/istio-mixer-service-account',
		changes: meshConfig,
		rolls: { '1.0.9': ['istio-pilot'], '1.4.10': ['istio-pilot'] },
	},
	{
		title: 'Citadel',
		without: { citadel: off },
		goes: 'MeshPolicy.authentication.istio.io default',
		changes: ['Service NAMESPACE/istio-pilot', 'MutatingWebhookConfiguration istio-sidecar-injector-NAMESPACE'],
		// Their certificates come from somewhere else, or from nowhere.
		rolls: {
			'1.0.9': ['istio-pilot', 'istio-sidecar-injector'],
			'1.4.10': ['istio-pilot', 'istio-sidecar-injector'],
		},
	},
	{
		title: 'the injector',
		without: { sidecarInjector: off },
		goes: 'MutatingWebhookConfiguration.admissionregistration.k8s.io istio-sidecar-injector-NAMESPACE',
	},
	{
		title: 'the ingress gateway',
		without: { gateways: { ingress: off, egress: on } },
		goes: 'Service NAMESPACE/istio-ingressgateway',
	},
	{
		title: 'the egress gateway',
		without: { gateways: { ingress: on, egress: off } },
		goes: 'Service NAMESPACE/istio-egressgateway',
	},
	{
		title: 'Prometheus as a backend',
		without: { mixer: { ...mixer, adapters: [stdio, statsd, custom] } },
		goes: 'rule.config.istio.io NAMESPACE/promhttp',
	},
	{
		title: 'stdio as a backend',
		without: { mixer: { ...mixer, adapters: [prometheus, statsd, custom] } },
		goes: 'rule.config.istio.io NAMESPACE/stdio',
	},
	{
		title: 'statsd as a backend',
		without: { mixer: { ...mixer, adapters: [prometheus, stdio, custom] } },
		goes: 'rule.config.istio.io NAMESPACE/meshwright-statsd-http',
	},
	{
		title: 'a backend of the user’s own',
		without: { mixer: { ...mixer, adapters: [prometheus, stdio, statsd] } },
		goes: 'handler.config.istio.io NAMESPACE/meshwright-grpc-own',
	},
];

/** The oldest and the newest. `npm test` switches each component in one of them. */
const versions = ['1.0.9', '1.4.10'];

/** Objects of users in the namespace of a mesh and outside, of the kinds of a mesh and of others. */
function usersObjects(namespace: string): readonly (KubeObject & { readonly path: string })[] {
	const inNamespace = (group: string, version: string, plural: string) =>
		`/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
	const theirs = (apiVersion: string, kind: string, name: string, path: string, spec: object) => ({
		apiVersion,
		kind,
		metadata: { name, ...(path.includes('/namespaces/') ? { namespace } : {}) },
		path,
		spec,
	});
	const config = (plural: string) => inNamespace('config.istio.io', 'v1alpha2', plural);
	const networking = (plural: string) => inNamespace('networking.istio.io', 'v1alpha3', plural);
	const authentication = 'authentication.istio.io/v1alpha1';
	return [
		theirs('config.istio.io/v1alpha2', 'rule', 'theirs', config('rules'), {
			match: 'true',
			actions: [{ handler: 'theirs.handler', instances: ['theirs.instance'] }],
		}),
		theirs('config.istio.io/v1alpha2', 'handler', 'theirs', config('handlers'), {
			adapter: 'theirs',
			connection: { address: 'theirs:1' },
		}),
		theirs('config.istio.io/v1alpha2', 'instance', 'theirs', config('instances'), {
			template: 'metric',
			params: { value: '1' },
		}),
		theirs('networking.istio.io/v1alpha3', 'Gateway', 'theirs', networking('gateways'), {
			selector: { istio: 'ingressgateway' },
			servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
		}),
		theirs('networking.istio.io/v1alpha3', 'DestinationRule', 'theirs', networking('destinationrules'), {
			host: 'theirs.example.com',
		}),
		theirs('networking.istio.io/v1alpha3', 'VirtualService', 'theirs', networking('virtualservices'), {
			hosts: ['theirs.example.com'],
			http: [{ route: [{ destination: { host: 'theirs' } }] }],
		}),
		theirs(authentication, 'Policy', 'default', inNamespace('authentication.istio.io', 'v1alpha1', 'policies'), {
			peers: [{ mtls: {} }],
		}),
		theirs(authentication, 'MeshPolicy', 'theirs', `/apis/${authentication}/meshpolicies`, { peers: [] }),
	];
}

async function identitiesOf(objects: readonly (KubeObject & { readonly path: string })[]): Promise<readonly string[]> {
	const found = objects.map(async ({ path, metadata: { name } }) => {
		const { metadata } = (await mesh.cluster.request({ path: `${path}/${name}` })) as KubeObject;
		return `${path}/${name} ${metadata.uid} ${metadata.resourceVersion}`;
	});
	return Promise.all(found);
}

interface Standing {
	readonly uid: string | undefined;
	readonly generation: number | undefined;
}

/** The existing objects of an installation, by key. */
async function standing(name: string): Promise<ReadonlyMap<string, Standing>> {
	const children = await liveChildren(mesh.api, name);
	return new Map(
		children.map((child) => [objectKey(child), { uid: child.metadata.uid, generation: child.metadata.generation }]),
	);
}

/** Waits until the existing objects of an installation are those that are rendered, and returns them. */
async function untilStanding(
	what: string,
	name: string,
	rendered: readonly KubeObject[],
): Promise<ReadonlyMap<string, Standing>> {
	const expected = keysOf(rendered);
	let found: ReadonlyMap<string, Standing> = new Map();
	try {
		return await eventually(what, async () => {
			found = await standing(name);
			return isDeepStrictEqual([...found.keys()].sort(), expected) ? found : undefined;
		});
	} catch (error) {
		const more = [...found.keys()].filter((key) => !expected.includes(key));
		const missing = expected.filter((key) => !found.has(key));
		throw new Error(`${what}: too much is ${more.join(', ')}; ${missing.join(', ')} is missing`, { cause: error });
	}
}

function keysOf(objects: readonly KubeObject[]): readonly string[] {
	return objects.map(objectKey).sort();
}

/** The pods of Deployments by the name of the Deployment, without those that are being deleted. */
async function podsOf(namespace: string, deployments: readonly string[]): Promise<Readonly<Record<string, string>>> {
	const { items } = await mesh.api.list<KubeObject>(kinds.Pod, { namespace, metadataOnly: true });
	return Object.fromEntries(
		deployments.map((deployment) => [
			deployment,
			items
				.filter(
					({ metadata }) => metadata.name.startsWith(`${deployment}-`) && metadata.deletionTimestamp === undefined,
				)
				.map(({ metadata }) => metadata.uid)
				.sort()
				.join(),
		]),
	);
}

for (const [column, version] of versions.entries()) {
	const name = `switched-${version.replaceAll('.', '-')}`;
	const namespace = `istio-${name}`;
	const spec = { version, namespace, ...everything };
	const own = (key: string) => key.replaceAll('NAMESPACE', namespace).replace('VERSION', version.replaceAll('.', '-'));

	const tried = switches.filter((_, row) => isMatrixWhole() || onDiagonal(row, column, versions.length));
	const half = tried.length === switches.length ? '' : ', one half of them here';
	test.serial(`Istio ${version}: each component off and on again${half}`, async (t) => {
		const { api, cluster } = mesh;
		const endCitadel = playCitadel(api, namespace);
		t.teardown(endCitadel);
		await applyInstallation(api, name, spec);
		await untilReady(api, name);
		const users = usersObjects(namespace);
		for (const { path, ...body } of users) await cluster.request({ method: 'POST', path, body });
		const theirs = await identitiesOf(users);
		const full = renderedChildren(name, spec);
		await untilStanding('what is rendered is what stands', name, full);

		for (const { title, without, goes, changes = [], rolls = {} } of tried) {
			const reduced = { ...spec, ...without };
			const left = renderedChildren(name, reduced);
			const leftKeys = new Set(keysOf(left));
			t.false(leftKeys.has(own(goes)), `${title}: ${goes}`);
			// What is kept for a while goes later, and belongs to the switch before.
			await untilCalm(cluster, operatorUser);
			const before = await standing(name);
			t.true(before.has(own(goes)), `${title}: ${goes}`);
			const rolled = rolls[version] ?? [];
			const calm = left
				.filter(({ kind, metadata }) => kind === 'Deployment' && !rolled.includes(metadata.name))
				.map(({ metadata }) => metadata.name)
				.filter((deployment) => before.has(`Deployment.apps ${namespace}/${deployment}`));
			const podsBefore = await podsOf(namespace, calm);
			const place = await mark(cluster);

			await applyInstallation(api, name, reduced);
			await untilReady(api, name);
			const during = await untilStanding(`${title} off: what is rendered is what stands`, name, left);
			for (const [key, { uid, generation }] of during) {
				const was = before.get(key);
				if (was === undefined) continue;
				t.is(uid, was.uid, `${title} off: ${key} is the same object`);
				const isConcerned =
					rolled.some((deployment) => key === `Deployment.apps ${namespace}/${deployment}`) ||
					changes.some((change) => own(change) === key.replace(/^(\w+)\.[\w.]+/, '$1'));
				if (!isConcerned) t.is(generation, was.generation, `${title} off: ${key} is not changed`);
			}
			t.deepEqual(await podsOf(namespace, calm), podsBefore, `${title} off: no other pod is replaced`);
			t.deepEqual(await identitiesOf(users), theirs, `${title} off: objects of users`);

			await applyInstallation(api, name, spec);
			await untilReady(api, name);
			const after = await untilStanding(`${title} on: all is back`, name, full);
			for (const [key, { uid }] of after) {
				if (during.has(key)) t.is(uid, during.get(key)?.uid, `${title} on: ${key} is the same object`);
				else t.not(uid, before.get(key)?.uid, `${title} on: ${key} is made anew`);
			}
			t.deepEqual(await podsOf(namespace, calm), podsBefore, `${title} on: no other pod is replaced`);
			t.deepEqual(await identitiesOf(users), theirs, `${title} on: objects of users`);

			// Neither generation nor uid shows a write that changed nothing.
			const mayBeWritten = new Set([
				...[...before.keys(), ...during.keys()].filter((key) => !during.has(key) || !before.has(key)),
				...changes.map(own),
				...rolled.map((deployment) => `Deployment ${namespace}/${deployment}`),
			]);
			const words = new Set([...mayBeWritten].map((key) => key.slice(key.lastIndexOf(' ') + 1)));
			const others = (await changesOf(cluster, operatorUser, place)).filter(
				({ objectRef }) =>
					objectRef?.resource !== 'meshinstallations' &&
					!words.has(`${objectRef?.namespace === undefined ? '' : `${objectRef.namespace}/`}${objectRef?.name}`),
			);
			t.deepEqual(others.map(describeWrite), [], `${title}: nothing else is written`);
		}
		await deleteInstallation(api, name);
		t.deepEqual(await identitiesOf(users), theirs, 'they stay when the mesh goes');
		for (const { path, metadata } of users) {
			await cluster.request({ method: 'DELETE', path: `${path}/${metadata.name}` });
		}
	});
}

test.serial('another profile takes away what it does not have, and leaves Pilot as it is', async (t) => {
	const { api } = mesh;
	const name = 'profiled';
	const namespace = 'istio-profiled';
	const pilot = `Deployment.apps ${namespace}/istio-pilot`;
	const become = async (profile: string) => {
		await applyInstallation(api, name, { namespace, profile });
		await untilReady(api, name);
		return untilStanding(`profile ${profile}`, name, renderedChildren(name, { namespace, profile }));
	};
	const before = await become('default');
	const during = await become('minimal');
	t.true(before.size > during.size + 20);
	t.is(during.get(pilot)?.uid, before.get(pilot)?.uid);
	const after = await become('default');
	t.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
	t.is(after.get(pilot)?.uid, before.get(pilot)?.uid);
	await deleteInstallation(api, name);
});

test.serial(
	'objects of users with the names of ours are not overwritten when a component is switched on; when they go, it comes',
	async (t) => {
		const { api } = mesh;
		const name = 'foreign';
		const namespace = 'istio-foreign';
		const endCitadel = playCitadel(api, namespace);
		t.teardown(endCitadel);
		await applyInstallation(api, name, { namespace });
		await untilReady(api, name);
		const theirs: readonly (readonly [KubeObject, Spec])[] = [
			[
				{
					...kinds.Service,
					metadata: { name: 'istio-egressgateway', namespace },
					spec: { ports: [{ name: 'https', port: 443 }] },
				},
				{ gateways: { egress: on } },
			],
			[
				{
					...kinds.rule,
					metadata: { name: 'promhttp', namespace },
					spec: { match: 'true', actions: [{ handler: 'theirs', instances: ['theirs'] }] },
				},
				{ mixer: { telemetry: on } },
			],
			[{ ...kinds.MeshPolicy, metadata: { name: 'default' }, spec: { peers: [] } }, { citadel: on }],
			[
				{ ...kinds.ConfigMap, metadata: { name: 'istio-sidecar-injector', namespace }, data: { config: 'theirs' } },
				{ sidecarInjector: on },
			],
		];
		for (const [{ plural: _plural, namespaced: _namespaced, ...object }, addition] of theirs) {
			const { uid, resourceVersion } = (await api.create(object, { fieldManager: 'helm' })).object.metadata;
			await applyInstallation(api, name, { namespace, ...addition });
			const { message } = await untilCondition(api, name, 'Stalled', 'True', 'ForeignObject');
			const { namespace: place, name: called } = object.metadata;
			for (const part of [`${object.kind} ${place === undefined ? '' : `${place}/`}${called}`, 'helm', adoptAnnotation])
				t.true(message.includes(part), message);
			t.like((await api.get(referenceOf(object))).metadata, { uid, resourceVersion });
			await api.delete(referenceOf(object));
			await untilReady(api, name);
			const ours = await eventually('ours is there', () => api.get(referenceOf(object)));
			t.not(ours.metadata.uid, uid);
			await applyInstallation(api, name, { namespace });
			await untilReady(api, name);
			await untilStanding('as before', name, renderedChildren(name, { namespace }));
		}
		await deleteInstallation(api, name);
	},
);
