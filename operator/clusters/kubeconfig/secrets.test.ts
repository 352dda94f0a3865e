import test from 'ava';
import { eventually } from '../../../e2e/support/eventually.ts';
import { TransientError } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { WatchedServer } from '../watch-testing.ts';
import { KubeconfigSecrets } from './secrets.ts';

const { signal } = new AbortController();
const name = { namespace: 'secrets', name: 'kubeconfig-a' };

function secret(values: Readonly<Record<string, string>> = {}): KubeObject {
	const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
	return { apiVersion: 'v1', kind: 'Secret', metadata: name, data: Object.fromEntries(data) };
}

async function withSecrets(
	body: (watched: WatchedServer, secrets: KubeconfigSecrets, told: readonly string[]) => Promise<void>,
): Promise<void> {
	await using watched = await WatchedServer.start();
	const told: string[] = [];
	const secrets = new KubeconfigSecrets(watched.api, {
		onChange: (_, interested) => void told.push(...interested),
		onError: () => undefined,
	});
	try {
		await body(watched, secrets, told);
	} finally {
		secrets.stop();
	}
}

test('content is read when it is needed and has changed, and not else', async (t) => {
	await withSecrets(async (watched, secrets) => {
		secrets.setInterest('a', name);
		t.is(await secrets.read(name, signal), undefined);
		await eventually('a watch', () => watched.watches() === 1);
		watched.put(secret({ kubeconfig: 'one' }));
		const content = async () => (await secrets.read(name, signal))?.get('kubeconfig')?.toString();
		await eventually('the first content', async () => (await content()) === 'one');
		const before = watched.reads;
		for (let i = 0; i < 5; i++) await secrets.read(name, signal);
		t.is(watched.reads, before);
		watched.put(secret({ kubeconfig: 'two', other: 'x' }));
		await eventually('the second content', async () => (await content()) === 'two');
		watched.take(secret());
		await eventually('its end', async () => (await content()) === undefined);
	});
});

test('who depends on a Secret is told of its changes, and nobody else', async (t) => {
	await withSecrets(async (watched, secrets, told) => {
		secrets.setInterest('a', name);
		secrets.setInterest('b', name);
		secrets.setInterest('c', { ...name, name: 'kubeconfig-c' });
		await secrets.read(name, signal);
		await eventually('a watch', () => watched.watches() === 1);
		watched.put(secret({ kubeconfig: 'one' }));
		await eventually('both are told', () => told.join() === 'a,b');
		secrets.setInterest('a', undefined);
		watched.take(secret());
		await eventually('the other is told', () => told.join() === 'a,b,b');
		t.pass();
	});
});

test('a namespace is watched as long as somebody depends on it', async (t) => {
	await withSecrets(async (watched, secrets) => {
		secrets.setInterest('a', name);
		secrets.setInterest('b', name);
		await secrets.read(name, signal);
		await eventually('a watch', () => watched.watches() === 1);
		// Setting the same interest again causes no request.
		for (let i = 0; i < 5; i++) secrets.setInterest('a', name);
		secrets.setInterest('a', undefined);
		t.is(watched.lists, 1);
		secrets.setInterest('b', { ...name, namespace: 'elsewhere' });
		await eventually('no watch', () => watched.watches('/namespaces/secrets/') === 0);
		await eventually('another watch', () => watched.watches('/namespaces/elsewhere/') === 1);
		t.pass();
	});
});

test('what can not be listed is not there for nobody: it is a failure of this cluster, and who asked is told when it can', async (t) => {
	await withSecrets(async (watched, secrets, told) => {
		watched.isHeld = true;
		secrets.setInterest('a', name);
		const ends = new AbortController();
		const asked = secrets.read(name, ends.signal);
		ends.abort(new TransientError('the pass is over'));
		await t.throwsAsync(asked, { instanceOf: TransientError });
		t.deepEqual(told, []);
		watched.release();
		await eventually('it is told', () => told.join() === 'a');
	});
});

test('once it has ended nothing is watched any more, whoever asks', async (t) => {
	await withSecrets(async (watched, secrets) => {
		secrets.setInterest('a', name);
		await secrets.read(name, signal);
		secrets.stop();
		const { lists } = watched;
		secrets.setInterest('b', { ...name, namespace: 'elsewhere' });
		await t.throwsAsync(secrets.read(name, signal), { instanceOf: TransientError });
		await t.throwsAsync(secrets.read({ ...name, namespace: 'elsewhere' }, signal), { instanceOf: TransientError });
		await eventually('no watch', () => watched.watches() === 0);
		t.is(watched.lists, lists);
	});
});
