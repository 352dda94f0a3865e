import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { kubeconfigText, readKubeconfig, requireLoopback } from './kubeconfig.ts';

const [ca = ''] = rootCertificates;
const url = 'https://127.0.0.1:6443';

async function file(t: ExecutionContext, content: unknown): Promise<string> {
	const directory = await mkdtemp(path.join(tmpdir(), 'meshwright-kubeconfig-'));
	t.teardown(() => rm(directory, { recursive: true }));
	await writeFile(path.join(directory, 'ca.pem'), ca);
	const name = path.join(directory, 'config');
	await writeFile(name, typeof content === 'string' ? content : JSON.stringify(content));
	return name;
}

function config(cluster: object, user: object): object {
	return {
		'current-context': 'c',
		clusters: [{ name: 'a', cluster: { server: url, ...cluster } }],
		users: [{ name: 'u', user }],
		contexts: [{ name: 'c', context: { cluster: 'a', user: 'u' } }],
	};
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('what is written can be read', async (t) => {
	const credentials = { url, ca, token: 'secret' };
	t.deepEqual(await readKubeconfig(await file(t, kubeconfigText('west', 'admin', credentials))), credentials);
});

test('only servers on the loopback interface are ever used', (t) => {
	for (const server of [url, 'https://localhost:6443', 'https://[::1]:6443']) {
		t.notThrows(() => requireLoopback(server));
	}
	for (const server of [
		'https://10.0.0.1:6443',
		'https://prod.example.com',
		'https://127.0.0.1.example.com',
		'https://localhost@prod.example.com',
		'http://127.0.0.1:8080',
	]) {
		t.throws(() => requireLoopback(server), { message: /only https:\/\/127\.0\.0\.1/ });
	}
});

test('a kubeconfig of a server elsewhere is refused', async (t) => {
	const elsewhere = config(
		{ server: 'https://prod.example.com', 'certificate-authority-data': base64(ca) },
		{ token: 'x' },
	);
	await t.throwsAsync(readKubeconfig(await file(t, elsewhere)), {
		message: /MESHWRIGHT_TEST_KUBECONFIG names the server/,
	});
});

test('client certificates and files beside the kubeconfig are understood', async (t) => {
	const name = await file(
		t,
		config(
			{ 'certificate-authority': 'ca.pem' },
			{ 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') },
		),
	);
	t.deepEqual(await readKubeconfig(name), { url, ca, certificate: { cert: 'cert', key: 'key' } });
});

test('a kubeconfig without an authority, with a damaged one, or with a program as its user is refused', async (t) => {
	const authority = { 'certificate-authority-data': base64(ca) };
	await t.throwsAsync(readKubeconfig(await file(t, config({ 'insecure-skip-tls-verify': true }, { token: 'x' }))), {
		message: /names no certificate authority/,
	});
	await t.throwsAsync(
		readKubeconfig(await file(t, config({ 'certificate-authority-data': base64('x') }, { token: 'x' }))),
	);
	await t.throwsAsync(readKubeconfig(await file(t, config(authority, { exec: { command: 'login' } }))), {
		message: /neither a token nor a client certificate/,
	});
});

test('a context that refers to nothing is refused by name', async (t) => {
	const dangling = { ...config({}, {}), contexts: [{ name: 'c', context: { cluster: 'gone', user: 'u' } }] };
	await t.throwsAsync(readKubeconfig(await file(t, dangling)), { message: /refers to "gone"/ });
});

test('a file that is not there is told by the name of its setting', async (t) => {
	await t.throwsAsync(readKubeconfig('/no/such/kubeconfig'), {
		message: /^the kubeconfig \/no\/such\/kubeconfig can't be read: correct MESHWRIGHT_TEST_KUBECONFIG/,
	});
});
