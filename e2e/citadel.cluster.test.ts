/**
 * Citadel on a running mesh: switched on and off without a refused pod, its authority, and mutual TLS that waits for it.
 */
import { X509Certificate } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { ParsedStatus } from '../api/v1/index.ts';
import {
	citadelInjectorSecret,
	injectorWebhook,
	ownInjectorSecret,
} from '../operator/render/classic/injector-names.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../operator/runtime/object.ts';
import { authoritySecret, makeAuthority } from './support/certificate-authority.ts';
import { playCitadel } from './support/citadel.ts';
import { eventually, orAbsent } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	eventsAbout,
	liveChildren,
	readInstallation,
	renderedChildren,
	type Spec,
	untilCondition,
	untilEvent,
	untilReady,
	untilSaid,
	warningEventsAbout,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { recordInstallation } from './support/recording.ts';
import { type Moment, recordTimeline, type Timeline } from './support/timeline.ts';
import { changesOf, describeWrite, mark } from './support/writes.ts';

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

const on = { enabled: true };
const off = { enabled: false };

interface Webhook extends KubeObject {
	readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

interface Pod extends KubeObject {
	readonly spec: { readonly volumes?: readonly { readonly secret?: { readonly secretName?: string } }[] };
	readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface Deployment extends KubeObject {
	readonly spec: { readonly replicas?: number; readonly template: Pick<Pod, 'spec'> };
	readonly status?: {
		readonly observedGeneration?: number;
		readonly replicas?: number;
		readonly updatedReplicas?: number;
		readonly availableReplicas?: number;
	};
}

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

const fromBase64 = (text = '') => Buffer.from(text, 'base64').toString('utf8');

function certificatesOf(pem: string): readonly X509Certificate[] {
	const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
	return blocks.map((block) => new X509Certificate(block));
}

/** The roots in the webhook's entries, which are all the same. */
function rootsOf({ webhooks }: Webhook): readonly X509Certificate[] {
	const bundles = new Set(webhooks.map(({ clientConfig }) => fromBase64(clientConfig.caBundle)));
	if (bundles.size !== 1) throw new Error(`${bundles.size} different bundles in one webhook`);
	return [...bundles].flatMap(certificatesOf);
}

function secretsIn({ spec }: Pick<Pod, 'spec'>): readonly string[] {
	return (spec.volumes ?? []).flatMap(({ secret }) => secret?.secretName ?? []);
}

/** Whether a pod of the injector gets requests. */
function serves({ metadata, status }: Pod): boolean {
	const isReady = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
	return isReady && metadata.deletionTimestamp === undefined;
}

function isRolledOut({ metadata, spec, status }: Deployment): boolean {
	const { replicas = 1 } = spec;
	return (
		status?.observedGeneration === metadata.generation &&
		status?.updatedReplicas === replicas &&
		status?.availableReplicas === replicas &&
		status?.replicas === replicas
	);
}

/** The moments of one object. */
function lifeOf<T extends KubeObject>(
	moments: readonly Moment[],
	key: string,
): readonly { readonly revision: number; readonly object: T | undefined }[] {
	return moments.filter((moment) => moment.key === key) as readonly (Moment & { readonly object: T | undefined })[];
}

function keysIn(namespace: string) {
	return {
		webhook: objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectorWebhook({ namespace }) }),
		injector: objectKey({ ...kinds.Deployment, namespace, name: 'istio-sidecar-injector' }),
		own: objectKey({ ...kinds.Secret, namespace, name: ownInjectorSecret }),
		citadels: objectKey({ ...kinds.Secret, namespace, name: citadelInjectorSecret }),
	};
}

function watchInjector(namespace: string): Promise<Timeline> {
	return recordTimeline(mesh.api, {
		namespace,
		kinds: [kinds.MutatingWebhookConfiguration, kinds.Deployment, kinds.Secret, kinds.Pod],
	});
}

/**
 * Replays what happened. At each moment at which the webhook exists, a pod serves, and API servers would accept the
 * certificate of every pod that does.
 */
function assertNobodyIsRefused(t: ExecutionContext, namespace: string, moments: readonly Moment[]): void {
	const { webhook: webhookKey } = keysIn(namespace);
	/** A pod keeps what it has mounted when the Secret is gone. */
	const certificates = new Map<string, string>();
	const pods = new Map<string, Pod>();
	let webhook: Webhook | undefined;
	let looked = 0;
	for (const { key, object, revision } of moments) {
		if (key === webhookKey) webhook = object as Webhook | undefined;
		else if (key.startsWith('Secret ') && object !== undefined) {
			certificates.set(object.metadata.name, fromBase64((object as Secret).data?.['cert-chain.pem']));
		} else if (key.startsWith('Pod ')) {
			if (object === undefined) pods.delete(key);
			else if (object.metadata.labels?.istio === 'sidecar-injector') pods.set(key, object as Pod);
		}
		if (webhook === undefined) continue;
		const roots = rootsOf(webhook);
		const serving = [...pods.values()].filter(serves);
		if (serving.length === 0) t.fail(`nobody serves at revision ${revision}, after ${key}`);
		for (const pod of serving) {
			const [leaf] = secretsIn(pod).flatMap((name) => certificatesOf(certificates.get(name) ?? ''));
			const isKnown = roots.some((root) => leaf?.checkIssued(root) === true && leaf.verify(root.publicKey));
			if (!isKnown) t.fail(`${pod.metadata.name} is refused at revision ${revision}, after ${key}`);
			looked++;
		}
	}
	t.true(looked > 10, 'there was something to look at');
}

/** Checks the order of the stored changes from one source of certificates to the other. */
function assertOrder(t: ExecutionContext, namespace: string, moments: readonly Moment[], wanted: string): void {
	const { webhook, injector } = keysIn(namespace);
	const bundles = lifeOf<Webhook>(moments, webhook);
	t.true(
		bundles.every(({ object }) => object !== undefined),
		'the webhook always stands',
	);
	const rootCounts = bundles.map(({ object }) => (object === undefined ? 0 : rootsOf(object).length));
	const changes = rootCounts.filter((count, index) => count !== rootCounts[index - 1]);
	t.deepEqual(changes, [1, 2, 1], 'one root, both, one');
	const deployments = lifeOf<Deployment>(moments, injector);
	const mountsWanted = (deployment: Deployment | undefined) =>
		deployment !== undefined && secretsIn(deployment.spec.template).includes(wanted);
	const both = bundles[rootCounts.indexOf(2)]?.revision ?? Number.NaN;
	const one = bundles[rootCounts.indexOf(1, rootCounts.indexOf(2))]?.revision ?? Number.NaN;
	const changed = deployments.find(({ object }) => mountsWanted(object))?.revision ?? Number.NaN;
	const rolledOut =
		deployments.find(({ object }) => object !== undefined && mountsWanted(object) && isRolledOut(object))?.revision ??
		Number.NaN;
	t.true(both < changed, 'both are known before the first pod can serve with the new one');
	t.true(rolledOut < one, 'and until the last pod with the old one is gone');
}

async function finalRoots(namespace: string): Promise<readonly string[]> {
	const name = injectorWebhook({ namespace });
	const webhook = await mesh.api.get<Webhook>({ ...kinds.MutatingWebhookConfiguration, name });
	return rootsOf(webhook).map(({ fingerprint256 }) => fingerprint256);
}

async function rootsInSecret(namespace: string, name: string): Promise<readonly string[]> {
	const { data } = await mesh.api.get<Secret>({ ...kinds.Secret, namespace, name });
	return certificatesOf(fromBase64(data?.['root-cert.pem'])).map(({ fingerprint256 }) => fingerprint256);
}

async function assertStanding(t: ExecutionContext, name: string, spec: Spec): Promise<void> {
	const keys = (objects: readonly KubeObject[]) => objects.map(objectKey).sort();
	const rendered = keys(renderedChildren(name, spec));
	let live: readonly string[] = [];
	await eventually('what is rendered is what stands', async () => {
		live = keys(await liveChildren(mesh.api, name));
		return live.join() === rendered.join();
	}).catch(() => undefined);
	t.deepEqual(live, rendered);
}

/** What the operator wrote, one line each, without Events. */
async function written(since: number): Promise<readonly string[]> {
	return (await changesOf(mesh.cluster, operatorUser, since))
		.filter(({ objectRef }) => objectRef?.resource !== 'meshinstallations')
		.map(describeWrite);
}

const directions = [
	{ title: 'off', from: on, to: off, wanted: ownInjectorSecret },
	{ title: 'on', from: off, to: on, wanted: citadelInjectorSecret },
] as const;

for (const version of ['1.0.9', '1.4.10']) {
	test.serial(
		`Istio ${version}: Citadel on, off and on again under a running injector, and no pod is refused at any moment`,
		async (t) => {
			const { api } = mesh;
			const name = `turned-${version.replaceAll('.', '-')}`;
			const namespace = `istio-${name}`;
			const base = { version, namespace, sidecarInjector: { enabled: true, replicas: 2 } };
			t.teardown(playCitadel(api, namespace));
			await applyInstallation(api, name, { ...base, citadel: on });
			await untilReady(api, name);

			for (const { title, to, wanted } of directions) {
				const timeline = await watchInjector(namespace);
				const place = await mark(mesh.cluster);
				await applyInstallation(api, name, { ...base, citadel: to });
				await untilReady(api, name);
				await eventually('only the root that is needed is left', async () => {
					const roots = await finalRoots(namespace);
					return roots.join() === (await rootsInSecret(namespace, wanted)).join();
				});
				if (title === 'on') await untilOwnSecretIsGone(namespace);
				const moments = await timeline.stop();
				assertNobodyIsRefused(t, namespace, moments);
				assertOrder(t, namespace, moments, wanted);
				await assertStanding(t, name, { ...base, citadel: to });

				const lines = await written(place);
				const webhook = lines.findIndex((line) => line.startsWith('patch mutatingwebhookconfigurations'));
				const deployment = lines.findIndex((line) =>
					line.startsWith(`patch deployments ${namespace}/istio-sidecar-injector `),
				);
				t.true(webhook !== -1 && webhook < deployment, lines.join('\n'));
				const isDeletion = (line: string) => line.startsWith(`delete secrets ${namespace}/${ownInjectorSecret} `);
				t.is(lines.filter(isDeletion).length, title === 'on' ? 1 : 0);
				if (title === 'on') {
					const { injector, own } = keysIn(namespace);
					const gone = lifeOf(moments, own).find(({ object }) => object === undefined)?.revision ?? Number.NaN;
					const rolledOut = lifeOf<Deployment>(moments, injector).find(
						({ object }) =>
							object !== undefined && secretsIn(object.spec.template).includes(wanted) && isRolledOut(object),
					)?.revision;
					t.true((rolledOut ?? Number.NaN) < gone, 'the Secret goes when no pod mounts it any more');
				}
			}
			await deleteInstallation(api, name);
		},
	);
}

async function untilOwnSecretIsGone(namespace: string): Promise<void> {
	const { apiVersion, kind } = kinds.Secret;
	await eventually('the Secret of the operator is gone', async () => {
		return (await orAbsent(mesh.api.get({ apiVersion, kind, namespace, name: ownInjectorSecret }))) === undefined;
	});
}

test.serial(
	'an operator that ends in the middle, at each step of both directions, is succeeded by one that goes on',
	async (t) => {
		const { api } = mesh;
		const name = 'halfway';
		const namespace = 'istio-halfway';
		const base = { namespace, sidecarInjector: { enabled: true, replicas: 2 } };
		t.teardown(playCitadel(api, namespace));
		await applyInstallation(api, name, { ...base, citadel: on });
		await untilReady(api, name);
		const { injector, webhook } = keysIn(namespace);
		const reached: Readonly<Record<string, (wanted: string, timeline: Timeline) => Promise<boolean>>> = {
			'both roots are known': async (_wanted, timeline) =>
				lifeOf<Webhook>(timeline.soFar(), webhook).some(
					({ object }) => object !== undefined && rootsOf(object).length === 2,
				),
			'the Deployment has changed': async (wanted, timeline) =>
				lifeOf<Deployment>(timeline.soFar(), injector).some(
					({ object }) => object !== undefined && secretsIn(object.spec.template).includes(wanted),
				),
			'it is rolled out': async (wanted, timeline) =>
				lifeOf<Deployment>(timeline.soFar(), injector).some(
					({ object }) =>
						object !== undefined && secretsIn(object.spec.template).includes(wanted) && isRolledOut(object),
				),
		};
		for (const [step, isReached] of Object.entries(reached)) {
			for (const { title, to, wanted } of directions) {
				const timeline = await watchInjector(namespace);
				await applyInstallation(api, name, { ...base, citadel: to });
				await eventually(`${step}, on the way ${title}`, () => isReached(wanted, timeline));
				await operator.stop();
				operator = await startOperator(mesh);
				await untilReady(api, name);
				await eventually('only the root that is needed is left', async () => {
					return (await finalRoots(namespace)).join() === (await rootsInSecret(namespace, wanted)).join();
				});
				if (title === 'on') await untilOwnSecretIsGone(namespace);
				assertNobodyIsRefused(t, namespace, await timeline.stop());
				await assertStanding(t, name, { ...base, citadel: to });
			}
		}
		await deleteInstallation(api, name);
	},
);

test.serial('mutual TLS is demanded once Citadel is available, and not before', async (t) => {
	const { api } = mesh;
	const name = 'strict';
	const namespace = 'istio-strict';
	const spec = { namespace, mesh: { mtls: { mode: 'STRICT' } } };
	t.teardown(playCitadel(api, namespace));
	const timeline = await recordTimeline(api, { namespace, kinds: [kinds.Deployment] });
	const nowhere = { enabled: true, nodeSelector: { 'example.com/no-such-node': 'true' } };
	await applyInstallation(api, name, { ...spec, citadel: nowhere });
	const sentence = await eventually('it says what it waits for', async () => {
		const { message } = await untilCondition(api, name, 'Installed', 'False');
		return message.includes('Citadel') ? message : undefined;
	});
	t.regex(sentence, /waiting for Citadel to be ready/);
	const isDemand = ({ kind }: KubeObject) => kind === 'MeshPolicy' || kind === 'DestinationRule';
	const demands = renderedChildren(name, { ...spec, citadel: on }).filter(isDemand);
	t.deepEqual(demands.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(), [
		'DestinationRule api-server',
		'DestinationRule default',
		'MeshPolicy default',
	]);
	t.deepEqual((await liveChildren(api, name)).filter(isDemand), []);

	await applyInstallation(api, name, { ...spec, citadel: on });
	await untilReady(api, name);
	const stored = (await liveChildren(api, name)).filter(isDemand);
	t.deepEqual(stored.map(objectKey).sort(), demands.map(objectKey).sort());
	const citadel = objectKey({ ...kinds.Deployment, namespace, name: 'istio-citadel' });
	const available = lifeOf<Deployment>(await timeline.stop(), citadel).find(
		({ object }) => (object?.status?.availableReplicas ?? 0) > 0,
	);
	for (const { metadata, kind } of stored)
		t.true((available?.revision ?? Number.NaN) < Number(metadata.resourceVersion), `${kind} ${metadata.name}`);
	await deleteInstallation(api, name);
});

test.serial('while the pod of a changed Citadel is on its way out, nothing is said to have failed', async (t) => {
	const { api } = mesh;
	const name = 'replaced';
	const namespace = 'istio-replaced';
	t.teardown(playCitadel(api, namespace));
	await applyInstallation(api, name, { namespace, citadel: on });
	await untilReady(api, name);
	const { items } = await api.list<Pod>(kinds.Pod, { namespace, labelSelector: 'istio=citadel' });
	const [pod] = items;
	if (pod === undefined) throw new Error('Citadel has no pod');
	const hold = (finalizers: readonly string[] | null) =>
		api.patch(referenceOf(pod), { metadata: { finalizers } }, { type: 'merge' });
	await hold(['example.com/slow-to-end']);
	const recording = await recordInstallation<KubeObject & { readonly status?: ParsedStatus }>(api, name);

	await applyInstallation(api, name, { namespace, citadel: { ...on, resources: { requests: { cpu: '20m' } } } });
	await eventually('there is no pod of either template', async () => {
		const reference = { ...kinds.Deployment, namespace, name: 'istio-citadel' };
		const { metadata, status = {} } = await api.get<Deployment>(reference);
		return status.observedGeneration === metadata.generation && (metadata.generation ?? 0) > 1 && !status.replicas;
	});
	await untilCondition(api, name, 'Ready', 'Unknown', 'Progressing');
	await untilSaid(api, name, 'Ready', 'istio-citadel: 0 of 1 pods updated, 0 available');
	await hold(null);
	await untilReady(api, name);
	const said = (await recording.stop()).flatMap(({ status }) => status?.conditions ?? []);
	t.deepEqual(
		said.filter(({ type, status }) => type === 'Ready' && status === 'False'),
		[],
	);
	t.deepEqual(await warningEventsAbout(api, name), []);
	await deleteInstallation(api, name);
});

test.serial(
	'a CA of the user’s own is waited for, shown, and followed by Citadel alone; one that ends soon is told of, and its key is nowhere',
	async (t) => {
		const { api } = mesh;
		const name = 'provided';
		const namespace = 'istio-provided';
		const caSecretName = 'cacerts';
		const spec = { namespace, sidecarInjector: on, citadel: { enabled: true, caSecretName } };
		t.teardown(playCitadel(api, namespace));
		await applyInstallation(api, name, spec);
		const { message } = await eventually('it says what it waits for', async () => {
			const found = await untilCondition(api, name, 'Installed', 'False');
			return found.message.includes(caSecretName) ? found : undefined;
		});
		t.true(message.includes(`waiting for Secret ${namespace}/${caSecretName}`), message);
		await untilCondition(api, name, 'CertificateAuthorityValid', 'False', 'CANotFound');
		const deployment = { ...kinds.Deployment, namespace, name: 'istio-citadel' };
		t.is(await orAbsent(api.get(deployment)), undefined);

		const first = await makeAuthority({ organisation: 'first.example.com' });
		await api.create(authoritySecret(namespace, caSecretName, first));
		await untilReady(api, name);
		await untilCondition(api, name, 'CertificateAuthorityValid', 'True', 'CertificateAuthorityValid');
		t.like((await readInstallation(api, name)).status?.certificateAuthority, {
			source: 'Provided',
			secretName: caSecretName,
			subject: 'O=first.example.com',
			notAfter: `${new X509Certificate(first.certificate).validToDate.toISOString().slice(0, 19)}Z`,
			timeLeft: '9 years',
		});

		const workloads = async () => {
			const { items } = await api.list<Deployment>(kinds.Deployment, { namespace });
			return new Map(items.map(({ metadata }) => [metadata.name, metadata.generation]));
		};
		const before = await workloads();
		const place = await mark(mesh.cluster);
		const second = await makeAuthority({ organisation: 'second.example.com', ageDays: 90, daysLeft: 10 });
		await api.replace(authoritySecret(namespace, caSecretName, second));
		const { reason } = await untilCondition(api, name, 'CertificateAuthorityValid', 'True', 'CAExpiring');
		t.is(reason, 'CAExpiring');
		await untilEvent(api, name, 'CAExpiring', 'second.example.com');
		const warning = (await eventsAbout(api, name)).find((event) => event.reason === 'CAExpiring');
		t.is(warning?.type, 'Warning');
		t.like((await readInstallation(api, name)).status?.certificateAuthority, {
			subject: 'O=second.example.com',
			timeLeft: '9 days',
		});
		const roots = [second, first].map(({ certificate }) => new X509Certificate(certificate).fingerprint256);
		await eventually('API servers know the new root, and the old one until the injector has followed', async () => {
			return (await finalRoots(namespace)).join() === roots.join();
		});
		await untilReady(api, name);
		const generation = before.get('istio-citadel') ?? Number.NaN;
		t.deepEqual(await workloads(), new Map([...before, ['istio-citadel', generation + 1]]), 'Citadel, once');
		const touched = new Set((await written(place)).map((line) => line.replace(/ \d+$/, '')));
		t.deepEqual([...touched].sort(), [
			`patch deployments ${namespace}/istio-citadel`,
			`patch mutatingwebhookconfigurations ${injectorWebhook({ namespace })}`,
		]);

		// Citadel would start with it and give no certificates.
		const third = await makeAuthority({ organisation: 'third.example.com', keyType: 'ec' });
		await api.replace(authoritySecret(namespace, caSecretName, third));
		await untilCondition(api, name, 'CertificateAuthorityValid', 'False', 'CAKeyUnsupported');
		await untilSaid(
			api,
			name,
			'Installed',
			'its ca-cert.pem has a key of type ec, and Citadel gives certificates with an RSA key alone',
		);
		// It would end with these at once.
		await api.replace(authoritySecret(namespace, caSecretName, { ...second, key: first.key }));
		const { message: unfit } = await untilCondition(api, name, 'CertificateAuthorityValid', 'False', 'CAInvalid');
		t.regex(unfit, /^ca-key\.pem of Secret cacerts is not the key of the certificate in ca-cert\.pem;/);
		await untilSaid(api, name, 'Installed', 'its ca-key.pem is not the key');
		await api.replace(authoritySecret(namespace, caSecretName, second));
		await untilReady(api, name);
		t.is((await workloads()).get('istio-citadel'), generation + 1, 'it has gone on with what it had');

		const { body } = await operator.ask('/metrics');
		const seen = JSON.stringify([
			await readInstallation(api, name),
			await liveChildren(api, name),
			await eventsAbout(api, name),
			body,
		]);
		for (const { key } of [first, second, third]) {
			const secret = key.replaceAll(/-----[^-]+-----|\s/g, '');
			t.false(seen.includes(secret.slice(0, 40)) || seen.includes(secret.slice(-40)));
		}
		t.regex(body, /meshwright_certificate_authority_expiry_timestamp_seconds\{[^}]*"provided"[^}]*\} \d/);
		await deleteInstallation(api, name);
	},
);

test.serial('a CA that Citadel made is shown as such', async (t) => {
	const { api } = mesh;
	const name = 'self-signed';
	const namespace = 'istio-self-signed';
	t.teardown(playCitadel(api, namespace));
	await applyInstallation(api, name, { namespace, citadel: on });
	await untilReady(api, name);
	await untilCondition(api, name, 'CertificateAuthorityValid', 'True', 'CertificateAuthorityValid');
	t.like((await readInstallation(api, name)).status?.certificateAuthority, {
		source: 'SelfSigned',
		secretName: 'istio-ca-secret',
		subject: 'O=cluster.local',
	});
	await deleteInstallation(api, name);
});
