/** The webhook for pods: when it comes, whom it calls and whom never, what users may change of it, and that it goes first. */
import test from 'ava';
import type { ParsedStatus } from '../api/v1/index.ts';
import { injectionLabel, managedByLabel, managedByValue, meshLabel } from '../operator/apply/identity.ts';
import { webhookGraceMs } from '../operator/apply/installation-memory.ts';
import { checkInjection } from '../operator/cli/check/injection.ts';
import { judge } from '../operator/cli/clusters/mesh.ts';
import { lines } from '../operator/lines/index.ts';
import { injectorName } from '../operator/render/classic/injector-names.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { createLogger } from '../operator/runtime/log/logger.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import {
	readCertificate,
	readWebhook,
	selects,
	serveInjector,
	setAvailable,
	standInAnnotation,
	standInForInjector,
	trustedRoots,
	webhookReference,
} from './support/injector.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readInstallation,
	untilCondition,
	untilInstalled,
	untilSaid,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, person, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { recordInstallation } from './support/recording.ts';
import { changesOf, mark, untilCalm } from './support/writes.ts';

const name = 'injecting';
const namespace = 'istio-injecting';

/** What the webhook of somebody else consists of; it is about no pod. */
const foreign = {
	apiVersion: 'admissionregistration.k8s.io/v1',
	kind: 'MutatingWebhookConfiguration',
	metadata: { name: 'somebody-elses' },
	webhooks: [
		{
			name: 'somebody.example.com',
			admissionReviewVersions: ['v1'],
			clientConfig: { url: 'https://127.0.0.1:9/mutate' },
			objectSelector: { matchLabels: { 'example.com/never': 'true' } },
			sideEffects: 'None',
		},
	],
};

let mesh: MeshCluster;
let operator: RunningOperator;
let foreignVersion: string | undefined;
/** What the operator has logged. */
const log: string[] = [];

function specWith(namespaces: readonly string[], isEnabled = true) {
	return { namespace, sidecarInjector: isEnabled ? { enabled: true, namespaces } : { enabled: false } };
}

async function makeNamespace(where: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
	await mesh.api.create({ ...kinds.Namespace, metadata: { name: where, labels } });
	await makeAccount(where);
}

/** Without controllers nobody else makes it, and no pod is made without it. */
async function makeAccount(where: string): Promise<void> {
	await mesh.api.create({ ...kinds.ServiceAccount, metadata: { namespace: where, name: 'default' } });
}

async function labelsOf(where: string): Promise<Readonly<Record<string, string>>> {
	return (await mesh.api.get<KubeObject>({ ...kinds.Namespace, name: where })).metadata.labels ?? {};
}

/** The injection labels of a namespace: those of users and ours. */
async function injectionOf(where: string): Promise<readonly (string | undefined)[]> {
	const labels = await labelsOf(where);
	return [labels[injectionLabel], labels[meshLabel]];
}

async function label(where: string, labels: Readonly<Record<string, string | null>>): Promise<void> {
	const reference = { ...kinds.Namespace, name: where };
	await mesh.api.patch(reference, { metadata: { labels } }, { type: 'merge', fieldManager: person });
}

/** Makes a pod and tells whether it was given to the injector. Rejects when the API server refuses the pod. */
async function isInjected(where: string, labels: Readonly<Record<string, string>> = {}): Promise<boolean> {
	const { object: pod } = await mesh.api.create<KubeObject>({
		...kinds.Pod,
		metadata: { namespace: where, name: `pod-${Math.random().toString(36).slice(2)}`, labels },
		spec: { containers: [{ name: 'app', image: 'example.com/app:1' }] },
	} as KubeObject);
	return pod.metadata.annotations?.[standInAnnotation] === 'yes';
}

test.before(async () => {
	mesh = await startMeshCluster();
	foreignVersion = (await mesh.api.apply(foreign, { fieldManager: person })).resourceVersion;
	operator = await startOperator(mesh, {
		log: createLogger({ level: 'debug', destination: { write: (line) => void log.push(line) } }),
	});
	await makeNamespace('shop');
	await makeAccount('kube-system');
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

test.serial(
	'before the injector is ready there is no webhook and no namespace has labels, and the status says so',
	async (t) => {
		await applyInstallation(mesh.api, name, specWith(['shop', 'later']));
		await untilSaid(mesh.api, name, 'Installed', 'waiting for the sidecar injector to be ready');
		await untilCalm(mesh.cluster, operatorUser);
		t.is(await readWebhook(mesh.api, namespace), undefined);
		t.deepEqual(await injectionOf('shop'), [undefined, undefined]);
		await makeAccount(namespace);
	},
);

test.serial(
	'the webhook comes when the injector is ready, and then the labels; a namespace that is not there is noted',
	async (t) => {
		const since = await mark(mesh.cluster);
		await setAvailable(mesh.api, namespace, injectorName, true);
		const said = await untilSaid(mesh.api, name, 'Installed', 'not there yet');
		t.regex(said, /namespaces later$/);
		t.deepEqual(await injectionOf('shop'), ['enabled', name]);
		const changed = (await changesOf(mesh.cluster, operatorUser, since)).map(({ objectRef }) => objectRef?.resource);
		const [webhook, labels] = ['mutatingwebhookconfigurations', 'namespaces'].map((kind) => changed.indexOf(kind));
		t.true(webhook !== undefined && labels !== undefined && webhook !== -1 && webhook < labels, changed.join());
	},
);

test.serial(
	'its selectors take namespaces of this mesh or of none, and never those of the cluster and of the mesh',
	async (t) => {
		const webhooks = (await readWebhook(mesh.api, namespace))?.webhooks ?? [];
		t.is(webhooks.length, 2);
		const matches = (labels: Readonly<Record<string, string>>) =>
			webhooks.filter(({ namespaceSelector }) => selects(namespaceSelector, labels)).length;
		const named = (where: string) => ({ 'kubernetes.io/metadata.name': where });
		const enabled = { [injectionLabel]: 'enabled' };
		for (const where of ['kube-system', 'kube-public', 'kube-node-lease', namespace]) {
			t.is(matches({ ...named(where), ...enabled }), 0, where);
			t.is(matches({ ...named(where), ...enabled, [meshLabel]: name }), 0, where);
		}
		t.is(matches({ ...named('shop'), ...enabled }), 1);
		t.is(matches({ ...named('shop'), ...enabled, [meshLabel]: name }), 1);
		t.is(matches({ ...named('shop'), ...enabled, [meshLabel]: 'another' }), 0);
		t.is(matches({ ...named('shop'), [injectionLabel]: 'disabled', [meshLabel]: name }), 0);
		t.is(matches(named('shop')), 0);
		for (const { objectSelector } of webhooks) {
			t.true(selects(objectSelector, { app: 'shop' }));
			t.false(selects(objectSelector, { [managedByLabel]: managedByValue }));
		}
	},
);

test.serial(
	'with nobody to answer, pods of the mesh are refused, and those of the cluster and of the control plane are not',
	async (t) => {
		for (const where of ['kube-system', namespace])
			await label(where, { [injectionLabel]: 'enabled', [meshLabel]: name });
		await eventually('the API server calls the webhook', async () => {
			const outcome = await isInjected('shop').catch((error: Error) => error.message);
			return typeof outcome === 'string' && outcome.includes('sidecar-injector.istio.io');
		});
		t.false(await isInjected('kube-system'));
		t.false(await isInjected(namespace));
		t.false(await isInjected('shop', { [managedByLabel]: managedByValue }), 'what the operator made waits for nobody');
	},
);

test.serial(
	'the API server trusts the certificate: new pods of labelled namespaces, and no others, are sent to the injector, and a dry run shows it',
	async (t) => {
		const stored = judge(await readInstallation(mesh.api, name), (await mesh.api.version()).gitVersion).mesh;
		const look = async () => {
			const place = { nowMs: Date.now(), signal: undefined };
			const results = await checkInjection(mesh.api, stored, place);
			return results.map(({ name: check, state, detail = '' }) => `${check} ${state} ${detail}`).join('\n');
		};
		t.regex(
			await look(),
			/^webhook-certificate ok until .*\ninjector-answers failed in namespace shop: .*sidecar-injector/,
		);
		await makeNamespace('plain');
		await makeNamespace('elsewhere', { [injectionLabel]: 'enabled', [meshLabel]: 'another' });
		const [image = ''] = lines.of(stored).injectedImages(stored);
		const standIn = standInForInjector(await readCertificate(mesh.api, namespace), image);
		await using _ = await serveInjector(mesh, namespace, standIn.take);
		await eventually('a pod gets its proxy', () => isInjected('shop').catch(() => false));
		t.regex(await look(), /\ninjector-answers ok in namespace shop$/);
		for (const where of ['plain', 'elsewhere', 'kube-system', namespace]) t.false(await isInjected(where), where);
		t.deepEqual([...new Set(standIn.asked)], ['shop']);
	},
);

test.serial(
	'what a user does with failurePolicy and adds stays, what a user does with caBundle is repaired',
	async (t) => {
		const roots = await trustedRoots(mesh.api, namespace);
		const names = (await readWebhook(mesh.api, namespace))?.webhooks.map((webhook) => webhook.name) ?? [];
		const { apiVersion, kind, name: configuration } = webhookReference(namespace);
		const own = { ...foreign.webhooks[0], name: 'added.example.com' };
		const lenient = names.map((webhook) => ({ name: webhook, failurePolicy: 'Ignore' }));
		await mesh.api.apply(
			{ apiVersion, kind, metadata: { name: configuration }, webhooks: [...lenient, own] },
			{ fieldManager: person, force: true },
		);
		await mesh.api.patch(
			webhookReference(namespace),
			[
				{
					op: 'replace',
					path: '/webhooks/0/clientConfig/caBundle',
					value: Buffer.from(roots[0] ?? '').toString('base64'),
				},
			],
			{ type: 'json', fieldManager: person },
		);
		const bundles = async () =>
			(await readWebhook(mesh.api, namespace))?.webhooks
				.filter((webhook) => names.includes(webhook.name))
				.map(({ clientConfig }) => clientConfig.caBundle) ?? [];
		const rendered = (await bundles())[1];
		await eventually('caBundle is repaired', async () => (await bundles()).every((bundle) => bundle === rendered));
		await untilCalm(mesh.cluster, operatorUser);
		const after = (await readWebhook(mesh.api, namespace))?.webhooks ?? [];
		t.deepEqual(
			after.map((webhook) => [webhook.name, webhook.failurePolicy]).sort(),
			[...[['added.example.com', 'Fail']], ...names.map((webhook) => [webhook, 'Ignore'])].sort(),
		);
	},
);

test.serial(
	'labels follow the list: a namespace that comes later gets them, one that leaves it loses ours alone',
	async (t) => {
		await makeNamespace('later');
		await eventually('later is labelled', async () => (await injectionOf('later')).join() === `enabled,${name}`);
		await eventually('the note is gone', async () => {
			const { status } = await readInstallation(mesh.api, name);
			return status?.conditions?.find(({ type }) => type === 'Installed')?.message.includes('not there yet') === false;
		});

		await makeNamespace('labelled', { [injectionLabel]: 'enabled', 'example.com/team': 'a' });
		await applyInstallation(mesh.api, name, specWith(['shop', 'labelled']));
		await eventually('labelled is ours', async () => (await injectionOf('labelled')).join() === `enabled,${name}`);
		await eventually('later is free', async () => (await injectionOf('later')).every((value) => value === undefined));
		await applyInstallation(mesh.api, name, specWith(['shop']));
		await eventually('labelled is free', async () => (await injectionOf('labelled'))[1] === undefined);
		t.like(
			await labelsOf('labelled'),
			{ [injectionLabel]: 'enabled', 'example.com/team': 'a' },
			"a user's label stays",
		);
		t.deepEqual(await injectionOf('shop'), ['enabled', name]);
	},
);

test.serial('other namespaces and all pods cause no pass', async (t) => {
	await untilCalm(mesh.cluster, operatorUser);
	const since = log.length;
	await makeNamespace('unrelated', { [injectionLabel]: 'enabled', 'example.com/team': 'a' });
	await label('unrelated', { [injectionLabel]: null });
	await isInjected('unrelated');
	await isInjected(namespace);
	// What comes after it and does cause one.
	await label('shop', { [meshLabel]: null });
	await eventually('shop is labelled again', async () => (await injectionOf('shop')).join() === `enabled,${name}`);
	const reasons = log
		.slice(since)
		.map((line) => JSON.parse(line) as { readonly message: string; readonly reasons?: readonly string[] })
		.filter(({ message }) => message === 'pass begins')
		// The one that was due some time later anyway comes with another, or by itself.
		.map(({ reasons: ofPass = [] }) => ofPass.filter((reason) => reason !== 'requeue'))
		.filter(({ length }) => length > 0);
	t.true(reasons.length > 0);
	t.true(
		reasons.every((ofPass) => ofPass.join() === 'Namespace shop updated'),
		JSON.stringify(reasons),
	);
});

test.serial('a namespace whose labels say otherwise is left as it is, and the status says why', async (t) => {
	await makeNamespace('refusing', { [injectionLabel]: 'disabled' });
	await applyInstallation(mesh.api, name, specWith(['shop', 'refusing']));
	const disabled = await untilCondition(mesh.api, name, 'Installed', 'False', 'InjectionDisabled');
	t.true(disabled.message.includes('Namespace refusing'), disabled.message);
	t.deepEqual(await injectionOf('refusing'), ['disabled', undefined]);

	await makeNamespace('theirs', { [injectionLabel]: 'enabled', [meshLabel]: 'another' });
	await applyInstallation(mesh.api, name, specWith(['shop', 'theirs']));
	const taken = await untilCondition(mesh.api, name, 'Installed', 'False', 'NamespaceInOtherMesh');
	t.true(taken.message.includes('Namespace theirs'), taken.message);
	t.deepEqual(await injectionOf('theirs'), ['enabled', 'another']);

	await label('theirs', { [meshLabel]: null });
	await eventually(
		'what was refused is taken as soon as it may be',
		async () => (await injectionOf('theirs'))[1] === name,
	);
	await untilInstalled(mesh.api, name);
});

test.serial(
	'switched off, the webhook goes first, and what answers it no earlier than API servers have forgotten it',
	async (t) => {
		const since = await mark(mesh.cluster);
		const recording = await recordInstallation<KubeObject & { readonly status?: ParsedStatus }>(mesh.api, name);
		await applyInstallation(mesh.api, name, specWith([], false));
		await untilInstalled(mesh.api, name);
		const said = (await recording.stop()).map(
			({ status }) => status?.conditions?.find(({ type }) => type === 'Installed')?.message ?? '',
		);
		t.true(
			said.some((message) => message.includes('waiting for the API servers to send no more pods to the webhook')),
			said.join('\n'),
		);
		await assertWebhookFirst(t, since);
		const left = (await liveChildren(mesh.api, name)).filter(({ metadata }) => metadata.name.includes(injectorName));
		t.deepEqual(left, []);
		t.deepEqual(await injectionOf('shop'), [undefined, undefined]);
		t.truthy(await mesh.api.get({ ...kinds.Deployment, namespace, name: 'istio-pilot' }));
	},
);

async function assertWebhookFirst(
	t: { true: (value: boolean, message?: string) => void; is: (a: unknown, b: unknown) => void },
	since: number,
) {
	const deletions = (await changesOf(mesh.cluster, operatorUser, since)).filter(({ verb }) => verb === 'delete');
	const [first, second] = deletions;
	t.is(first?.objectRef?.resource, 'mutatingwebhookconfigurations');
	t.true(deletions.some(({ objectRef }) => objectRef?.name === injectorName && objectRef.resource === 'deployments'));
	const graceMs = Date.parse(second?.requestReceivedTimestamp ?? '') - Date.parse(first?.stageTimestamp ?? '');
	// The two clocks are read in two processes.
	t.true(graceMs > webhookGraceMs - 100, `${graceMs} ms`);
}

test.serial('on again the webhook waits for the injector anew, and on uninstall it goes first too', async (t) => {
	await applyInstallation(mesh.api, name, specWith(['shop']));
	await untilSaid(mesh.api, name, 'Installed', 'waiting for the sidecar injector to be ready');
	t.is(await readWebhook(mesh.api, namespace), undefined);
	await setAvailable(mesh.api, namespace, injectorName, true);
	await untilInstalled(mesh.api, name);
	t.truthy(await readWebhook(mesh.api, namespace));
	t.deepEqual(await injectionOf('shop'), ['enabled', name]);

	const since = await mark(mesh.cluster);
	await deleteInstallation(mesh.api, name);
	await assertWebhookFirst(t, since);
	t.deepEqual(await liveChildren(mesh.api, name), []);
	t.deepEqual(await injectionOf('shop'), [undefined, undefined]);
	const { resourceVersion } = (
		await mesh.api.get({ ...kinds.MutatingWebhookConfiguration, name: foreign.metadata.name })
	).metadata;
	t.is(resourceVersion, foreignVersion, 'the webhooks of others were never touched');
});
