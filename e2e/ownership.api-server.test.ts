/**
 * Respects owners: what others made is not touched, what two installations want goes to the older, and shared CRDs only
 * ever get newer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { adoptAnnotation, crdVersionAnnotation, managedByLabel } from '../operator/apply/identity.ts';
import type { ApiServer } from '../operator/runtime/client/api-server.ts';
import { isWebhook, kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readInstallation,
	renderedChildren,
	renderedObjects,
	untilCondition,
	untilEvent,
	untilInstalled,
} from './support/installation.ts';
import { linesUnderTest, versionUnderTest } from './support/lines-under-test.ts';
import { type MeshCluster, operatorUser, person, startMeshCluster } from './support/mesh-cluster.ts';
import { startOperator } from './support/operator.ts';
import { changesOf, describeWrite, type Mark, mark, untilCalm } from './support/writes.ts';

const otherVersion = versionUnderTest('istiod');

let mesh: MeshCluster;
let stopOperator: () => Promise<void> = () => Promise.resolve();

test.before(async () => {
	mesh = await startMeshCluster();
	stopOperator = (await startOperator(mesh)).stop;
});
test.after.always(async () => {
	await stopOperator();
	await mesh?.stop();
});

function configMap(namespace: string, fields: Readonly<Record<string, unknown>> = {}): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: 'istio', namespace, ...fields },
		data: { mesh: 'theirs' },
	};
}

function namespaceObject(name: string, fields: Readonly<Record<string, unknown>> = {}): KubeObject {
	return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...fields } };
}

/** Waits until all that waits for no pod is stored: no pod starts here, and the webhooks of istiod wait for it. */
async function untilStored(api: ApiServer, name: string): Promise<void> {
	await eventually(`all of ${name} is stored`, async () => {
		const { status, metadata } = await readInstallation(api, name);
		const installed = status?.conditions?.find(({ type }) => type === 'Installed');
		const isSeen = installed?.observedGeneration === metadata.generation;
		return isSeen && (installed?.status === 'True' || /waiting for istiod to be ready/.test(installed?.message ?? ''));
	});
}

/** What the operator wrote since a place in the log, without its writes of these objects. */
async function written(since: Mark, { cluster } = mesh): Promise<readonly string[]> {
	return (await changesOf(cluster, operatorUser, since)).map(describeWrite);
}

/** Makes an object, unless the case of another line has made it. */
async function made(object: KubeObject): Promise<void> {
	await mesh.api.apply(object, { fieldManager: person });
}

for (const { line, version } of linesUnderTest) {
	test.serial(
		`${line}: a ConfigMap istio of somebody else is not written; the status says what to do; deleting it heals`,
		async (t) => {
			const { api, cluster } = mesh;
			const theirs = configMap('istio-foreign');
			await made(namespaceObject('istio-foreign'));
			const { resourceVersion } = await api.create(theirs, { fieldManager: 'helm' });
			const place = await mark(cluster);
			await applyInstallation(api, 'foreign', { version, namespace: 'istio-foreign' });
			for (const type of ['Stalled', 'Installed', 'Ready']) {
				const { reason, message } = await untilCondition(api, 'foreign', type, type === 'Stalled' ? 'True' : 'False');
				t.is(reason, 'ForeignObject');
				for (const part of ['ConfigMap istio-foreign/istio', 'helm', `${adoptAnnotation}: "true"`, 'Delete'])
					t.true(message.includes(part), message);
			}
			await untilEvent(api, 'foreign', 'ForeignObject');
			t.is((await api.get(referenceOf(theirs))).metadata.resourceVersion, resourceVersion);
			t.deepEqual(
				(await written(place)).filter((one) => one.includes('configmaps istio-foreign/istio ')),
				[],
				'not even tried',
			);

			await api.delete(referenceOf(theirs));
			await untilStored(api, 'foreign');
			t.is((await api.get(referenceOf(theirs))).metadata.labels?.[managedByLabel], 'meshwright');
			await deleteInstallation(api, 'foreign');
		},
	);

	test.serial(
		`${line}: with the annotation of its owner, somebody else’s object is taken over, without being made anew`,
		async (t) => {
			const { api } = mesh;
			const theirs = configMap('istio-adopted');
			await made(namespaceObject('istio-adopted'));
			const { uid } = (
				await api.create({ ...theirs, data: { mesh: 'theirs', other: 'kept' } }, { fieldManager: 'helm' })
			).object.metadata;
			await applyInstallation(api, 'adopted', { version, namespace: 'istio-adopted' });
			await untilCondition(api, 'adopted', 'Stalled', 'True', 'ForeignObject');
			await api.patch(
				referenceOf(theirs),
				{ metadata: { annotations: { [adoptAnnotation]: 'true' } } },
				{ type: 'merge' },
			);
			await untilStored(api, 'adopted');
			await untilEvent(api, 'adopted', 'Adopted', 'ConfigMap istio-adopted/istio');
			const ours = await api.get(referenceOf(theirs));
			t.is(ours.metadata.uid, uid);
			t.is(ours.metadata.labels?.[managedByLabel], 'meshwright');
			const data = ours.data as Readonly<Record<string, string>>;
			t.not(data.mesh, 'theirs');
			t.is(data.other, 'kept');
			await deleteInstallation(api, 'adopted');
		},
	);
}

test.serial('a namespace that stands is used as it is and never written', async (t) => {
	const { api, cluster } = mesh;
	const labels = { 'example.com/team': 'mesh', [managedByLabel]: 'argocd' };
	const { resourceVersion } = await api.create(
		namespaceObject('istio-theirs', { labels, annotations: { 'example.com/note': 'x' } }),
	);
	const place = await mark(cluster);
	await applyInstallation(api, 'tenant', { namespace: 'istio-theirs' });
	await untilInstalled(api, 'tenant');
	await deleteInstallation(api, 'tenant');
	t.is((await api.get({ ...kinds.Namespace, name: 'istio-theirs' })).metadata.resourceVersion, resourceVersion);
	t.deepEqual(
		(await written(place)).filter((line) => line.includes(' namespaces ')),
		[],
	);
});

test.serial(
	'of two installations for one namespace the older wins; the other writes its status alone, and takes over without an edit',
	async (t) => {
		const { api, cluster } = mesh;
		const spec = { namespace: 'istio-contested' };
		await applyInstallation(api, 'winner', spec);
		await untilInstalled(api, 'winner');
		// Creation times have a resolution of one second.
		await sleep(1_100);
		await untilCalm(cluster, operatorUser);
		const place = await mark(cluster);
		await applyInstallation(api, 'loser', { ...spec, version: otherVersion });
		const { message } = await untilCondition(api, 'loser', 'Valid', 'False', 'NamespaceTaken');
		t.true(message.includes('winner') && message.includes('istio-contested'), message);
		await untilCondition(api, 'loser', 'Ready', 'False', 'NamespaceTaken');
		t.true((await written(place)).length > 0);
		t.deepEqual(
			(await written(place)).filter((line) => line !== 'patch meshinstallations/status loser 200'),
			[],
		);
		t.deepEqual(await liveChildren(api, 'loser'), []);

		await applyInstallation(api, 'winner', { ...spec, mesh: { tracing: { enabled: true } } });
		await untilInstalled(api, 'winner');
		await deleteInstallation(api, 'winner');
		await untilStored(api, 'loser');
		t.deepEqual(await liveChildren(api, 'winner'), []);
		const expected = renderedChildren('loser', { ...spec, version: otherVersion }).filter((one) => !isWebhook(one));
		t.deepEqual((await liveChildren(api, 'loser')).map(objectKey).sort(), expected.map(objectKey).sort());
		await deleteInstallation(api, 'loser');
	},
);

test.serial(
	'of two meshes of istiod the older is the default revision; the other writes its status alone, and takes over without an edit',
	async (t) => {
		const { api, cluster } = mesh;
		const of = (name: string) => ({ version: otherVersion, namespace: `istio-${name}` });
		await applyInstallation(api, 'elder', of('elder'));
		await untilStored(api, 'elder');
		await sleep(1_100);
		await untilCalm(cluster, operatorUser);
		const place = await mark(cluster);
		await applyInstallation(api, 'younger', of('younger'));
		const { message } = await untilCondition(api, 'younger', 'Valid', 'False', 'RevisionTaken');
		t.true(message.includes('elder'), message);
		t.deepEqual(
			(await written(place)).filter((line) => line !== 'patch meshinstallations/status younger 200'),
			[],
		);
		t.deepEqual(await liveChildren(api, 'younger'), []);
		await deleteInstallation(api, 'elder');
		await untilStored(api, 'younger');
		await deleteInstallation(api, 'younger');
	},
);

test.serial('a loser can be deleted at once, and the winner is not touched by it', async (t) => {
	const { api, cluster } = mesh;
	const spec = { namespace: 'istio-both' };
	await applyInstallation(api, 'first', spec);
	await untilInstalled(api, 'first');
	await sleep(1_100);
	await applyInstallation(api, 'second', spec);
	await untilCondition(api, 'second', 'Valid', 'False', 'NamespaceTaken');
	const children = (await liveChildren(api, 'first')).map(({ metadata }) => metadata.resourceVersion);
	const place = await mark(cluster);
	await deleteInstallation(api, 'second');
	t.deepEqual(
		(await liveChildren(api, 'first')).map(({ metadata }) => metadata.resourceVersion),
		children,
	);
	t.deepEqual(
		(await written(place)).filter((line) => line.startsWith('delete')),
		[],
	);
	await deleteInstallation(api, 'first');
});

/** The oldest, the newest of the classic line, and one of today's. */
const releases = ['1.0.9', '1.4.10', otherVersion].map((version) => {
	const name = `of-${version.replaceAll('.', '-')}`;
	return { name, spec: { version, namespace: `istio-${name}` } };
});

/** The Istio release that each stored CRD of Istio comes from, by name. */
async function crdReleases(api: ApiServer): Promise<ReadonlyMap<string, string | undefined>> {
	const { items } = await api.list<KubeObject>(kinds.CustomResourceDefinition);
	const istio = items.filter(({ metadata }) => metadata.name.endsWith('.istio.io'));
	return new Map(istio.map(({ metadata }) => [metadata.name, metadata.annotations?.[crdVersionAnnotation]]));
}

function crdNames({ name, spec }: (typeof releases)[number]): readonly string[] {
	return renderedObjects(name, spec)
		.filter(({ kind }) => kind === 'CustomResourceDefinition')
		.map(({ metadata }) => metadata.name);
}

for (const [order, inTurn] of [
	['the oldest', releases],
	['the newest', releases.toReversed()],
] as const) {
	test.serial(
		`1.0, 1.4 and today’s Istio in one cluster, ${order} first: all stand, the newest CRDs win, nothing is shared but them, and all of that survives them`,
		async (t) => {
			await using own = await startMeshCluster();
			const { api, cluster } = own;
			await using _operator = await startOperator(own);
			for (const { name, spec } of inTurn) {
				await applyInstallation(api, name, spec);
				await untilStored(api, name);
			}
			// Of each name the last is the newest.
			const expected = new Map(
				releases.flatMap((release) => crdNames(release).map((name) => [name, release.spec.version] as const)),
			);
			t.deepEqual(new Map([...(await crdReleases(api))].sort()), new Map([...expected].sort()));

			const keys = await Promise.all(releases.map(async ({ name }) => (await liveChildren(api, name)).map(objectKey)));
			t.true(keys.every((one) => one.length > 0));
			t.is(new Set(keys.flat()).size, keys.flat().length);
			for (const { name } of releases) await untilStored(api, name);

			const place = await mark(cluster);
			const path = '/apis/networking.istio.io/v1alpha3/namespaces/default/virtualservices';
			const virtualService = {
				apiVersion: 'networking.istio.io/v1alpha3',
				kind: 'VirtualService',
				metadata: { name: 'reviews' },
				spec: { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews' } }] }] },
			};
			await cluster.request({ method: 'POST', path, body: virtualService });
			const before = await crdReleases(api);
			for (const { name } of inTurn) await deleteInstallation(api, name);
			t.deepEqual(await liveChildren(api), []);
			t.deepEqual(await crdReleases(api), before);
			t.like(await cluster.request({ path: `${path}/reviews` }), { spec: virtualService.spec });
			const touched = (await written(place, own)).filter((line) =>
				/customresourcedefinitions|virtualservices|namespaces /.test(line),
			);
			t.deepEqual(touched, []);
		},
	);
}

/** A CRD of another installer, for the name of one of Istio's own. */
function foreignCrd(...versions: readonly string[]): KubeObject {
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: { name: 'gateways.networking.istio.io', labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
		spec: {
			group: 'networking.istio.io',
			scope: 'Namespaced',
			names: { kind: 'Gateway', plural: 'gateways', singular: 'gateway', listKind: 'GatewayList' },
			versions: versions.map((name, index) => ({
				name,
				served: true,
				storage: index === 0,
				schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
			})),
		},
	};
}

test.serial(
	'a CRD of another installer that does not serve what the release reads: CrdConflict, and no object is made',
	async (t) => {
		await using own = await startMeshCluster();
		const { api, cluster } = own;
		await api.create(foreignCrd('v1'), { fieldManager: 'helm' });
		await eventually('the CRD is established', async () => {
			const { status } = (await api.get(referenceOf(foreignCrd('v1')))) as KubeObject & {
				readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
			};
			return status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True') === true;
		});
		const before = (await api.get(referenceOf(foreignCrd('v1')))).metadata.resourceVersion;
		await using _operator = await startOperator(own);
		await applyInstallation(api, 'mesh', { namespace: 'istio-mesh' });
		await applyInstallation(api, 'today', { version: otherVersion, namespace: 'istio-today' });
		for (const [name, lacking] of [
			['mesh', 'v1alpha3'],
			['today', 'v1beta1'],
		] as const) {
			const { message } = await untilCondition(api, name, 'Stalled', 'True', 'CrdConflict');
			for (const part of ['gateways.networking.istio.io', 'Helm', lacking, adoptAnnotation])
				t.true(message.includes(part), message);
		}
		t.deepEqual(await liveChildren(api), []);
		t.is((await api.get(referenceOf(foreignCrd('v1')))).metadata.resourceVersion, before);
		const children = (await written(0, own)).filter(
			(line) => !/meshinstallations|customresourcedefinitions/.test(line),
		);
		t.deepEqual(children, []);
		t.is((await readInstallation(api, 'mesh')).status?.phase, 'Stalled');
		t.true((await written(0, own)).every((line) => !line.includes('gateways.networking.istio.io')));
		await cluster.request({
			method: 'DELETE',
			path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.networking.istio.io',
		});
		await untilStored(api, 'mesh');
		await untilStored(api, 'today');
	},
);

test.serial(
	'a CRD of another installer that serves what the release reads is used as it is and never written',
	async (t) => {
		await using own = await startMeshCluster();
		const { api } = own;
		await api.create(foreignCrd('v1alpha3', 'v1beta1', 'v1'), { fieldManager: 'helm' });
		await using operator = await startOperator(own);
		await applyInstallation(api, 'mesh', { namespace: 'istio-mesh' });
		await untilInstalled(api, 'mesh');
		await applyInstallation(api, 'today', { version: otherVersion, namespace: 'istio-today' });
		await untilStored(api, 'today');
		const before = (await api.get(referenceOf(foreignCrd('v1alpha3', 'v1beta1', 'v1')))).metadata.resourceVersion;
		await operator.stop();
		await using _again = await startOperator(own);
		await applyInstallation(api, 'mesh', { namespace: 'istio-mesh', mesh: { tracing: { enabled: true } } });
		await untilInstalled(api, 'mesh');
		await deleteInstallation(api, 'mesh');
		await deleteInstallation(api, 'today');
		t.is((await api.get(referenceOf(foreignCrd('v1alpha3', 'v1beta1', 'v1')))).metadata.resourceVersion, before);
		t.true((await written(0, own)).every((line) => !line.includes('gateways.networking.istio.io')));
	},
);
