/**
 * A cluster joins a mesh of istiod with nothing but the rights of `deploy/remote/istiod`. What istiod itself writes there is
 * played: `e2e/real-istio` has the real one.
 */
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { parse } from 'yaml';
import { controlPlaneClustersAnnotation, injectionLabel, mayReadLabel } from '../../api/v1/constants.ts';
import { isIssuedBy, readCertificates } from '../../operator/certificates/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Authority, makeAuthority } from '../support/certificate-authority.ts';
import { joinUser } from '../support/data-plane.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { applyInstallation, readInstallation, type Spec } from '../support/installation.ts';
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
import {
	applyFiles,
	installCrd,
	type MeshCluster,
	makeNamespace,
	operatorUser,
	person,
} from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { testClock } from '../support/test-clock.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';

const namespace = 'istio-system';
const name = 'mesh';
const webhook = { ...kinds.MutatingWebhookConfiguration, name: 'istio-sidecar-injector' };
const addresses = ['192.0.2.10'];
const hourMs = 3_600_000;

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;
const clock = testClock();

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
	operator = await startJoiningOperator(home, { wallClock: clock.now });
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

const root = { namespace: 'meshwright-system', name: 'mesh-root' };
const issued = { ...kinds.Secret, namespace, name: 'cacerts' };

/** What the user does who gives the mesh a root. */
async function giveRoot({ certificate, key }: Authority): Promise<void> {
	const { apiVersion, kind } = kinds.Secret;
	const metadata = { ...root, labels: { [mayReadLabel]: name } };
	const stringData = { 'tls.crt': certificate, 'tls.key': key };
	const secret = { apiVersion, kind, metadata, type: 'kubernetes.io/tls', stringData } as KubeObject;
	await home.api.apply(secret, { fieldManager: person, force: true });
}

/** The organisations of the roots in trust, and of the one that has signed. Throws unless the Secret is a whole authority. */
async function authorityIn({
	api,
}: MeshCluster): Promise<{ readonly trusts: string; readonly by: string; readonly text: string }> {
	const { data = {} } = (await api.get(issued)) as KubeObject & { readonly data?: Readonly<Record<string, string>> };
	const file = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
	const [own] = readCertificates(file('ca-cert.pem')) ?? [];
	const roots = readCertificates(file('root-cert.pem')) ?? [];
	const signer = roots.find((one) => own !== undefined && isIssuedBy(own, one));
	if (own === undefined || signer === undefined || file('cert-chain.pem') !== file('ca-cert.pem'))
		throw new Error('it is no whole authority');
	if (!own.checkPrivateKey(createPrivateKey(file('ca-key.pem')))) throw new Error('its key is another one');
	const nameOf = ({ subject }: { readonly subject: string }) => subject.replace('O=', '');
	return { trusts: roots.map(nameOf).join(), by: nameOf(signer), text: JSON.stringify(data) };
}

async function untilAuthorities(trusts: string, by: string): Promise<void> {
	await eventually(`both trust ${trusts} and are signed by ${by}`, async () => {
		const both = await Promise.all([home, other].map((each) => orAbsent(authorityIn(each))));
		return both.every((one) => one?.trusts === trusts && one.by === by);
	});
}

async function authorityTold(): Promise<string> {
	const { status } = await readInstallation(home.api, name);
	return status?.conditions?.find(({ type }) => type === 'CertificateAuthorityValid')?.message ?? '';
}

/** The same cluster by the same account, with a control plane of its own. */
const us = entry('us', 1, {
	role: 'Primary',
	kubeconfigSecret: { name: 'eu-kubeconfig', namespace: 'meshwright-system' },
});

let asked = 0;

/** Each time it is a change, at which everything is looked at. */
async function askWithRoot(entries: readonly Spec[]): Promise<void> {
	await applyInstallation(home.api, name, {
		version: '1.31.4',
		citadel: { enabled: true, intermediates: { rootSecret: root } },
		deletion: { timeout: `${++asked}m` },
		...multiCluster(entries),
	});
}

test.serial(
	'from one root each control plane gets an authority, and another root takes over without a gap',
	async (t) => {
		await installCrd(other.api);
		await applyFiles(other.api, 'deploy/remote/primary/rbac.generated.yaml');
		await applyInstallation(other.api, 'theirs', { version: '1.31.4', citadel: { caSecretName: 'cacerts' } });
		await askWithRoot([us]);
		await eventually('the root is missed', async () =>
			(await authorityTold()).includes('mesh-root, key tls.crt: not there'),
		);
		const [first, second] = await Promise.all(
			['first', 'second'].map((organisation) => makeAuthority({ organisation })),
		);
		if (first === undefined || second === undefined) return t.fail();

		await giveRoot({ certificate: first.certificate, key: second.key });
		await eventually('the key is refused', async () =>
			(await authorityTold()).includes(
				'tls.key of Secret meshwright-system/mesh-root is not the key of the certificate',
			),
		);
		t.is(await orAbsent(home.api.get(issued)), undefined);
		await giveRoot(first);
		await untilAuthorities('first', 'first');
		const [here, there] = await Promise.all([authorityIn(home), authorityIn(other)]);
		t.not(here.text, there.text);
		for (const { text } of [here, there])
			t.false(text.includes(Buffer.from(first.key).toString('base64').slice(100, 200)));
		await eventually('the status tells both', async () => {
			const { status } = await readInstallation(home.api, name);
			const [us] = status?.clusters ?? [];
			return status?.certificateAuthority?.source === 'Issued' && us?.authorityExpires !== undefined;
		});

		await other.api.delete(issued);
		await eventually('it comes back', async () => (await orAbsent(authorityIn(other)))?.by === 'first');

		await giveRoot(second);
		await untilAuthorities('first,second', 'first');
		await eventually('the rotation is told', async () => {
			const { rotation } = (await readInstallation(home.api, name)).status?.certificateAuthority ?? {};
			return rotation?.stage === 'Learning' && rotation.roots === 2 && rotation.nextAt !== undefined;
		});
		clock.jump(25 * hourMs);
		await askWithRoot([us]);
		await untilAuthorities('first,second', 'second');
		clock.jump(25 * hourMs);
		await askWithRoot([us]);
		await untilAuthorities('second', 'second');

		await askWithRoot([]);
		await untilLeft(home.api, name, 'us', namespace);
		t.is((await authorityIn(other)).by, 'second', 'who is let go goes on with what it has');
		t.deepEqual(forbiddenIn(await requestsOf(home.cluster, operatorUser)), []);
		return t.deepEqual(forbiddenIn(await requestsOf(other.cluster, joinUser)), []);
	},
);
