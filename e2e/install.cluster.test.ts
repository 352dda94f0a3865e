/** One MeshInstallation becomes a running Pilot: every release on a real API server with controllers and simulated nodes. */
import test from 'ava';
import { lines } from '../operator/lines/index.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { meshwright } from './support/cli.ts';
import { eventually } from './support/eventually.ts';
import { standInAnnotation } from './support/injector.ts';
import {
	applyInstallation,
	deleteInstallation,
	installation,
	liveChildren,
	readInstallation,
	readLive,
	renderedChildren,
	renderedObjects,
	untilCondition,
	untilEvent,
	untilInstalled,
	untilReady,
	warningEventsAbout,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, person, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { differences } from './support/owned-fields.ts';
import { type PlayedIstiods, playIstiods } from './support/played-istiod.ts';
import { changesOf, describeWrite, mark } from './support/writes.ts';

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

interface CrdStatus {
	readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

interface PodsOf {
	readonly template: { readonly spec: { readonly priorityClassName?: string } };
}

for (const { version, line } of lines.releases) {
	const name = `mesh-${version.replaceAll('.', '-')}`;
	const namespace = `istio-${version.replaceAll('.', '-')}`;
	const spec = { version, namespace };

	test.serial(`Istio ${version}: all objects are stored as rendered, Pilot runs, and the status says so`, async (t) => {
		const { api, cluster } = mesh;
		const before = await mark(cluster);
		const asWritten = await applyInstallation(api, name, spec);
		await untilReady(api, name);
		await untilEvent(api, name, 'Ready');

		// The newer CRDs of this release are news to the installations before it, which say so in their status.
		const [first, ...later] = (await changesOf(cluster, operatorUser, before)).filter(
			({ objectRef }) => objectRef?.resource !== 'meshinstallations' || objectRef.name === name,
		);
		t.is(first && describeWrite(first), `patch meshinstallations ${name} 200`, 'the finalizer is the first write');
		t.true(later.length > 0);
		t.deepEqual(await warningEventsAbout(api, name), [], 'the API server and the operator had nothing to warn of');

		const { exitCode, stdout } = await meshwright(
			['render', '-f', '-', '-o', 'json', '--with-webhook'],
			JSON.stringify(installation(name, spec)),
		);
		t.is(exitCode, 0);
		const printed = (JSON.parse(stdout) as { readonly items: readonly KubeObject[] }).items;
		t.is(printed.length, renderedObjects(name, spec).length);
		for (const object of printed) {
			const live = await readLive(api, object);
			t.deepEqual(differences(object, live), [], `${object.kind} ${object.metadata.name}`);
			if (object.kind !== 'CustomResourceDefinition') continue;
			await eventually(`${object.metadata.name} is established`, async () => {
				const { conditions = [] } = ((await readLive(api, object)).status ?? {}) as CrdStatus;
				return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
			});
		}
		t.is((await liveChildren(api, name)).length, renderedChildren(name, spec).length, 'and nothing else');

		const { metadata, status, spec: stored } = await readInstallation(api, name);
		t.deepEqual(metadata.finalizers?.length, 1);
		t.like(status, {
			observedGeneration: metadata.generation,
			version,
			phase: 'Ready',
			ready: '1/1',
			inventory: { objects: printed.length },
			components: [{ name: 'pilot', ready: 1, desired: 1, version }],
		});
		t.regex(status?.inventory?.hash ?? '', /^\S{16,}$/);
		t.is(status?.components?.[0]?.image, `docker.io/istio/pilot:${version}`);
		const standing = Object.fromEntries((status?.conditions ?? []).map(({ type, status: value }) => [type, value]));
		const always = { Ready: 'True', Valid: 'True', Compatible: 'True', Installed: 'True', UpToDate: 'True' };
		t.deepEqual(standing, { ...always, ...(line === 'istiod' ? { CertificateAuthorityValid: 'True' } : {}) });

		t.deepEqual(stored, asWritten.spec, 'the spec is as its owner wrote it');
		t.is(metadata.labels, undefined);
		t.is(metadata.annotations, undefined);
		for (const { manager, subresource, fieldsV1 = {} } of metadata.managedFields ?? []) {
			if (manager === person) continue;
			t.deepEqual(Object.keys(fieldsV1), [subresource === 'status' ? 'f:status' : 'f:metadata']);
			if (subresource !== 'status') t.deepEqual(Object.keys(fieldsV1['f:metadata'] ?? {}), ['f:finalizers']);
		}
		await deleteInstallation(api, name);
	});
}

test.serial('another version in the same object: the same objects, changed in place, none made anew', async (t) => {
	const { api } = mesh;
	const name = 'upgraded';
	const spec = { namespace: 'istio-upgraded', version: '1.3.8' };
	await applyInstallation(api, name, spec);
	await untilReady(api, name);
	const identities = async () =>
		Object.fromEntries((await liveChildren(api, name)).map((child) => [objectKey(child), child.metadata.uid]));
	const before = await identities();

	await applyInstallation(api, name, { ...spec, version: '1.4.10' });
	await untilReady(api, name);
	await untilEvent(api, name, 'VersionChanged', '1.4.10');
	t.deepEqual(await identities(), before);
	t.is((await readInstallation(api, name)).status?.version, '1.4.10');
	await deleteInstallation(api, name);
});

test.serial('gateways of istiod come when it injects, and follow its version after its webhooks', async (t) => {
	const { api, cluster } = mesh;
	const [name, namespace, gateway] = ['edge', 'istio-edge', 'istio-ingressgateway'];
	const gateways = { ingress: { enabled: true, service: { type: 'NodePort' } }, egress: { enabled: true } };
	const spec = { namespace, version: '1.30.8', profile: 'default', gateways };
	const before = await mark(cluster);
	await applyInstallation(api, name, spec);
	await untilReady(api, name);
	const written = (await changesOf(cluster, operatorUser, before)).map(describeWrite);
	const firstOf = (part: string) => written.findIndex((write) => write.includes(part));
	t.true(firstOf('mutatingwebhookconfigurations') >= 0);
	t.true(firstOf('mutatingwebhookconfigurations') < firstOf(`deployments ${namespace}/${gateway}`));

	const images = async () => {
		const { items } = await api.list<KubeObject>(kinds.Pod, { namespace, labelSelector: `app=${gateway}` });
		return items.map(({ metadata, spec: pod }) => [
			metadata.annotations?.['inject.istio.io/templates'],
			(pod as { readonly containers: readonly { readonly image: string }[] }).containers[0]?.image,
			metadata.annotations?.[standInAnnotation],
		]);
	};
	const proxy = (version: string) => `docker.io/istio/proxyv2:${version}`;
	const first = await images();
	t.deepEqual(
		first.map(([template, image]) => [template, image]),
		[['gateway', proxy('1.30.8')]],
	);
	t.true(
		first.every(([, , injected]) => injected === 'yes'),
		'istiod was asked about the pod',
	);

	await applyInstallation(api, name, { ...spec, version: '1.31.4' });
	await untilReady(api, name);
	t.is((await readInstallation(api, name)).status?.version, '1.31.4');
	t.deepEqual(
		(await images()).map(([, image]) => image),
		[proxy('1.31.4')],
	);
	await deleteInstallation(api, name);
});

test.serial(
	'the CNI plugin runs on each node, follows istiod to another version, is repaired, and goes after its pods',
	async (t) => {
		const { api, cluster } = mesh;
		const [name, namespace] = ['nodes', 'istio-nodes'];
		const spec = { namespace, version: '1.30.8', profile: 'default', cni: { enabled: true, platform: 'gke' } };
		const agent = { ...kinds.DaemonSet, namespace, name: 'istio-cni-node' };
		const before = await mark(cluster);
		await applyInstallation(api, name, spec);
		await untilReady(api, name);
		t.deepEqual(await warningEventsAbout(api, name), []);
		const written = (await changesOf(cluster, operatorUser, before)).map(describeWrite);
		const firstOf = (part: string) => written.findIndex((write) => write.includes(part));
		t.true(firstOf(`daemonsets ${namespace}/istio-cni-node`) >= 0, written.join('\n'));
		t.true(firstOf(`daemonsets ${namespace}/istio-cni-node`) < firstOf('mutatingwebhookconfigurations'));
		for (const object of renderedChildren(name, spec))
			t.deepEqual(differences(object, await readLive(api, object)), [], `${object.kind} ${object.metadata.name}`);

		const nodes = (await api.list(kinds.Node, {})).items.length;
		const component = async () =>
			(await readInstallation(api, name)).status?.components?.find((one) => one.name === 'cni');
		t.like(await component(), { ready: nodes, desired: nodes, version: '1.30.8' });

		const settled = await mark(cluster);
		await api.patch(agent, { spec: { template: { spec: { priorityClassName: null } } } }, { type: 'merge' });
		await eventually('the DaemonSet is repaired', async () => {
			const { spec: now } = await api.get<KubeObject>(agent);
			return (now as PodsOf).template.spec.priorityClassName === 'system-node-critical';
		});
		await untilReady(api, name);
		const repairs = (await changesOf(cluster, operatorUser, settled)).filter(
			({ objectRef }) => objectRef?.resource !== 'meshinstallations' && objectRef?.resource !== 'events',
		);
		t.deepEqual(repairs.map(describeWrite), [`patch daemonsets ${namespace}/istio-cni-node 200`]);

		const upgraded = await mark(cluster);
		await applyInstallation(api, name, { ...spec, version: '1.31.4' });
		await untilReady(api, name);
		await eventually('the plugin has the new version', async () => (await component())?.version === '1.31.4');
		t.like(await component(), { ready: nodes, desired: nodes, image: 'docker.io/istio/install-cni:1.31.4' });
		const rolled = (await changesOf(cluster, operatorUser, upgraded)).flatMap(({ objectRef }) =>
			objectRef?.resource === 'deployments' || objectRef?.resource === 'daemonsets' ? [objectRef.name] : [],
		);
		t.deepEqual(rolled, ['istiod', 'istio-cni-node'], 'istiod first');

		// The rights of its pods go after the pods, which take away what they have put on the nodes.
		const off = await mark(cluster);
		await applyInstallation(api, name, { ...spec, version: '1.31.4', cni: { enabled: false } });
		await eventually('nothing of the plugin is left', async () => {
			const children = await liveChildren(api, name);
			return !children.some(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'cni');
		});
		await untilReady(api, name);
		const deleted = (await changesOf(cluster, operatorUser, off)).filter(({ verb }) => verb === 'delete');
		t.is(deleted[0]?.objectRef?.resource, 'daemonsets');
		const pods = await api.list(kinds.Pod, { namespace, labelSelector: 'k8s-app=istio-cni-node' });
		t.deepEqual(pods.items, []);
		await deleteInstallation(api, name);
	},
);

test.serial(
	'pods that can not start: on its way, not ready; recovers when the spec does, and when made anew',
	async (t) => {
		const { api } = mesh;
		const name = 'nowhere';
		const spec = { namespace: 'istio-nowhere' };
		const broken = { ...spec, pilot: { nodeSelector: { 'example.com/no-such-node': 'true' } } };
		await applyInstallation(api, name, broken);
		await untilCondition(api, name, 'Ready', 'Unknown', 'PodsUnschedulable');
		await untilInstalled(api, name);
		t.is((await readInstallation(api, name)).status?.ready, '0/1');
		await applyInstallation(api, name, spec);
		await untilReady(api, name);

		await applyInstallation(api, name, broken);
		const { message } = await untilCondition(api, name, 'Ready', 'Unknown', 'PodsUnschedulable');
		t.true(message.includes('istio-pilot'), message);
		await deleteInstallation(api, name);
		await applyInstallation(api, name, spec);
		await untilReady(api, name);
		await deleteInstallation(api, name);
	},
);
