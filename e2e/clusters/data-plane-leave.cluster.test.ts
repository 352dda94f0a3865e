/** A cluster with a data plane leaves: the webhook first, then the rest in reverse. Only what was there before stays. */
import test, { type ExecutionContext } from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import { authoritySecret, makeAuthority } from '../support/certificate-authority.ts';
import { playCitadel } from '../support/citadel.ts';
import {
	everythingIn,
	joinUser,
	keptThere,
	namespace,
	type Pair,
	startPair,
	withDataPlane,
} from '../support/data-plane.ts';
import { eventually, untilStill } from '../support/eventually.ts';
import { applyInstallation, deleteInstallation, type Spec, untilReady } from '../support/installation.ts';
import { multiCluster, startJoiningOperator, untilCluster, untilLeft } from '../support/joined.ts';
import { operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { changesOf, describeWrite, forbiddenIn, type Mark, mark, requestsOf } from '../support/writes.ts';

const name = 'mesh';
const base = {
	sidecarInjector: { enabled: true, namespaces: ['shop'] },
	citadel: { enabled: true, caSecretName: 'cacerts' },
};

let pair: Pair;
let operator: RunningOperator;
const endings: (() => void)[] = [];
/** Uids of what existed in the other cluster before, by key, except what its own controllers change. */
let before: Readonly<Record<string, string>>;

async function standing(): Promise<Readonly<Record<string, string>>> {
	return everythingIn(pair.other.api);
}

function specWith(clusters: Spec): Spec {
	return { ...base, ...clusters };
}

async function joined(): Promise<void> {
	await applyInstallation(pair.home.api, name, specWith(withDataPlane()));
	await untilReady(pair.home.api, name);
	await untilCluster(pair.home.api, name, 'eu', 'Ready', 'True');
	await eventually('shop is labelled', async () => (await labelThere()) === 'enabled');
}

async function labelThere(): Promise<string | undefined> {
	const { metadata } = await pair.other.api.get({ ...kinds.Namespace, name: 'shop' });
	return metadata.labels?.['istio-injection'];
}

/** The order of deletions, by the audit log. */
async function assertOrder(t: ExecutionContext, place: Mark): Promise<void> {
	const lines = (await changesOf(pair.other.cluster, joinUser, place))
		.filter(({ verb }) => verb === 'delete')
		.map(describeWrite);
	const at = (what: RegExp) => lines.map((line, index) => (what.test(line) ? index : -1)).filter((index) => index >= 0);
	const first = (what: RegExp) => at(what)[0] ?? Number.NaN;
	const last = (what: RegExp) => at(what).at(-1) ?? Number.NaN;
	t.is(first(/mutatingwebhookconfigurations/), 0, lines.join('\n'));
	t.true(last(/deployments/) < first(/bindings/), lines.join('\n'));
	t.true(last(/bindings/) < first(/serviceaccounts/), lines.join('\n'));
}

/** What Citadel made is not the operator's: its certificates stay with the accounts of users. */
const ofCitadel = /^Secret \S+\/istio\./;

async function assertNothingLeft(t: ExecutionContext): Promise<void> {
	t.deepEqual(await keptThere(pair, name), []);
	const keys = Object.keys(before);
	let more: readonly string[] = [];
	await eventually('controllers took away what they copied', async () => {
		more = Object.keys(await standing()).filter((key) => !ofCitadel.test(key) && !keys.includes(key));
		return more.length === 0;
	}).catch(() => t.deepEqual(more, []));
	t.is(await labelThere(), undefined);
	const after = await standing();
	const theirs = keys.filter((key) => !key.startsWith('Namespace ') && !key.startsWith('Endpoints '));
	t.deepEqual(
		theirs.filter((key) => before[key] !== after[key]),
		[],
	);
}

test.before(async () => {
	pair = await startPair({ parts: 'all' });
	const { home, other } = pair;
	for (const { api } of [home, other]) endings.push(playCitadel(api, namespace));
	await other.api.create({ ...kinds.Namespace, metadata: { name: 'shop' } });
	await home.api.create({ ...kinds.Namespace, metadata: { name: namespace } });
	const authority = authoritySecret(namespace, 'cacerts', await makeAuthority({ organisation: 'common' }));
	for (const { api } of [home, other]) await api.create(authority);
	for (const [kind, more] of [
		[kinds.ConfigMap, { data: { a: 'b' } }],
		[kinds.Service, { spec: { ports: [{ port: 80 }] } }],
	] as const) {
		const { apiVersion, kind: kindName } = kind;
		await other.api.create({ apiVersion, kind: kindName, metadata: { namespace, name: 'theirs' }, ...more });
	}
	await eventually('its controllers are done', async () => {
		const { items } = await other.api.list(kinds.ServiceAccount);
		return items.filter(({ metadata }) => metadata.name === 'default').length >= 7;
	});
	before = await untilStill('what the cluster makes by itself', standing);
	operator = await startJoiningOperator(home);
	await joined();
});
test.after.always(async () => {
	await operator?.stop();
	for (const end of endings) end();
	await pair?.stop();
});

test.serial('the webhook goes first, the account last, and nothing is left', async (t) => {
	const place = await mark(pair.other.cluster);
	await applyInstallation(pair.home.api, name, specWith(multiCluster([])));
	await untilLeft(pair.home.api, name, 'eu', namespace);
	await assertOrder(t, place);
	await assertNothingLeft(t);
});

test.serial('an operator that ends in the middle is succeeded by one that goes on', async (t) => {
	await joined();
	const { home, other } = pair;
	const place = await mark(other.cluster);
	await applyInstallation(home.api, name, specWith(multiCluster([])));
	for (const resource of ['mutatingwebhookconfigurations', 'deployments', 'serviceaccounts']) {
		await eventually(`${resource} are deleted`, async () => {
			const changes = await changesOf(other.cluster, joinUser, place);
			return changes.some(({ verb, objectRef }) => verb === 'delete' && objectRef?.resource === resource);
		});
		await operator.stop();
		operator = await startJoiningOperator(home);
	}
	await untilLeft(home.api, name, 'eu', namespace);
	await assertOrder(t, place);
	await assertNothingLeft(t);
});

test.serial('with the installation its clusters leave', async (t) => {
	await joined();
	const place = await mark(pair.other.cluster);
	await deleteInstallation(pair.home.api, name);
	await assertOrder(t, place);
	await assertNothingLeft(t);
});

// This test is last, because it is about everything before it.
test.serial('nothing was forbidden on either side', async (t) => {
	for (const [cluster, user] of [
		[pair.home.cluster, operatorUser],
		[pair.other.cluster, joinUser],
	] as const) {
		t.deepEqual(forbiddenIn(await requestsOf(cluster, user)), []);
	}
});
