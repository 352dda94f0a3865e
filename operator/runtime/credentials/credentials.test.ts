import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { InvalidError } from '../errors.ts';
import { loadKubeconfig } from './credentials.ts';
import { fileCredentials } from './files.ts';
import { staticCredentials } from './grant.ts';
import { inClusterCredentials, isInCluster } from './in-cluster.ts';
import { kubeconfigCredentials, mergeKubeconfigs, parseKubeconfig } from './kubeconfig.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function kubeconfig(user: Record<string, unknown>, cluster: Record<string, unknown> = {}): string {
	return JSON.stringify({
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': 'one',
		contexts: [
			{ name: 'one', context: { cluster: 'c', user: 'u' } },
			{ name: 'two', context: { cluster: 'c', user: 'nobody' } },
		],
		clusters: [{ name: 'c', cluster: { server: 'https://api:6443/', ...cluster } }],
		users: [{ name: 'u', user }],
	});
}

function folder(t: import('ava').ExecutionContext, files: Readonly<Record<string, string>>): string {
	const directory = mkdtempSync(path.join(tmpdir(), 'credentials-'));
	t.teardown(() => rmSync(directory, { recursive: true }));
	for (const [name, text] of Object.entries(files)) {
		writeFileSync(path.join(directory, name), text);
	}
	return directory;
}

test('inline certificates, server name, proxy and impersonation are read', async (t) => {
	const text = kubeconfig(
		{
			'client-certificate-data': base64('CERT'),
			'client-key-data': base64('KEY'),
			as: 'system:serviceaccount:a:b',
			'as-groups': ['g1', 'g2'],
			'as-uid': '42',
			'as-user-extra': { 'example.org/scope': ['x'] },
		},
		{
			'certificate-authority-data': base64('CA'),
			'tls-server-name': 'kubernetes',
			'proxy-url': 'http://proxy:3128',
		},
	);
	const credentials = kubeconfigCredentials(parseKubeconfig(text));
	t.is(credentials.url, 'https://api:6443');
	t.is(credentials.proxyUrl, 'http://proxy:3128');
	t.like(await credentials.grant(), {
		tls: { ca: 'CA', cert: 'CERT', key: 'KEY', servername: 'kubernetes', insecure: false },
		authorization: undefined,
		headers: {
			'impersonate-user': 'system:serviceaccount:a:b',
			'impersonate-group': ['g1', 'g2'],
			'impersonate-uid': '42',
			'impersonate-extra-example.org%2Fscope': ['x'],
		},
	});
	t.false(credentials.refresh());
});

test('relative paths belong to the folder of the kubeconfig, and a token file wins over a token', async (t) => {
	const directory = folder(t, {
		token: 'from-file\n',
		'ca.pem': 'CA',
		config: kubeconfig({ token: 'inline', tokenFile: 'token' }, { 'certificate-authority': 'ca.pem' }),
	});
	const credentials = await loadKubeconfig({ path: path.join(directory, 'config') });
	t.like(await credentials.grant(), { tls: { ca: 'CA' }, authorization: 'Bearer from-file' });
});

test('basic authentication is sent as such', async (t) => {
	const { authorization } = await staticCredentials({
		url: 'https://x',
		basic: { username: 'a', password: 'b' },
	}).grant();
	t.is(authorization, `Basic ${base64('a:b')}`);
});

test('what is missing is named', (t) => {
	const parsed = parseKubeconfig(kubeconfig({ token: 'x' }));
	const reasons = [
		() => kubeconfigCredentials(parsed, { context: 'three' }),
		() => kubeconfigCredentials(parsed, { context: 'two' }),
		() => kubeconfigCredentials({ ...parsed, currentContext: undefined }),
		() => kubeconfigCredentials({ ...parsed, clusters: new Map() }),
		() => kubeconfigCredentials(parseKubeconfig(kubeconfig({}, { server: 'nonsense' }))),
		() => kubeconfigCredentials(parseKubeconfig(kubeconfig({}, { 'proxy-url': 'socks5://x' }))),
		() => parseKubeconfig('a: [b'),
		() => parseKubeconfig('text'),
		() => parseKubeconfig(base64(kubeconfig({}))),
		() => kubeconfigCredentials(parseKubeconfig(kubeconfig({}, { 'proxy-url': 'http://[' }))),
		() => parseKubeconfig(`a: &a [x]\nb: &b [${'*a,'.repeat(40)}]\nc: [${'*b,'.repeat(40)}]`),
		() => parseKubeconfig('['.repeat(50_000)),
	].map((attempt) => t.throws(attempt, { instanceOf: InvalidError })?.message);
	t.deepEqual(reasons, [
		'the kubeconfig has no context three, only one, two',
		'the kubeconfig has no user nobody, which context two names',
		'the kubeconfig has no current-context: name a context',
		'the kubeconfig has no cluster c, which context one names',
		'the kubeconfig names no server for cluster c',
		'the kubeconfig names the proxy socks5:// for cluster c: only http and https work',
		'the kubeconfig is not YAML',
		'the kubeconfig is not a YAML object',
		'the kubeconfig is still encoded in base64: decode it (base64 -d)',
		'the kubeconfig names a proxy that is no URL for cluster c: only http and https work',
		'the kubeconfig has aliases that grow without bound: write the values out',
		'the kubeconfig is nested more than 200 levels deep',
	]);
});

test('a kubeconfig without an end is refused', async (t) => {
	const error = await t.throwsAsync(loadKubeconfig({ path: '/dev/zero' }), { instanceOf: InvalidError });
	t.is(error?.message, 'the kubeconfig /dev/zero is longer than 8388608 bytes');
});

test('of several files the first that says something wins', async (t) => {
	const merged = mergeKubeconfigs([
		{ ...parseKubeconfig(kubeconfig({ token: 'first' })), currentContext: undefined },
		parseKubeconfig(kubeconfig({ token: 'second' })),
	]);
	t.is((await kubeconfigCredentials(merged).grant()).authorization, 'Bearer first');
});

test('an exec plugin is asked once for many requests, and again after it was refused', async (t) => {
	const directory = folder(t, {
		'plugin.js': `
			const { appendFileSync, readFileSync } = require('node:fs');
			appendFileSync(__dirname + '/calls', 'x');
			const token = 'token-' + readFileSync(__dirname + '/calls', 'utf8').length;
			const apiVersion = 'client.authentication.k8s.io/v1';
			console.log(JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } }));`,
	});
	const text = kubeconfig({
		exec: {
			apiVersion: 'client.authentication.k8s.io/v1',
			command: process.execPath,
			args: [path.join(directory, 'plugin.js')],
			interactiveMode: 'Never',
		},
	});
	const credentials = kubeconfigCredentials(parseKubeconfig(text));
	const grants = await Promise.all([credentials.grant(), credentials.grant()]);
	t.deepEqual(
		grants.map(({ authorization }) => authorization),
		['Bearer token-1', 'Bearer token-1'],
	);
	t.is(credentials.grant(), grants[0]);
	t.true(credentials.refresh());
	t.is((await credentials.grant()).authorization, 'Bearer token-2');
});

test('files are read again every minute; connections live on while only the token changes', async (t) => {
	const directory = folder(t, { token: 'first', ca: 'CA' });
	const token = path.join(directory, 'token');
	let now = 0;
	const credentials = fileCredentials(
		{ url: 'https://x', ca: { file: path.join(directory, 'ca') }, token: { file: token } },
		() => now,
	);
	const first = await credentials.grant();
	writeFileSync(token, 'second');
	now = 59_999;
	t.is(await credentials.grant(), first);
	now = 60_000;
	const second = await credentials.grant();
	t.is(second.authorization, 'Bearer second');
	t.is(second.tls, first.tls);
	writeFileSync(path.join(directory, 'ca'), 'OTHER');
	t.true(credentials.refresh());
	t.not((await credentials.grant()).tls, first.tls);
	t.false(credentials.refresh());
	writeFileSync(token, '');
	t.false(credentials.refresh());
	rmSync(token);
	now = 200_000;
	t.is((await credentials.grant()).authorization, 'Bearer second');
});

test('a Pod finds its API server and ServiceAccount', async (t) => {
	const directory = folder(t, { token: 'tok', 'ca.crt': 'CA' });
	const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
	t.true(isInCluster({ folder: directory, environment }));
	t.false(isInCluster({ folder: directory, environment: {} }));
	const credentials = inClusterCredentials({ folder: directory, environment });
	t.is(credentials.url, 'https://[fd00::1]:443');
	t.like(await credentials.grant(), { tls: { ca: 'CA' }, authorization: 'Bearer tok' });
	t.throws(() => inClusterCredentials({ folder: directory, environment: {} }), { instanceOf: InvalidError });
	t.throws(() => inClusterCredentials({ folder: '/nowhere', environment }), { instanceOf: InvalidError });
});

test('a kubeconfig that cannot be read is named', async (t) => {
	await t.throwsAsync(loadKubeconfig({ path: '/nowhere/config' }), {
		instanceOf: InvalidError,
		message: /\/nowhere\/config.*--kubeconfig/,
	});
});

test.serial('of the files in KUBECONFIG some may be missing or empty, as for kubectl; not all', async (t) => {
	const before = process.env.KUBECONFIG;
	t.teardown(() => {
		if (before === undefined) delete process.env.KUBECONFIG;
		else process.env.KUBECONFIG = before;
	});
	const directory = folder(t, { config: kubeconfig({ token: 'x' }), empty: '' });
	const file = (name: string) => path.join(directory, name);
	const load = (...names: readonly string[]) => {
		process.env.KUBECONFIG = names.map(file).join(path.delimiter);
		return loadKubeconfig();
	};
	for (const names of [['missing', 'config'], ['config', 'missing'], ['empty', 'config'], ['config']]) {
		t.is((await (await load(...names)).grant()).authorization, 'Bearer x', names.join());
	}
	await t.throwsAsync(load('missing', 'gone'), { message: /none of the kubeconfigs in KUBECONFIG .*missing, .*gone/ });
	await t.throwsAsync(load('missing'), { message: /missing can't be read/ });
	await t.throwsAsync(load('empty'), { message: /has no current-context/ });
	// A folder is there, and can't be read.
	await t.throwsAsync(load('.', 'config'), { message: /can't be read/ });
});
