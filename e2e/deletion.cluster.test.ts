/** Removes installations: completely, in order, in bounded time, and nothing that is not theirs. */
import test from 'ava';
import { finalizer, type ParsedStatus } from '../api/v1/index.ts';
import { waveOf, waves } from '../operator/apply/waves.ts';
import { selfSignedSecret } from '../operator/render/istiod/index.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../operator/runtime/object.ts';
import { eventually, orAbsent, untilStill } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	eventsAbout,
	installation,
	installationReference,
	liveChildren,
	readInstallation,
	renderedChildren,
	untilCondition,
	untilEvent,
	untilGone,
	untilInstalled,
	untilReady,
} from './support/installation.ts';
import { linesUnderTest, versionUnderTest } from './support/lines-under-test.ts';
import { type MeshCluster, operatorUser, readObjects, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { type PlayedIstiods, playIstiods } from './support/played-istiod.ts';
import { recordInstallation } from './support/recording.ts';
import { changesOf, mark } from './support/writes.ts';

let mesh: MeshCluster;
let operator: RunningOperator;
let istiods: PlayedIstiods;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	istiods = await playIstiods(mesh.api, mesh.cluster);
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await istiods?.stop();
	await mesh?.stop();
});

/** With it a mesh of istiod has all its webhooks and an object of Istio. */
const strictAndInjected = { sidecarInjector: { enabled: true }, mesh: { mtls: { mode: 'STRICT' } } };
const istiodVersion = versionUnderTest('istiod');

const gateway = { apiVersion: 'networking.istio.io/v1alpha3', kind: 'Gateway', spec: {} };

/** Keys of all objects of all kinds that the operator knows, without those that come and go by themselves. */
async function everything(): Promise<readonly string[]> {
	const passing = ['Endpoints', 'EndpointSlice', 'Event', 'Lease', 'Pod'];
	const shown = Object.values(kinds).filter(({ kind }) => !passing.includes(kind));
	// Istio's own kinds are not served until its CRDs exist.
	const lists = await Promise.all(
		shown.map((kind) => orAbsent(mesh.api.list<KubeObject>(kind, { metadataOnly: true }))),
	);
	return lists
		.flatMap((list) => list?.items ?? [])
		.map(objectKey)
		.sort();
}

async function namespaceOf(name: string): Promise<void> {
	const { apiVersion, kind } = kinds.Namespace;
	await mesh.api.create({ apiVersion, kind, metadata: { name } });
	await eventually('its ServiceAccount default', async () => {
		await mesh.api.get({ ...kinds.ConfigMap, namespace: name, name: 'kube-root-ca.crt' });
		return mesh.api.get({ ...kinds.ServiceAccount, namespace: name, name: 'default' });
	});
}

for (const { line, version } of linesUnderTest)
	test.serial(
		`${line}: what is in the cluster after an installation and its deletion is what was there before, and the CRDs`,
		async (t) => {
			const { api, cluster } = mesh;
			const name = `whole-${line}`;
			const namespace = `istio-${name}`;
			await namespaceOf(namespace);
			await api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'users-own', namespace }, data: {} });
			const spec = {
				version,
				namespace,
				pilot: { autoscaling: { minReplicas: 1, maxReplicas: 3 }, disruptionBudget: { maxUnavailable: 1 } },
				...(line === 'istiod' ? strictAndInjected : {}),
			};
			const rendered = renderedChildren(name, spec);
			const before = await untilStill('what the cluster makes by itself', everything);
			await applyInstallation(api, name, spec);
			await untilReady(api, name);
			await eventually('all of it is there', async () => (await liveChildren(api, name)).length === rendered.length);
			// API servers trust istiod's webhook a moment after it has written its authority there.
			await eventually('a user’s object is taken', () =>
				cluster.request({
					method: 'POST',
					path: `/apis/networking.istio.io/v1alpha3/namespaces/${namespace}/gateways`,
					body: {
						apiVersion: 'networking.istio.io/v1alpha3',
						kind: 'Gateway',
						metadata: { name: 'users-own' },
						spec: {},
					},
				}),
			);
			const place = await mark(cluster);
			await deleteInstallation(api, name);
			const theirs = [
				`Gateway.networking.istio.io ${namespace}/users-own`,
				// Whoever signs certificates keeps its authority: with another one no proxy could be reached any more.
				`Secret ${namespace}/${selfSignedSecret}`,
			];
			const after = async () => (await everything()).filter((key) => !theirs.includes(key));
			const added = async () =>
				(await after()).filter((key) => !before.includes(key) && !key.startsWith('CustomResourceDefinition'));
			await eventually('nothing is left over', async () => (await added()).length === 0);
			t.deepEqual(
				before.filter((key) => !key.startsWith('CustomResource')),
				(await after()).filter((key) => !key.startsWith('CustomResource')),
			);
			await cluster.request({
				path: `/apis/networking.istio.io/v1alpha3/namespaces/${namespace}/gateways/users-own`,
			});

			const deleted = (await changesOf(cluster, operatorUser, place)).filter(({ verb }) => verb === 'delete');
			t.is(deleted.length, rendered.length, 'each object once');
			const plurals = new Map(Object.values(kinds).map(({ plural, kind }) => [plural as string, kind as string]));
			plurals.set('peerauthentications', 'PeerAuthentication');
			const order = deleted.map(({ objectRef }) => plurals.get(objectRef?.resource ?? '') ?? '');
			const expected = waves(rendered, waveOf).toReversed();
			let at = 0;
			for (const wave of expected) {
				t.deepEqual(order.slice(at, at + wave.length).sort(), wave.map(({ kind }) => kind).sort());
				at += wave.length;
			}
		},
	);

for (const policy of ['Delete', 'Retain'] as const)
	test.serial(
		`istiod is dead, and its webhooks refuse what users write: with policy ${policy} the mesh is deleted all the same`,
		async (t) => {
			const { api } = mesh;
			const namespace = 'istio-dead';
			const spec = { version: istiodVersion, namespace, deletion: { policy }, ...strictAndInjected };
			const rendered = renderedChildren('dead', spec);
			await applyInstallation(api, 'dead', spec);
			await untilReady(api, 'dead');
			await eventually('all of it is there', async () => (await liveChildren(api, 'dead')).length === rendered.length);
			const theirs = (name: string) => ({ ...gateway, metadata: { name, namespace } });
			const before = theirs(`before-${policy.toLowerCase()}`);
			// An API server trusts istiod as soon as it has written its authority into the webhook.
			await eventually('istiod answers', () => api.create(before));
			await istiods.stop();
			await eventually('nobody answers', () =>
				api.create(theirs('asked'), { dryRun: true }).then(
					() => false,
					(error: Error) => error.message.includes('failed calling webhook'),
				),
			);
			await deleteInstallation(api, 'dead');
			const left = await liveChildren(api, 'dead');
			if (policy === 'Delete') {
				t.deepEqual(left, []);
				await eventually('users can write again', () => api.create(theirs('after')).then(() => true));
				t.truthy(await api.get(referenceOf(before)), 'what users wrote is still there');
			} else {
				t.deepEqual(left.map(objectKey).sort(), rendered.map(objectKey).sort());
				t.true(left.every(({ metadata }) => metadata.ownerReferences === undefined));
			}
			istiods = await playIstiods(mesh.api, mesh.cluster);
			if (policy === 'Delete') return;
			await applyInstallation(api, 'dead', { ...spec, deletion: { policy: 'Delete' } });
			await untilReady(api, 'dead');
			await deleteInstallation(api, 'dead');
		},
	);

test.serial('a child that others hold: the deletion waits, then ends and says what is left', async (t) => {
	const { api } = mesh;
	await applyInstallation(api, 'held', { namespace: 'istio-held', deletion: { timeout: '6s' } });
	await untilReady(api, 'held');
	const held = { ...kinds.Service, namespace: 'istio-held', name: 'istio-pilot' };
	await api.patch(held, { metadata: { finalizers: ['example.com/hold'] } }, { type: 'merge' });
	const recording = await recordInstallation<KubeObject & { readonly status?: ParsedStatus }>(api, 'held');
	await deleteInstallation(api, 'held');
	// The status says it no longer than the deletion may take.
	const said = (await recording.stop()).flatMap(({ status }) => status?.conditions ?? []);
	t.true(
		said.some(
			({ type, status, reason, message }) =>
				type === 'Reconciling' &&
				status === 'True' &&
				reason === 'Deleting' &&
				message.includes('istio-held/istio-pilot'),
		),
		JSON.stringify(said),
	);
	const note = await untilEvent(api, 'held', 'DeletionTimedOut');
	t.true(note.includes('Service istio-held/istio-pilot'), note);
	t.truthy((await api.get(held)).metadata.deletionTimestamp);
	await api.patch(held, { metadata: { finalizers: null } }, { type: 'merge' });
	await eventually('nothing else is left', async () => (await liveChildren(api, 'held')).length === 0);
});

for (const { policy, operation, told, left } of [
	{ policy: 'Delete', operation: 'DELETE', told: /^waiting for .*istio-refused\/istio-pilot/, left: 0 },
	{ policy: 'Retain', operation: 'UPDATE', told: /^letting go of its objects/, left: 1 },
] as const) {
	test.serial(
		`a deletion with policy ${policy} that is refused is told, with the words of who refuses it, and goes on when it is allowed`,
		async (t) => {
			const { api } = mesh;
			const namespace = 'istio-refused';
			await applyInstallation(api, 'refused', { namespace, deletion: { policy } });
			await untilReady(api, 'refused');
			const service = { ...kinds.Service, namespace, name: 'istio-pilot' };
			const allow = await forbid(operation, namespace);
			const attempt = () =>
				operation === 'DELETE'
					? api.delete(service, { dryRun: true })
					: api.patch(service, { metadata: { annotations: { a: 'b' } } }, { type: 'merge', dryRun: true });
			await eventually('the policy is in force', () =>
				attempt().then(
					() => false,
					(error: Error) => error.message.includes('services stay here'),
				),
			);
			await api.delete(installationReference('refused'));
			for (const type of ['Installed', 'Ready']) {
				const { message } = await untilCondition(api, 'refused', type, 'False', 'DeletionFailed');
				t.regex(message, told);
				t.true(message.includes('services stay here'), message);
			}
			await untilEvent(api, 'refused', 'DeletionFailed', 'services stay here');
			t.true((await readInstallation(api, 'refused')).metadata.finalizers?.includes(finalizer));
			await allow();
			await untilGone(api, installationReference('refused'));
			const services = (await liveChildren(api, 'refused')).filter(({ kind }) => kind === 'Service');
			t.is(services.length, left);
		},
	);
}

/** Makes the API server refuse an operation on the Services of a namespace. Returns how to end that. */
async function forbid(operation: 'DELETE' | 'UPDATE', namespace: string): Promise<() => Promise<void>> {
	const { cluster } = mesh;
	const group = '/apis/admissionregistration.k8s.io/v1';
	const metadata = { name: `no-${operation.toLowerCase()}` };
	const made = {
		validatingadmissionpolicies: {
			matchConstraints: {
				namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
				resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: [operation], resources: ['services'] }],
			},
			validations: [{ expression: 'false', message: 'services stay here' }],
		},
		validatingadmissionpolicybindings: { policyName: metadata.name, validationActions: ['Deny'] },
	};
	for (const [plural, spec] of Object.entries(made))
		await cluster.request({ method: 'POST', path: `${group}/${plural}`, body: { metadata, spec } });
	return async () => {
		for (const plural of Object.keys(made).toReversed())
			await cluster.request({ method: 'DELETE', path: `${group}/${plural}/${metadata.name}` });
	};
}

test.serial('force: everything is asked to go at once, and nothing is waited for', async (t) => {
	const { api } = mesh;
	await applyInstallation(api, 'forced', { namespace: 'istio-forced', deletion: { force: true } });
	await untilReady(api, 'forced');
	const held = { ...kinds.Service, namespace: 'istio-forced', name: 'istio-pilot' };
	await api.patch(held, { metadata: { finalizers: ['example.com/hold'] } }, { type: 'merge' });
	await deleteInstallation(api, 'forced');
	t.deepEqual(
		(await eventsAbout(api, 'forced')).filter(({ reason }) => reason === 'DeletionTimedOut'),
		[],
	);
	await api.patch(held, { metadata: { finalizers: null } }, { type: 'merge' });
	await eventually('nothing is left', async () => (await liveChildren(api, 'forced')).length === 0);
});

test.serial(
	'a namespace that is deleted under the mesh: told, made again, and no hindrance to a deletion',
	async (t) => {
		const { api } = mesh;
		const namespace = { ...kinds.Namespace, name: 'istio-vanishing' };
		await applyInstallation(api, 'vanishing', { namespace: namespace.name });
		await untilReady(api, 'vanishing');
		const { uid } = (await api.get(namespace)).metadata;
		const holding = { ...kinds.ConfigMap, namespace: namespace.name, name: 'holding' };
		await api.create({
			apiVersion: 'v1',
			kind: 'ConfigMap',
			metadata: { name: holding.name, namespace: holding.namespace, finalizers: ['example.com/hold'] },
		});
		await api.delete(namespace);
		const { message } = await untilCondition(api, 'vanishing', 'Installed', 'False', 'NamespaceTerminating');
		t.true(message.includes(namespace.name));
		await api.patch(holding, { metadata: { finalizers: null } }, { type: 'merge' });
		await eventually('the namespace is made again', async () => {
			const live = await orAbsent(api.get(namespace));
			return live !== undefined && live.metadata.uid !== uid;
		});
		await untilReady(api, 'vanishing');

		await operator.stop();
		await api.delete(namespace);
		await untilGone(api, namespace);
		await api.delete(installationReference('vanishing'));
		operator = await startOperator(mesh);
		await untilGone(api, installationReference('vanishing'));
		t.deepEqual(await liveChildren(api, 'vanishing'), []);
		t.is(await orAbsent(api.get(namespace)), undefined, 'and it is not made again for the deletion');
	},
);

test.serial(
	'an installation that is invalid, stored when no rule forbade it, is told so and can be deleted',
	async (t) => {
		const { api } = mesh;
		const [crd] = await readObjects('crds/meshinstallations.yaml');
		if (crd === undefined) throw new Error('crds/meshinstallations.yaml is empty');
		const { versions } = crd.spec as { readonly versions: readonly object[] };
		const anything = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
		const reference = referenceOf(crd);
		const restore = async () => api.patch(reference, { spec: { versions } }, { type: 'merge' });
		await api.patch(
			reference,
			{ spec: { versions: versions.map((version) => ({ ...version, schema: anything })) } },
			{ type: 'merge' },
		);
		try {
			const specs = {
				nonsense: { version: 7, pilot: 'much' },
				future: { version: '1.4.10', futureField: true },
				timeless: { deletion: { timeout: 'soon' } },
			};
			for (const [name, spec] of Object.entries(specs)) {
				await eventually('the API server takes it', () => api.create(installation(name, spec)));
			}
			for (const name of Object.keys(specs)) {
				await untilCondition(api, name, 'Valid', 'False');
				const { status } = await readInstallation(api, name);
				t.is(status?.phase, 'Invalid');
				// Until the API server uses the new schema everywhere, it may show the last of them without the field.
				if (name !== 'future') t.deepEqual(await liveChildren(api, name), []);
			}
			// An installation that ran before it became invalid, with all its objects.
			await applyInstallation(api, 'spoiled', { namespace: 'istio-spoiled' });
			await untilReady(api, 'spoiled');
			await api.patch(
				installationReference('spoiled'),
				{ spec: { futureField: true, pilot: { replicas: -1 } } },
				{ type: 'merge' },
			);
			await untilCondition(api, 'spoiled', 'Valid', 'False');
			t.is(
				(await liveChildren(api, 'spoiled')).length,
				renderedChildren('spoiled', { namespace: 'istio-spoiled' }).length,
			);
			await restore();
			for (const name of [...Object.keys(specs), 'spoiled']) {
				await deleteInstallation(api, name);
				t.deepEqual(await liveChildren(api, name), []);
			}
		} finally {
			await restore();
		}
	},
);

test.serial('a half-made installation can be deleted, and the finalizers of others stay', async (t) => {
	const { api } = mesh;
	await namespaceOf('istio-half');
	await api.create({
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: 'istio', namespace: 'istio-half' },
		data: { mesh: 'theirs' },
	});
	await api.create({
		...installation('half', { namespace: 'istio-half' }),
		metadata: { name: 'half', finalizers: ['example.com/others'] },
	});
	await untilCondition(api, 'half', 'Stalled', 'True', 'ForeignObject');
	t.deepEqual((await readInstallation(api, 'half')).metadata.finalizers, ['example.com/others', finalizer]);
	t.true((await liveChildren(api, 'half')).length > 0);
	await api.delete(installationReference('half'));
	const left = await eventually('our finalizer is off', async () => {
		const { finalizers } = (await readInstallation(api, 'half')).metadata;
		return finalizers?.includes(finalizer) === true ? undefined : finalizers;
	});
	t.deepEqual(left, ['example.com/others']);
	t.deepEqual(await liveChildren(api, 'half'), []);
	t.like(await api.get({ ...kinds.ConfigMap, namespace: 'istio-half', name: 'istio' }), { data: { mesh: 'theirs' } });
	await api.patch(installationReference('half'), { metadata: { finalizers: null } }, { type: 'merge' });
	await untilGone(api, installationReference('half'));
});

test.serial('an installation that is deleted while it is being made leaves nothing', async (t) => {
	const { api } = mesh;
	for (let round = 0; round < 5; round++) {
		await applyInstallation(api, 'brief', { namespace: 'istio-brief' });
		if (round > 0)
			await eventually('the first objects', async () => (await liveChildren(api, 'brief')).length >= 2 * round - 1);
		await deleteInstallation(api, 'brief');
		// A deletion at the very moment when the finalizer is added ignores it (kubernetes 1.36 apiserver
		// pkg/registry/generic/registry/store.go, `Delete`). Then the garbage collector deletes what the pass had made.
		await eventually('nothing is left', async () => (await liveChildren(api, 'brief')).length === 0);
	}
	await applyInstallation(api, 'brief', { namespace: 'istio-brief' });
	await untilInstalled(api, 'brief');
	await deleteInstallation(api, 'brief');
	t.deepEqual(await liveChildren(api, 'brief'), []);
});

// This test is last, because the garbage collector learns of new kinds, such as MeshInstallation, only each 30 s.
test.serial('with policy Retain the mesh stays, also when the garbage collector has been there', async (t) => {
	const { api } = mesh;
	const spec = { namespace: 'istio-retained', deletion: { policy: 'Retain' } };
	await applyInstallation(api, 'retained', spec);
	await untilReady(api, 'retained');
	const before = (await liveChildren(api, 'retained')).map(({ metadata }) => metadata.uid).sort();
	const { uid } = (await readInstallation(api, 'retained')).metadata;
	await deleteInstallation(api, 'retained');
	// The collector works in the order in which it sees changes. When this orphan is gone, it has looked at the children too.
	const { apiVersion, kind } = kinds.MeshInstallation;
	const orphan = { ...kinds.ConfigMap, namespace: 'istio-retained', name: 'orphan' };
	await api.create({
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: {
			name: orphan.name,
			namespace: orphan.namespace,
			ownerReferences: [{ apiVersion, kind, name: 'retained', uid: uid ?? '' }],
		},
	});
	// It learns of a new kind after a while, and begins anew with each change of a CRD.
	await eventually('the orphan is gone', async () => (await orAbsent(api.get(orphan))) === undefined, 180_000);
	const children = await liveChildren(api, 'retained');
	t.deepEqual(children.map(({ metadata }) => metadata.uid).sort(), before);
	t.true(children.every(({ metadata }) => metadata.ownerReferences === undefined));

	await applyInstallation(api, 'retained', { namespace: 'istio-retained' });
	await untilReady(api, 'retained');
	t.deepEqual(
		(await liveChildren(api, 'retained')).map(({ metadata }) => metadata.uid).sort(),
		before,
		'taken up again',
	);
	await deleteInstallation(api, 'retained');
	t.deepEqual(await liveChildren(api, 'retained'), []);
});
