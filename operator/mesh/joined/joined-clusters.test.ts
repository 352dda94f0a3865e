import test from 'ava';
import type { ClusterObservation } from '../../../api/v1/index.ts';
import { type Child, toChild } from '../../apply/child.ts';
import type { ClusterController } from '../../clusters/controller.ts';
import {
	type ClusterRecord,
	recordOf,
	recordSecret,
	recordSetId,
	recordsIn,
	replacedHash,
} from '../../clusters/secret/record.ts';
import { rollOutPatienceMs } from '../../clusters/secret/rotation.ts';
import { day, minute, recordWith, start } from '../../clusters/testing.ts';
import type { LeftBehind } from '../../clusters/told.ts';
import type { KeepingMesh, LeavingMesh, WantedMesh } from '../../clusters/wanted-mesh.ts';
import { lines } from '../../lines/index.ts';
import { installation, resolved } from '../../render/testing.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { Kind } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import { JoinedClusters } from './joined-clusters.ts';

const namespace = 'istio-system';
const { signal } = new AbortController();
const uid = '6f5902ac-237f-4b0d-8f5c-1d3f2b1c7a10';
const owner = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', name: 'default', uid };
const kubeconfigSecret = { name: 'kubeconfig', namespace: 'secrets' };

interface Scene {
	readonly objects?: readonly KubeObject[];
	readonly seen?: readonly ClusterObservation[];
	readonly leftBehind?: readonly LeftBehind[];
	readonly now?: number;
}

/** The joined clusters of a process that sees these objects. */
function stage({ objects = [], seen = [], leftBehind = [], now = start }: Scene) {
	const children = new Map(objects.map((object) => [objectKey(object), toChild(object)]));
	const live = {
		get: (key: string) => children.get(key),
		ofKind: ({ kind }: Kind): Iterable<Child> => [...children.values()].filter((child) => child.kind === kind),
	};
	const wanted: KeepingMesh[] = [];
	const leaving: LeavingMesh[] = [];
	const forgotten: string[] = [];
	const controller = {
		setWanted: (mesh: WantedMesh) => (mesh.kind === 'keeping' ? wanted.push(mesh) : leaving.push(mesh)),
		forget: (mesh: string) => forgotten.push(mesh),
		recordsOf: (mesh: { readonly name: string; readonly namespace: string }) =>
			recordsIn(
				mesh.namespace,
				[...live.ofKind({ kind: 'Secret' } as Kind)].filter((child) => {
					const record = recordOf(child);
					return record !== undefined && child.partOf === recordSetId(mesh.name, record.cluster);
				}),
			),
		observationsOf: () => seen,
		leftBehindOf: () => leftBehind,
	} as unknown as ClusterController;
	const clusters = new JoinedClusters({
		lines,
		api: {} as ApiServer,
		proxies: { look: () => undefined },
		authorities: { keep: async () => undefined, toldOf: () => undefined, forget: () => undefined },
		live,
		controller,
		wakeNamespace: () => undefined,
		onError: () => undefined,
		wallClock: () => now,
	});
	return { clusters, wanted, leaving, forgotten };
}

function spec(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
	return { version: '1.4.10', ...fields };
}

function meshWith(given: Readonly<Record<string, unknown>>, status?: unknown) {
	const whole = installation(given) as StoredInstallation;
	const object: StoredInstallation = { ...whole, metadata: { ...whole.metadata, uid }, status } as StoredInstallation;
	return { object, mesh: resolved(whole) };
}

function secretOf(record: ClusterRecord): KubeObject {
	return recordSecret({ name: 'default', namespace }, record, record.state === 'Published' ? 'x' : undefined);
}

/** Pilot's Deployment, whose pods were made for these Secrets, rolled out or not. */
function pilot(remoteSecrets: string | undefined, isRolledOut = true, since?: string): KubeObject {
	const notes = since === undefined ? {} : { annotations: { 'meshwright.io/remote-secrets-since': since } };
	const annotations = remoteSecrets === undefined ? {} : { 'meshwright.io/remote-secrets-hash': remoteSecrets };
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'istio-pilot', namespace, generation: 1, ...notes },
		spec: { replicas: 1, template: { metadata: { annotations } } },
		status: {
			observedGeneration: 1,
			replicas: isRolledOut ? 1 : 2,
			updatedReplicas: 1,
			readyReplicas: 1,
			availableReplicas: 1,
		},
	};
}

const renewed = recordWith('a', { state: 'Published', content: 'new', replacedAt: start });
/** It has been due for days and is not renewed, because it does not answer. */
const dead = recordWith('b', { state: 'Published', issued: { issuedAt: start - 25 * day, lifetimeMs: 30 * day } });

test('a mesh without clusters has nothing to do with any of it', async (t) => {
	const { object, mesh } = meshWith(spec());
	const { clusters, wanted, forgotten } = stage({ objects: [pilot(undefined)] });
	t.deepEqual(clusters.factsOf(object, mesh), { facts: {}, gates: [], againInMs: undefined });
	t.is(clusters.observationOf(object, mesh), undefined);
	t.deepEqual(clusters.readersHere(mesh), []);
	t.true(clusters.isFollowed(namespace));
	await clusters.want(object, { mesh, paused: false }, signal);
	t.deepEqual([wanted, forgotten], [[], ['default']]);
});

test('joins replace no pods, a replaced Secret does', (t) => {
	const { object, mesh } = meshWith(spec());
	const { replacedAt: _, ...joined } = renewed;
	const facts = (...records: readonly ClusterRecord[]) =>
		stage({ objects: [pilot(undefined), ...records.map(secretOf)] }).clusters.factsOf(object, mesh);
	t.deepEqual(facts(joined), { facts: {}, gates: [], againInMs: undefined });
	t.deepEqual(facts(renewed), {
		facts: { remoteSecrets: replacedHash([renewed]), remoteSecretsSince: '2026-01-01T00:00:00Z' },
		gates: [],
		againInMs: undefined,
	});
});

test('while another one is about to be renewed, pods stay those of before; but not for long', (t) => {
	const { object, mesh } = meshWith(spec());
	const facts = (before: string | undefined, now: number) =>
		stage({ now, objects: [pilot(before), secretOf(renewed), secretOf(dead)] }).clusters.factsOf(object, mesh);
	t.like(facts('before', start + 1), { facts: { remoteSecrets: 'before' }, againInMs: 1_000 });
	t.deepEqual(facts(undefined, start + 1), { facts: {}, gates: [], againInMs: 1_000 });
	const wanted = replacedHash([renewed, dead]);
	t.like(facts('before', start + rollOutPatienceMs), { facts: { remoteSecrets: wanted }, againInMs: undefined });
	// Pods that were made for it go on, and a Pilot that is made anew reads what is there.
	t.deepEqual(facts(wanted, start + 1), { facts: { remoteSecrets: wanted }, gates: [], againInMs: undefined });
	const none = stage({ now: start + 1, objects: [secretOf(renewed), secretOf(dead)] });
	t.deepEqual(none.clusters.factsOf(object, mesh).facts, { remoteSecrets: wanted });
});

test('after a roll-out the next one has its distance, which is told; no cluster can shorten it', (t) => {
	const { object, mesh } = meshWith(spec());
	const at = Date.parse('2026-01-01T00:00:00Z');
	const facts = (now: number, since: string | undefined, ...records: readonly ClusterRecord[]) =>
		stage({ now, objects: [pilot('before', true, since), ...records.map(secretOf)] }).clusters.factsOf(object, mesh);
	const rolledOut = '2026-01-01T00:00:00Z';
	const before = { remoteSecrets: 'before', remoteSecretsSince: rolledOut };
	const changes = Array.from({ length: 20 }, (_, i) => ({
		...renewed,
		content: `new-${i}`,
		replacedAt: at + i * minute,
	}));
	for (const [i, changed] of changes.entries()) {
		const { gates, ...rest } = facts(at + i * minute, rolledOut, changed);
		t.deepEqual(rest, { facts: before, againInMs: 15_000 });
		t.deepEqual(
			gates.map(({ effect, objects, sentence }) => [
				effect,
				objects.length,
				sentence.endsWith('until 2026-01-01T00:30:00Z'),
			]),
			[['delayed', 3, true]],
		);
	}
	// Neither can one that leaves.
	t.deepEqual(facts(at + minute, rolledOut).facts, before);
	t.is(facts(at + 30 * minute - 5_000, rolledOut, renewed).againInMs, 5_000);
	t.deepEqual(facts(at + 30 * minute, rolledOut, renewed), {
		facts: { remoteSecrets: replacedHash([renewed]), remoteSecretsSince: '2026-01-01T00:30:00Z' },
		gates: [],
		againInMs: undefined,
	});
	// A clock that was set back, a time that nobody can read, and pods of before this was known.
	for (const since of ['2027-01-01T00:00:00Z', 'soon', undefined])
		t.is(facts(at + minute, since, renewed).facts.remoteSecrets, replacedHash([renewed]), since);
	// The clocks of two replicas differ by a little.
	t.deepEqual(facts(at - 1_000, rolledOut, renewed).facts, before);
});

test('Secrets in other namespaces are another mesh’s', (t) => {
	const { object, mesh } = meshWith(spec());
	const other = recordSecret({ name: 'other', namespace: 'other' }, renewed, 'x');
	t.deepEqual(stage({ objects: [other] }).clusters.factsOf(object, mesh).facts, {});
});

test('pods follow when all of them are of the Secrets as they are', (t) => {
	const hash = replacedHash([renewed]);
	const isFollowed = (...objects: readonly KubeObject[]) =>
		stage({ objects: [secretOf(renewed), ...objects] }).clusters.isFollowed(namespace);
	t.true(isFollowed());
	t.true(isFollowed(pilot(hash)));
	t.false(isFollowed(pilot(hash, false)));
	t.false(isFollowed(pilot('before')));
	t.false(isFollowed(pilot(undefined)));
	const mixer = (remoteSecrets: string | undefined): KubeObject => {
		const { metadata, ...rest } = pilot(remoteSecrets);
		return { ...rest, metadata: { ...metadata, name: 'istio-telemetry' } };
	};
	t.false(isFollowed(pilot(hash), mixer('before')));
	t.true(isFollowed(pilot(hash), mixer(hash)));
	// The Deployment of a release that does not read the Secrets.
	t.true(isFollowed(pilot(hash), mixer(undefined)));
});

test('each primary has an account here, which stays until it has left', (t) => {
	const clusters = [
		{ name: 'a', role: 'Primary', kubeconfigSecret },
		{ name: 'b', role: 'Remote', kubeconfigSecret, dataPlane: { enabled: false } },
	];
	const { mesh } = meshWith(spec({ multiCluster: { clusters } }));
	const records = ['a', 'b', 'c'].map((name) =>
		secretOf(recordWith(name, { state: 'Leaving', leavingSince: start, role: name === 'b' ? 'Remote' : 'Primary' })),
	);
	const { clusters: joined } = stage({ objects: records });
	const here = joined.readersHere(mesh);
	t.deepEqual(here.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(), [
		`ClusterRole istio-readers-${namespace}`,
		`ClusterRoleBinding istio-readers-${namespace}`,
		'ServiceAccount istio-reader-for-a',
		'ServiceAccount istio-reader-for-c',
	]);
	const binding = here.find(({ kind }) => kind === 'ClusterRoleBinding');
	t.deepEqual(
		binding?.subjects,
		['istio-reader-for-a', 'istio-reader-for-c'].map((name) => ({ kind: 'ServiceAccount', name, namespace })),
	);
	t.is(joined.readersHere(mesh), here);
	const gone = stage({}).clusters.readersHere(mesh);
	t.false(
		gone.some(({ metadata }) => metadata.name.includes('for-c')),
		'it has left',
	);
});

test('names and labels of the account of a primary are valid, however long the name of that is', (t) => {
	const names = ['a'.repeat(59), 'a'.repeat(60), 'a'.repeat(63), `${'a'.repeat(62)}b`];
	const clusters = names.map((name) => ({ name, role: 'Primary', kubeconfigSecret }));
	const { mesh } = meshWith(spec({ multiCluster: { clusters } }));
	const here = stage({}).clusters.readersHere(mesh);
	t.is(new Set(here.map(objectKey)).size, names.length + 2, 'none has the name of another');
	for (const { metadata } of here) {
		t.true(metadata.name.length <= 253);
		for (const value of Object.values(metadata.labels ?? {}))
			t.regex(value, /^([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/);
	}
});

test('the status is told who is listed, seen, leaving and left behind; also of one that has nothing any more', (t) => {
	const clusters = [{ name: 'a', kubeconfigSecret }];
	const records = [secretOf(recordWith('a')), secretOf(recordWith('z', { state: 'Leaving', leavingSince: start }))];
	const left = { cluster: 'old', since: '2026-01-01T00:00:00Z', reason: 'x', objects: ['y'] };
	const { object, mesh } = meshWith(spec({ multiCluster: { clusters } }));
	const { clusters: joined } = stage({ objects: records, leftBehind: [left] });
	t.deepEqual(joined.observationOf(object, mesh), {
		listed: [{ name: 'a', role: 'Remote' }],
		seen: [],
		networks: [],
		leaving: ['z'],
		leftBehind: [left],
	});
	const nothing = { listed: [], networks: [], seen: [], leaving: [], leftBehind: [] };
	const had = meshWith(spec(), { clusters: [{ name: 'a' }] });
	t.deepEqual(stage({}).clusters.observationOf(had.object, had.mesh), nothing);
});

test('what is wanted of each cluster has every question answered, and its basis changes with the mesh alone', async (t) => {
	const dataPlane = { controlPlaneAddresses: ['10.0.0.5'] };
	const clusters = [
		{ name: 'a', role: 'Primary', kubeconfigSecret },
		{ name: 'b', kubeconfigSecret: { ...kubeconfigSecret, key: 'k' }, dataPlane, server: 'https://b.example' },
	];
	const multiCluster = { clusterName: 'here', credentials: { lifetime: '1h', renewAt: 0.5 }, clusters };
	const status = {
		clusters: [{ name: 'a', secret: 's', inventory: { objects: 1, hash: 'h' } }],
		leftBehind: [{ cluster: 'x' }],
	};
	const { object, mesh } = meshWith(spec({ multiCluster }), status);
	const { clusters: joined, wanted } = stage({});
	await joined.want(object, { mesh, paused: false }, signal);
	await joined.want({ ...object, status: {} } as StoredInstallation, { mesh, paused: false }, signal);
	t.like(wanted[0], {
		name: 'default',
		namespace,
		clusterName: 'here',
		rotation: { lifetimeMs: 3_600_000, renewShare: 0.5 },
		kind: 'keeping',
		paused: false,
		clusters: [
			{ name: 'a', role: 'Primary', kubeconfig: { ...kubeconfigSecret, key: 'kubeconfig' } },
			{
				name: 'b',
				role: 'Remote',
				kubeconfig: { ...kubeconfigSecret, key: 'k' },
				dataPlane,
				server: 'https://b.example',
			},
		],
	});
	t.deepEqual(wanted[0]?.before.get('a'), { secret: 's', inventoryHash: 'h' });
	t.true(wanted[0]?.leftBehind.has('x'));
	t.false('dataPlane' in (wanted[0]?.clusters[0] ?? {}));
	t.is(wanted[1]?.basis, wanted[0]?.basis);
	t.is(wanted[1]?.objects, wanted[0]?.objects);
	await joined.want(object, { mesh: { ...mesh }, paused: false }, signal);
	t.not(wanted[2]?.basis, wanted[0]?.basis);
});

test('the last cluster is waited for after it was taken off the list', async (t) => {
	const { object, mesh } = meshWith(spec());
	const { clusters, wanted, forgotten } = stage({ objects: [secretOf(recordWith('a'))] });
	await clusters.want(object, { mesh, paused: false }, signal);
	t.deepEqual(forgotten, []);
	t.deepEqual(wanted[0]?.clusters, []);
});

test('an installation that goes leaves all clusters, however invalid it is', (t) => {
	for (const given of [{}, null, { namespace: 7, multiCluster: null }, { multiCluster: { clusterName: {} } }, 'text']) {
		const { object } = meshWith(spec());
		const broken = { ...object, spec: given } as unknown as StoredInstallation;
		const { clusters, wanted, leaving } = stage({ objects: [secretOf(recordWith('a'))] });
		t.deepEqual(clusters.leaveAll(broken), ['a']);
		t.deepEqual(
			leaving.map(({ objects: _, ...mesh }) => mesh),
			[{ kind: 'leaving', name: 'default', namespace, owner, leaveTimeoutMs: 600_000, isForced: false }],
		);
		t.deepEqual(wanted, [], 'nothing is kept');
		const { clusters: none, forgotten } = stage({});
		t.deepEqual(none.leaveAll(broken), []);
		t.deepEqual(forgotten, ['default'], 'none that is on its way joins an installation that goes');
	}
});

test('the Secrets of an installation that is let go are found by its name', (t) => {
	const { object } = meshWith(spec());
	const other = recordSecret({ name: 'other', namespace }, recordWith('b'));
	const plain: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', namespace } };
	const { clusters } = stage({ objects: [secretOf(recordWith('a')), other, plain] });
	t.deepEqual(
		clusters.recordChildren(object).map(({ metadata }) => metadata.name),
		['istio-remote-secret-a'],
	);
});

test('gateways of other networks are those last seen, and after a restart those that the status tells', (t) => {
	const clusters = [
		{ name: 'a', kubeconfigSecret, network: 'n2', dataPlane: { enabled: false } },
		{ name: 'b', kubeconfigSecret, network: 'n3', dataPlane: { enabled: false } },
	];
	const status = {
		clusters: [
			{ name: 'a', gateways: ['2.2.2.2'] },
			{ name: 'b', gateways: ['3.3.3.3'] },
		],
	};
	const { object, mesh } = meshWith(spec({ multiCluster: { network: 'n1', clusters } }), status);
	const gatewaysOf = (seen: readonly ClusterObservation[]) =>
		Object.entries(stage({ seen }).clusters.factsOf(object, mesh).facts.networkGateways ?? {}).map(
			([network, gateways]) => `${network} ${gateways.map(({ address }) => address)}`,
		);
	t.deepEqual(gatewaysOf([]), ['n2 2.2.2.2', 'n3 3.3.3.3']);
	const seen: ClusterObservation = {
		name: 'a',
		role: 'Remote',
		state: 'Joined',
		reachable: 'yes',
		gateways: ['9.9.9.9', '8.8.8.8', '9.9.9.9'],
	};
	t.deepEqual(gatewaysOf([seen]), ['n2 8.8.8.8,9.9.9.9', 'n3 3.3.3.3']);
});
