/**
 * A cluster joins a mesh of istiod with nothing but the rights of `deploy/remote/istiod`. What istiod itself writes there is
 * played: `e2e/real-istio` has the real one.
 */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { parse } from 'yaml';
import { controlPlaneClustersAnnotation, injectionLabel } from '../../api/v1/constants.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { joinUser } from '../support/data-plane.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { applyInstallation, type Spec } from '../support/installation.ts';
import {
	clusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	readRemoteSecret,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	untilLeft,
} from '../support/joined.ts';
import { applyFiles, type MeshCluster, makeNamespace, operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';

const namespace = 'istio-system';
const name = 'mesh';
const webhook = { ...kinds.MutatingWebhookConfiguration, name: 'istio-sidecar-injector' };
const addresses = ['192.0.2.10'];

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;

async function ask(entries: readonly Spec[]): Promise<void> {
	await applyInstallation(home.api, name, {
		version: '1.31.4',
		citadel: { enabled: true },
		sidecarInjector: { enabled: true, namespaces: ['shop'] },
		...multiCluster(entries),
	});
}

const served = entry('eu', 1, { dataPlane: { controlPlaneAddresses: addresses } });

async function chargeThere(): Promise<string | undefined> {
	const { metadata } = await other.api.get({ ...kinds.Namespace, name: namespace });
	return metadata.annotations?.[controlPlaneClustersAnnotation];
}

async function contentHere(): Promise<string> {
	const { data = {} } = await readRemoteSecret(home.api, namespace, 'eu');
	return Buffer.from(data.eu ?? '', 'base64').toString();
}

/** What istiod does when it has taken charge. */
async function playIstiod(): Promise<void> {
	const { apiVersion, kind } = kinds.ConfigMap;
	const metadata = { namespace, name: 'istio-ca-root-cert' };
	await other.api.create({ apiVersion, kind, metadata, data: { 'root-cert.pem': 'the root' } } as KubeObject);
}

test.before(async () => {
	[home, other] = (await startMeshClusters({ name: 'home' }, { name: 'other', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	for (const each of [namespace, 'shop']) await makeNamespace(other.api, each);
	await applyFiles(
		other.api,
		...['namespace.yaml', 'service-account.yaml', 'rbac.generated.yaml'].map((file) => `deploy/remote/base/${file}`),
		'deploy/remote/istiod/rbac.generated.yaml',
	);
	const account = { namespace: 'meshwright-system', name: 'meshwright-join' };
	const config = parse(await readFile(await other.cluster.kubeconfigFor(account), 'utf8'));
	const { url, ca } = other.cluster;
	await giveKubeconfig(home.api, 'eu', flatKubeconfig({ url, ca, token: config.users[0].user.token }));
	operator = await startJoiningOperator(home);
	await ask([served]);
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), other?.stop()]);
});

test.serial('istiod is put in charge before it is told of the cluster, and the webhook waits for it', async (t) => {
	await eventually('the Secret is published', async () => (await contentHere()) !== '');
	t.is(await chargeThere(), 'home');
	const { metadata } = await readRemoteSecret(home.api, namespace, 'eu');
	t.is(metadata.labels?.['istio/multiCluster'], 'true');
	t.is(metadata.annotations?.['networking.istio.io/cluster'], 'eu');
	const slice = await other.api.get({ ...kinds.EndpointSlice, namespace, name: 'istiod' });
	t.deepEqual(slice.endpoints, [{ addresses, conditions: {} }]);
	t.regex(await untilCluster(home.api, name, 'eu', 'DataPlaneReady', 'Unknown'), /waiting for istiod to take charge/);
	t.is(await orAbsent(other.api.get(webhook)), undefined);
	t.is((await other.api.get({ ...kinds.Namespace, name: 'shop' })).metadata.labels?.[injectionLabel], undefined);
});

test.serial(
	'when istiod shows that it is in charge, its webhook comes, and then the label of namespaces',
	async (t) => {
		await playIstiod();
		await untilCluster(home.api, name, 'eu', 'DataPlaneReady', 'True');
		t.truthy(await other.api.get(webhook));
		await eventually('the namespace is labelled', async () => {
			const { metadata } = await other.api.get({ ...kinds.Namespace, name: 'shop' });
			return metadata.labels?.[injectionLabel] === 'enabled';
		});
		const { conditions } = (await clusterStatus(home.api, name, 'eu')) ?? {};
		t.deepEqual(
			conditions?.filter(({ status }) => status !== 'True'),
			[],
		);
	},
);

test.serial('istiod reads the cluster anew when it is in charge no longer, and when it is again', async (t) => {
	const first = await contentHere();
	await ask([entry('eu', 1, { dataPlane: { enabled: false } })]);
	await eventually('nobody is in charge', async () => (await chargeThere()) === undefined);
	await eventually('a new token', async () => (await contentHere()) !== first);
	await eventually('the webhook is gone', async () => (await orAbsent(other.api.get(webhook))) === undefined);
	const second = await contentHere();
	await ask([served]);
	await eventually('a new token', async () => (await contentHere()) !== second);
	t.is(await chargeThere(), 'home', 'before the token');
	const third = await contentHere();
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	t.is(await contentHere(), third, 'and no further one');
});

test.serial('when it leaves, nothing of it stays but what istiod wrote', async (t) => {
	await ask([]);
	await untilLeft(home.api, name, 'eu', namespace);
	t.is(await chargeThere(), undefined);
	t.is(await orAbsent(other.api.get(webhook)), undefined);
	t.is(await orAbsent(other.api.get({ ...kinds.EndpointSlice, namespace, name: 'istiod' })), undefined);
	t.is(await orAbsent(other.api.get({ ...kinds.ServiceAccount, namespace, name: 'istio-reader-home' })), undefined);
	t.truthy(await other.api.get({ ...kinds.ConfigMap, namespace, name: 'istio-ca-root-cert' }));
	t.deepEqual(forbiddenIn(await requestsOf(home.cluster, operatorUser)), []);
	t.deepEqual(forbiddenIn(await requestsOf(other.cluster, joinUser)), []);
});
