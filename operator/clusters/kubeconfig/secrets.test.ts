import test from 'ava';
import { mayReadLabel } from '../../../api/v1/index.ts';
import { eventually } from '../../../e2e/support/eventually.ts';
import { TransientError } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { WatchedServer } from '../watch-testing.ts';
import { notReadable } from './may-read.ts';
import { KubeconfigSecrets } from './secrets.ts';

const { signal } = new AbortController();
const name = { namespace: 'secrets', name: 'kubeconfig-a' };
const reader = { mesh: 'default', namespace: 'istio-system' };
const interest = { name, reader };

function secret(values: Readonly<Record<string, string>> = {}, allowed: string | null = 'default'): KubeObject {
	const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
	return {
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { ...name, labels: allowed === null ? {} : { [mayReadLabel]: allowed } },
		data: Object.fromEntries(data),
	};
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
		secrets.setInterest('a', interest);
		t.is(await secrets.read(interest, signal), undefined);
		await eventually('a watch', () => watched.watches() === 1);
		watched.put(secret({ kubeconfig: 'one' }));
		const content = async () => (await secrets.read(interest, signal))?.get('kubeconfig')?.toString();
		await eventually('the first content', async () => (await content()) === 'one');
		const before = watched.reads;
		for (let i = 0; i < 5; i++) await secrets.read(interest, signal);
		t.is(watched.reads, before);
		watched.put(secret({ kubeconfig: 'two', other: 'x' }));
		await eventually('the second content', async () => (await content()) === 'two');
		watched.take(secret());
		await eventually('its end', async () => (await content()) === undefined);
	});
});

test('who depends on a Secret is told of its changes, and nobody else', async (t) => {
	await withSecrets(async (watched, secrets, told) => {
		secrets.setInterest('a', interest);
		secrets.setInterest('b', interest);
		secrets.setInterest('c', { name: { ...name, name: 'kubeconfig-c' }, reader });
		await secrets.read(interest, signal);
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
		secrets.setInterest('a', interest);
		secrets.setInterest('b', interest);
		await secrets.read(interest, signal);
		await eventually('a watch', () => watched.watches() === 1);
		// Setting the same interest again causes no request.
		for (let i = 0; i < 5; i++) secrets.setInterest('a', interest);
		secrets.setInterest('a', undefined);
		t.is(watched.lists, 1);
		secrets.setInterest('b', { name: { ...name, namespace: 'elsewhere' }, reader });
		await eventually('no watch', () => watched.watches('/namespaces/secrets/') === 0);
		await eventually('another watch', () => watched.watches('/namespaces/elsewhere/') === 1);
		t.pass();
	});
});

test('what can not be listed is not there for nobody: it is a failure of this cluster, and who asked is told when it can', async (t) => {
	await withSecrets(async (watched, secrets, told) => {
		watched.isHeld = true;
		secrets.setInterest('a', interest);
		const ends = new AbortController();
		const asked = secrets.read(interest, ends.signal);
		ends.abort(new TransientError('the pass is over'));
		await t.throwsAsync(asked, { instanceOf: TransientError });
		t.deepEqual(told, []);
		watched.release();
		await eventually('it is told', () => told.join() === 'a');
	});
});

test('once it has ended nothing is watched any more, whoever asks', async (t) => {
	await withSecrets(async (watched, secrets) => {
		secrets.setInterest('a', interest);
		await secrets.read(interest, signal);
		secrets.stop();
		const { lists } = watched;
		secrets.setInterest('b', { name: { ...name, namespace: 'elsewhere' }, reader });
		await t.throwsAsync(secrets.read(interest, signal), { instanceOf: TransientError });
		await t.throwsAsync(secrets.read({ name: { ...name, namespace: 'elsewhere' }, reader }, signal), {
			instanceOf: TransientError,
		});
		await eventually('no watch', () => watched.watches() === 0);
		t.is(watched.lists, lists);
	});
});

const content = async (secrets: KubeconfigSecrets): Promise<string | undefined> =>
	(await secrets.read(interest, signal))?.get('kubeconfig')?.toString();

test('a Secret that does not name the mesh is as good as none: it is not read, and nobody is told of it', async (t) => {
	await withSecrets(async (watched, secrets, told) => {
		secrets.setInterest('a', interest);
		t.is(await content(secrets), undefined);
		await eventually('a watch', () => watched.watches() === 1);
		for (const allowed of [null, '', 'other', 'Default', 'default,other', '*']) {
			watched.put(secret({ kubeconfig: 'one' }, allowed));
			t.is(await content(secrets), undefined, String(allowed));
		}
		const before = watched.reads;
		watched.put(secret({ kubeconfig: 'two' }, 'any'));
		await eventually('content', async () => (await content(secrets)) === 'two');
		// Of all the changes it learned of the last one alone, and content was never read before.
		t.deepEqual(told, ['a']);
		t.is(watched.reads, before + 1);
		watched.put(secret({ kubeconfig: 'two' }, null));
		await eventually('no content', async () => (await content(secrets)) === undefined);
		t.deepEqual(told, ['a', 'a']);
	});
});

test('what was read for one mesh is not there for another', async (t) => {
	await withSecrets(async (watched, secrets) => {
		watched.put(secret({ kubeconfig: 'one' }));
		secrets.setInterest('a', interest);
		secrets.setInterest('b', { name, reader: { ...reader, mesh: 'other' } });
		await eventually('content', async () => (await content(secrets)) === 'one');
		t.is(await secrets.read({ name, reader: { ...reader, mesh: 'other' } }, signal), undefined);
	});
});

test('a Secret in the namespace of the mesh needs no label', async (t) => {
	await withSecrets(async (watched, secrets) => {
		watched.put(secret({ kubeconfig: 'one' }, null));
		const own = { name, reader: { mesh: 'default', namespace: name.namespace } };
		secrets.setInterest('a', own);
		await eventually('content', async () => (await secrets.read(own, signal))?.get('kubeconfig')?.toString() === 'one');
		t.pass();
	});
});

test('there is one sentence for what is not there and for what may not be read', (t) => {
	t.is(
		notReadable(reader, { namespace: 'kube-system', name: 'crown', key: 'value' }),
		'Secret kube-system/crown, key value: not there, or the mesh may not read it; it needs the label meshwright.io/mesh-may-read: default',
	);
	t.is(
		notReadable(reader, { namespace: 'istio-system', name: 'own', key: 'value' }),
		'Secret istio-system/own, key value: not there; make it, or correct the names',
	);
});
