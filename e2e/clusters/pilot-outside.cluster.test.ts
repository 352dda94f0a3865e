/** Pilot and Mixer that run here and serve another cluster, which was prepared by its owner with what `render` shows. */
import test from 'ava';
import { waveOf, waves } from '../../operator/apply/waves.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { RequestError } from '../../operator/runtime/errors.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import {
	applyInstallation,
	liveChildren,
	renderedForServed,
	untilEstablished,
	untilReady,
	untilSaid,
} from '../support/installation.ts';
import { flatKubeconfig, startMeshClusters } from '../support/joined.ts';
import { type MeshCluster, operatorUser, person } from '../support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from '../support/operator.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';

const name = 'mesh';
const namespace = 'istio-system';
const workloads = ['istio-pilot', 'istio-policy', 'istio-telemetry'];
const spec = {
	mixer: { policy: { enabled: true }, telemetry: { enabled: true } },
	pilot: { kubeconfigSecret: { name: 'served' } },
};

let home: MeshCluster;
let served: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	[home, served] = (await startMeshClusters({ name: 'home', parts: 'all' }, { name: 'served', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	operator = await startOperator(home);
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), served?.stop()]);
});

async function tokenOfPilot(): Promise<string> {
	const path = `/api/v1/namespaces/${namespace}/serviceaccounts/istio-pilot-service-account/token`;
	const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
	const { status } = (await served.cluster.request({ method: 'POST', path, body })) as { status: { token: string } };
	return status.token;
}

async function giveKubeconfig(): Promise<void> {
	const { url, ca } = served.cluster;
	const kubeconfig = flatKubeconfig({ url, ca, token: await tokenOfPilot() });
	await home.api.apply(
		{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'served' }, stringData: { kubeconfig } },
		{ fieldManager: person, force: true },
	);
}

interface Deployment extends KubeObject {
	readonly spec: {
		readonly template: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } };
	};
}

async function hashOf(deployment: string): Promise<string | undefined> {
	const found = await orAbsent(home.api.get<Deployment>({ ...kinds.Deployment, namespace, name: deployment }));
	return found?.spec.template.metadata.annotations?.['meshwright.io/kubeconfig-hash'];
}

test.serial('its owner prepares the other cluster with what is rendered for it, in one go', async (t) => {
	const objects = renderedForServed(name, spec);
	t.true(objects.length > 20);
	for (const wave of waves(objects, waveOf)) {
		await Promise.all(wave.map((object) => served.api.apply(object, { fieldManager: person })));
		for (const { metadata } of wave.filter(({ kind }) => kind === 'CustomResourceDefinition'))
			await untilEstablished(served.api, metadata.name);
	}
});

test.serial(
	'with a token of its account everything is read that Pilot and Mixer read, and nothing is written',
	async (t) => {
		const { url, ca } = served.cluster;
		await using reader = new ApiServer({ url, ca, token: await tokenOfPilot() });
		await eventually('the role is known', async () => (await reader.list(kinds.Service)).items.length > 0);
		for (const kind of [
			...[kinds.Endpoints, kinds.Pod, kinds.Node],
			...[kinds.Gateway, kinds.DestinationRule, kinds.rule, kinds.handler, kinds.instance, kinds.attributemanifest],
		])
			await t.notThrowsAsync(
				eventually(`${kind.plural} are read`, () => reader.list(kind)),
				kind.plural,
			);
		await t.throwsAsync(reader.list(kinds.Secret), { instanceOf: RequestError });
		await t.throwsAsync(
			reader.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'theirs' } }),
			{ instanceOf: RequestError },
		);
	},
);

test.serial(
	'without the Secret the Deployments are not written, and a condition says for what they wait',
	async (t) => {
		await applyInstallation(home.api, name, spec);
		await untilSaid(home.api, name, 'Installed', `waiting for Secret ${namespace}/served`);
		for (const deployment of workloads)
			t.is(await orAbsent(home.api.get({ ...kinds.Deployment, namespace, name: deployment })), undefined);
	},
);

test.serial('with it they run, and none of what they read is made here', async (t) => {
	await giveKubeconfig();
	await untilReady(home.api, name);
	for (const deployment of workloads) t.truthy(await hashOf(deployment));
	const { items } = await home.api.list(kinds.CustomResourceDefinition);
	t.deepEqual(
		items.filter(({ metadata }) => metadata.name.endsWith('.istio.io')).map(({ metadata }) => metadata.name),
		[],
	);
	const children = await liveChildren(home.api, name);
	t.false(children.some(({ kind, metadata }) => /Role/.test(kind) && /pilot|mixer/.test(metadata.name)));
});

test.serial('another content replaces their pods', async (t) => {
	const before = await Promise.all(workloads.map(hashOf));
	const pods = async () => {
		const { items } = await home.api.list<KubeObject>(kinds.Pod, { namespace, labelSelector: 'istio=pilot' });
		return items.map(({ metadata }) => metadata.uid);
	};
	const podsBefore = await pods();
	await giveKubeconfig();
	await eventually('other hashes', async () => {
		const now = await Promise.all(workloads.map(hashOf));
		return now.every((hash, index) => hash !== undefined && hash !== before[index]);
	});
	await eventually('other pods', async () => (await pods()).every((uid) => !podsBefore.includes(uid)));
	await untilReady(home.api, name);
	t.pass();
});

test.serial('when it is deleted what runs goes on as it is', async (t) => {
	const before = await Promise.all(workloads.map(hashOf));
	await home.api.delete({ ...kinds.Secret, namespace, name: 'served' });
	await untilSaid(home.api, name, 'Installed', `waiting for Secret ${namespace}/served`);
	t.deepEqual(await Promise.all(workloads.map(hashOf)), before);
	await giveKubeconfig();
	await untilReady(home.api, name);
});

test.serial('nothing was forbidden here, and the operator never spoke with the other cluster', async (t) => {
	t.deepEqual(forbiddenIn(await requestsOf(home.cluster, operatorUser)), []);
	t.deepEqual(await requestsOf(served.cluster, operatorUser), []);
});
