/** Watches of single objects, on a real API server. */
import test from 'ava';
import { type Cluster, startCluster } from '../../../e2e/control-plane/cluster.ts';
import { deadlineMs, eventually } from '../../../e2e/support/eventually.ts';
import { ApiServer } from '../client/api-server.ts';
import { kinds } from '../kinds.ts';
import { NamedObjects } from './named-objects.ts';

let cluster: Cluster;
let api: ApiServer;

test.before(async () => {
	cluster = await startCluster();
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
});
test.after.always(async () => {
	await api?.close();
	await cluster?.stop();
});

interface Happening {
	readonly name: string;
	readonly interested: readonly string[];
}

function watching(happenings: Happening[] = []) {
	return new NamedObjects<string>(api, {
		kind: kinds.Secret,
		transform: ({ metadata }) => metadata.resourceVersion ?? '',
		onChange: ({ name }, interested) => happenings.push({ name, interested: interested.toSorted() }),
	});
}

function named(name: string) {
	return { namespace: 'default', name };
}

function secret(name: string) {
	const { apiVersion, kind } = kinds.Secret;
	return { apiVersion, kind, metadata: named(name) };
}

test('an object is unknown at first, then seen to be absent or there, and each change is told to who depends on it', async (t) => {
	const happenings: Happening[] = [];
	const secrets = watching(happenings);
	secrets.setInterest('a', [named('changing')]);
	secrets.setInterest('b', [named('changing')]);
	t.is(secrets.get(named('changing')), 'unknown');
	await secrets.synced('a', deadlineMs);
	t.is(secrets.get(named('changing')), undefined);
	await eventually('its absence is told', async () => happenings.length === 1);

	const { resourceVersion } = await api.create(secret('changing'));
	await api.create(secret('bystander'));
	await eventually('it is seen', async () => secrets.get(named('changing')) === resourceVersion);
	await api.delete({ ...kinds.Secret, ...named('changing') });
	await eventually('it is gone', async () => secrets.get(named('changing')) === undefined);
	t.deepEqual(happenings, [
		{ name: 'changing', interested: ['a', 'b'] },
		{ name: 'changing', interested: ['a', 'b'] },
		{ name: 'changing', interested: ['a', 'b'] },
	]);
	secrets.stop();
});

test('what nobody depends on any more is watched no more', async (t) => {
	const happenings: Happening[] = [];
	const secrets = watching(happenings);
	secrets.setInterest('a', [named('left')]);
	secrets.setInterest('b', [named('left')]);
	await secrets.synced('a', deadlineMs);
	secrets.setInterest('a', []);
	t.is(secrets.get(named('left')), undefined, 'b still looks at it');
	secrets.setInterest('b', [named('other')]);
	t.is(secrets.get(named('left')), 'unknown');
	await secrets.synced('b', deadlineMs);
	const before = happenings.length;
	await api.create(secret('left'));
	await api.create(secret('other'));
	await eventually('the other is seen', async () => typeof secrets.get(named('other')) === 'string');
	t.deepEqual(happenings.slice(before), [{ name: 'other', interested: ['b'] }]);
	secrets.stop();
});

test('once it has ended nothing is watched any more, whoever asks', async (t) => {
	const happenings: Happening[] = [];
	const secrets = watching(happenings);
	secrets.setInterest('a', [named('ended')]);
	await secrets.synced('a', deadlineMs);
	secrets.stop();
	const before = happenings.length;
	secrets.setInterest('a', [named('ended')]);
	await secrets.synced('a', deadlineMs);
	t.is(secrets.get(named('ended')), 'unknown');
	await api.create(secret('ended'));
	t.is(happenings.length, before);
});

test('one that can not be read holds nobody up for longer than the deadline', async (t) => {
	const blind = new ApiServer({ url: cluster.url, ca: cluster.ca, token: 'nobody' });
	const errors: unknown[] = [];
	const secrets = new NamedObjects<string>(blind, {
		kind: kinds.Secret,
		transform: () => '',
		onChange: () => undefined,
		onError: (error) => errors.push(error),
	});
	secrets.setInterest('a', [named('secret')]);
	await secrets.synced('a', 100);
	const stopping = AbortSignal.abort(new Error('stopped'));
	await t.throwsAsync(secrets.synced('a', 600_000, stopping), { message: 'stopped' });
	await eventually('the refusal is reported', async () => errors.length > 0);
	t.is(secrets.get(named('secret')), 'unknown');
	secrets.stop();
	await blind.close();
});
