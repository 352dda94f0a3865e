/**
 * A change of version by a second revision, from its beginning until the first one is gone: back and forth, while operators
 * die at random moments, and a user writes objects of Istio all along. istiods are played.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ParsedStatus } from '../../../api/v1/index.ts';
import { eventually, orAbsent } from '../../../e2e/support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readInstallation,
	untilReady,
} from '../../../e2e/support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../../../e2e/support/mesh-cluster.ts';
import { type MortalOperator, startMortalOperator } from '../../../e2e/support/mortal-operator.ts';
import { type ObjectWitness, refusesWrong, watchObjects } from '../../../e2e/support/object-witness.ts';
import { type PlayedIstiods, playIstiods } from '../../../e2e/support/played-istiod.ts';
import { record } from '../../../e2e/support/recording.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject, ObjectReference } from '../../runtime/object.ts';

const namespace = 'istio-system';
const [old, next] = ['1.30.8', '1.31.4'];
const revision = '1-31-4';

let mesh: MeshCluster;
let istiods: PlayedIstiods;
let user: ObjectWitness | undefined;
/** How far the operators' clocks are ahead. */
let aheadMs = 0;
let operator: MortalOperator;
let reaping: Promise<void> = Promise.resolve();
let isReaping = true;

const options = { wallClock: () => Date.now() + aheadMs, proxiesQuietMs: 100 };

/** One operator after the other, each for a random time after it has begun to work, so that a slow machine gets on too. */
async function reap(): Promise<void> {
	operator = await startMortalOperator(mesh, options);
	while (isReaping) {
		await operator.started.catch(() => undefined);
		await sleep(Math.random() * 10_000);
		if (!isReaping) return;
		await operator.kill();
		operator = await startMortalOperator(mesh, options);
	}
}

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	istiods = await playIstiods(mesh.api, mesh.cluster);
	reaping = reap();
});
test.after.always(async () => {
	isReaping = false;
	await reaping;
	await operator?.kill();
	await user?.stop();
	await istiods?.stop();
	await mesh?.stop();
});

type Webhook = KubeObject & {
	readonly webhooks: readonly {
		readonly name: string;
		readonly clientConfig: { readonly service: { readonly name: string }; readonly caBundle?: string };
		readonly namespaceSelector: { readonly matchLabels?: object };
	}[];
};

const webhookOf = (name: string): ObjectReference => ({ ...kinds.MutatingWebhookConfiguration, name });
const deploymentOf = (name: string): ObjectReference => ({ ...kinds.Deployment, namespace, name });

async function webhook(name: string): Promise<Webhook | undefined> {
	return orAbsent(mesh.api.get<Webhook>(webhookOf(name)));
}

function isWithdrawn({ webhooks }: Webhook): boolean {
	return webhooks.every(({ namespaceSelector }) => namespaceSelector.matchLabels !== undefined);
}

async function revisions(): Promise<NonNullable<ParsedStatus['revisions']>> {
	return (await readInstallation(mesh.api, 'default')).status?.revisions ?? [];
}

async function statesOf(): Promise<Readonly<Record<string, string>>> {
	return Object.fromEntries((await revisions()).map(({ name, state }) => [name, state]));
}

async function untilStates(expected: Readonly<Record<string, string>>): Promise<void> {
	try {
		await eventually(`revisions are ${JSON.stringify(expected)}`, async () => {
			const states = await statesOf();
			return (
				Object.keys(states).length === Object.keys(expected).length &&
				Object.entries(expected).every(([name, state]) => states[name] === state)
			);
		});
	} catch (error) {
		const { status } = await readInstallation(mesh.api, 'default');
		throw new Error(`${(error as Error).message}: ${JSON.stringify(status, null, 1)}`, { cause: error });
	}
}

function spec(version: string, upgrade: object = {}) {
	return {
		version,
		profile: 'default',
		upgrade: { strategy: 'Canary', inactiveRevisionGracePeriod: '1h', ...upgrade },
	};
}

/** A pod as an injector of a revision leaves it. */
function injected(name: string, by: string): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'users', annotations: { 'istio.io/rev': by } },
		spec: {
			containers: [
				{ name: 'app', image: 'app:1' },
				{ name: 'istio-proxy', image: `docker.io/istio/proxyv2:${by === revision ? next : old}` },
			],
		},
	};
}

test('a second revision comes beside the first, takes over, gives back, takes over again, and the first goes when nobody uses it', async (t) => {
	const { api } = mesh;
	const { cluster } = mesh;
	await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'users' } }, { fieldManager: 'kubectl' });
	user = watchObjects(cluster, 'users');
	await applyInstallation(api, 'default', { version: old, profile: 'default' });
	await untilReady(api, 'default');
	const isChecked = (labels = {}) => refusesWrong(cluster, 'users', labels);
	await eventually('what is wrong is refused', () => isChecked());
	await eventually('and where it names the revision', () => isChecked({ 'istio.io/rev': 'default' }));
	t.deepEqual(await revisions(), [], 'one without a name is not told of');
	await api.apply(injected('first', 'default'), { fieldManager: 'kubectl' });

	// It stops before those who name no revision are led to it.
	await applyInstallation(api, 'default', spec(next, { pauseBefore: ['Webhooks'] }));
	await eventually('it waits for approval', async () => {
		const { status } = await readInstallation(api, 'default');
		return status?.upgrade?.state === 'WaitingForApproval';
	});
	t.deepEqual(await statesOf(), { default: 'Active', [revision]: 'Coming' });
	const own = await webhook(`istio-sidecar-injector-${revision}`);
	t.is(own?.webhooks[0]?.clientConfig.service.name, `istiod-${revision}`);
	t.is(await webhook('istio-revision-tag-default'), undefined);
	const before = await webhook('istio-sidecar-injector');
	t.true(before !== undefined && !isWithdrawn(before));
	const uid = (await api.get<KubeObject>(deploymentOf('istiod'))).metadata.uid;

	// Approved, the webhook of those who name none waits for its authority, and the one before serves meanwhile.
	await eventually('what is wrong and names the second revision is refused', () =>
		isChecked({ 'istio.io/rev': revision }),
	);
	// It answers with an error: nobody is led to it, and that is told.
	istiods.ailing.add(revision);
	const approved = { version: next, stage: 'Webhooks' };
	const tag = await record<Webhook>(api, kinds.MutatingWebhookConfiguration, { name: 'istio-revision-tag-default' });
	await applyInstallation(api, 'default', spec(next, { pauseBefore: ['Webhooks'], approved }));
	await eventually('the status says that the second revision gives no answer, and what to do', async () => {
		const { status } = await readInstallation(api, 'default');
		return /revision 1-31-4 to answer API servers, before .*failed calling webhook.*Look at/.test(
			status?.upgrade?.waitingFor ?? '',
		);
	});
	t.is(await webhook('istio-revision-tag-default'), undefined);
	const meanwhile = await webhook('istio-sidecar-injector');
	t.true(meanwhile !== undefined && !isWithdrawn(meanwhile));
	t.true(await isChecked(), 'what names no revision is checked by the first one');
	istiods.ailing.clear();
	await untilStates({ [revision]: 'Active', default: 'Standing' });
	await untilReady(api, 'default');
	const [taken, left] = [await webhook('istio-revision-tag-default'), await webhook('istio-sidecar-injector')];
	t.true(taken !== undefined && !isWithdrawn(taken) && left !== undefined);
	await eventually('the one before asks about nothing', async () => {
		const now = await webhook('istio-sidecar-injector');
		return now !== undefined && isWithdrawn(now);
	});
	t.true(taken?.webhooks.every(({ clientConfig }) => clientConfig.service.name === `istiod-${revision}`));
	const versions = await tag.stop();
	t.true(versions.length > 0);
	for (const one of versions)
		t.true(isWithdrawn(one) || one.webhooks.every(({ clientConfig }) => clientConfig.caBundle !== undefined));
	t.true(versions[0] !== undefined && isWithdrawn(versions[0]));
	t.true(await isChecked(), 'what names no revision is checked by the second one');
	t.like(
		(await revisions()).find(({ name }) => name === 'default'),
		{ version: old, inUse: 'True', proxies: 1 },
	);

	// Back: the first one never left, so nothing of it is made anew.
	await applyInstallation(api, 'default', spec(old));
	await untilStates({ default: 'Active', [revision]: 'Standing' });
	await eventually('the webhook without a name asks again, and the tag is gone', async () => {
		const now = await webhook('istio-sidecar-injector');
		return now !== undefined && !isWithdrawn(now) && (await webhook('istio-revision-tag-default')) === undefined;
	});
	t.is((await api.get<KubeObject>(deploymentOf('istiod'))).metadata.uid, uid);

	// And forward again, until nobody uses the first one and its time is over.
	await applyInstallation(api, 'default', spec(next));
	await untilStates({ [revision]: 'Active', default: 'Standing' });
	aheadMs += 2 * 3_600_000;
	await api.apply(injected('second', revision), { fieldManager: 'kubectl' });
	await eventually('the second proxy is seen', async () =>
		(await revisions()).some(({ proxies, state }) => state === 'Active' && proxies === 1),
	);
	t.like(await statesOf(), { default: 'Standing' }, 'somebody uses it, whatever the time');
	await api.delete({ apiVersion: 'v1', kind: 'Pod', namespace: 'users', name: 'first' });
	await eventually('its time has begun', async () =>
		(await revisions()).some(({ name, removedAfter }) => name === 'default' && removedAfter !== undefined),
	);
	t.true((await orAbsent(api.get(deploymentOf('istiod')))) !== undefined);
	t.true(user.written() > 0);
	t.deepEqual(user.refusals, [], 'nobody was refused because no istiod could answer');
	istiods.ailing.add(revision);
	// One that has heard a good answer a moment ago goes by it.
	const hasHeard = operator;
	await eventually('another operator lives', () => operator !== hasHeard);
	aheadMs += 3_600_000;
	await applyInstallation(api, 'default', spec(next, { progressDeadline: '11m' }));
	await eventually('it stays while the other one gives no answer', async () =>
		(await revisions()).some(
			({ state, message = '' }) =>
				state === 'Standing' && /to answer API servers, before this one goes: /.test(message),
		),
	);
	istiods.ailing.clear();
	await untilStates({ [revision]: 'Active' });
	const names = (await liveChildren(api, 'default')).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
	t.deepEqual(
		names.filter((name) =>
			/ (istiod|istio|istio-sidecar-injector|istiod-istio-system|istio-validator-istio-system)$/.test(name),
		),
		[],
	);
	t.true(names.includes('MutatingWebhookConfiguration istio-revision-tag-default'));
	t.true(names.includes(`Deployment istiod-${revision}`));
	await untilReady(api, 'default');
	t.true(await isChecked());

	isReaping = false;
	await reaping;
	await user.stop();
	await istiods.stop();
	const validator = { ...kinds.ValidatingWebhookConfiguration, name: 'istiod-default-validator' };
	await api.patch(validator, [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }], { type: 'json' });
	await eventually('without an authority nobody is asked', async () => !(await isChecked()));

	await deleteInstallation(api, 'default');
	t.deepEqual(await liveChildren(api, 'default'), []);
});
