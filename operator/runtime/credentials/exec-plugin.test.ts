import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { InvalidError } from '../errors.ts';
import { loadKubeconfig } from './credentials.ts';
import { runExecPlugin } from './exec-plugin.ts';
import { kubeconfigCredentials, parseKubeconfig } from './kubeconfig.ts';

const apiVersion = 'client.authentication.k8s.io/v1';
const nobody = { isInteractive: false, show: () => {} };

function folder(t: ExecutionContext): string {
	const directory = mkdtempSync(path.join(tmpdir(), 'exec-plugin-'));
	t.teardown(() => rmSync(directory, { recursive: true }));
	return directory;
}

/** The field `exec` of a plugin that runs this JavaScript. */
function plugin(code: string, more: object = {}): Record<string, unknown> {
	return { apiVersion, command: process.execPath, args: ['-e', code], ...more };
}

const answer = (status: object, more: object = {}) =>
	`console.log(JSON.stringify(${JSON.stringify({ apiVersion, kind: 'ExecCredential', status, ...more })}));`;

async function refusal(t: ExecutionContext, exec: Record<string, unknown>, waitMs = 20_000): Promise<string> {
	const error = await t.throwsAsync(runExecPlugin(exec, {}, nobody, waitMs), { instanceOf: InvalidError });
	t.is(error?.reason, 'CredentialsPluginFailed');
	return error?.message ?? '';
}

test('a plugin that fails is told with its name, exit code and words, without credentials and control characters', async (t) => {
	const words = String.raw`Unable to locate credentials\n\x1b[31mtoken=abcdefghijk\x1b[0m\x1b]0;title\x07`;
	const message = await refusal(t, plugin(`process.stderr.write("${words}"); process.exitCode = 255;`));
	t.true(
		message.startsWith(`the exec plugin ${process.execPath} failed with exit code 255: Unable to locate`),
		message,
	);
	t.regex(message, /token=\[redacted\]/);
	t.regex(message, /Log in anew/);
	t.notRegex(message, /\p{Cc}/u);
	t.notRegex(message, /abcdefghijk/);
	t.regex(await refusal(t, plugin('process.exitCode = 3;')), /failed with exit code 3, without a word/);
	const long = await refusal(t, plugin(`process.stderr.write('x'.repeat(1e5) + ' the reason'); process.exitCode = 1;`));
	t.true(long.length < 1_000);
	t.regex(long, /the reason/);
});

test('a plugin that is not there is told with where it was looked for, and what the kubeconfig says of it', async (t) => {
	const exec = { apiVersion, command: 'no-such-plugin-anywhere', installHint: 'install it\n\u001b[1mlike this' };
	t.is(
		await refusal(t, exec),
		'the exec plugin no-such-plugin-anywhere is not found on the PATH: install it, or name its whole path in the kubeconfig. The kubeconfig says: install it like this',
	);
	t.is(
		await refusal(t, { apiVersion, command: '/nowhere/plugin' }),
		'the exec plugin /nowhere/plugin is not there: correct its path in the kubeconfig, or install it.',
	);
	const file = path.join(folder(t), 'plugin');
	writeFileSync(file, '#!/bin/sh\n');
	t.regex(await refusal(t, { apiVersion, command: file }), /may not be run: make it executable/);
});

test('an answer that is none is told', async (t) => {
	t.regex(await refusal(t, plugin(`console.log('hello');`)), /printed no ExecCredential, without a word/);
	t.regex(await refusal(t, plugin(answer({}))), /gave neither a token nor a client certificate/);
	t.regex(await refusal(t, plugin(answer({ clientCertificateData: 'x' }))), /client certificate without its key/);
	t.regex(
		await refusal(t, plugin(answer({ token: 'x' }, { apiVersion: 'client.authentication.k8s.io/v1beta1' }))),
		/answers in another version than the kubeconfig says/,
	);
	t.regex(await refusal(t, plugin(`process.stdout.write('x'.repeat(2e6));`)), /printed more than/);
	t.regex(await refusal(t, { apiVersion }), /has no command/);
	t.regex(await refusal(t, { command: 'x' }), /has no apiVersion client\.authentication\.k8s\.io\/v1/);
	t.regex(await refusal(t, plugin('', { interactiveMode: 'Always' })), /asks a person/);
});

test('a plugin that does not end is ended', async (t) => {
	const message = await refusal(t, plugin(`console.error('waits'); setInterval(() => {}, 1000);`), 1_500);
	t.regex(message, /did not end in time/);
});

test('a plugin is told of the cluster when it asks, and gets its own variables', async (t) => {
	const print = `
		const { spec, apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
		const token = JSON.stringify([kind, spec, process.env.PROFILE]);
		console.log(JSON.stringify({ apiVersion, kind, status: { token } }));`;
	const env = [{ name: 'PROFILE', value: 'prod' }];
	const cluster = { server: 'https://api:6443', 'certificate-authority': '/file' };
	const told = async (more: object) =>
		JSON.parse((await runExecPlugin(plugin(print, { env, ...more }), cluster, nobody)).token ?? '');
	t.deepEqual(await told({}), ['ExecCredential', { interactive: false }, 'prod']);
	t.deepEqual(await told({ provideClusterInfo: true }), [
		'ExecCredential',
		{ interactive: false, cluster: { server: 'https://api:6443' } },
		'prod',
	]);
});

test('a person at a terminal sees what the plugin says', async (t) => {
	const shown: string[] = [];
	const terminal = { isInteractive: true, show: (text: string) => shown.push(text) };
	const code = `console.error('open this page: \\u001b[2J'); ${answer({ token: 'x' })}`;
	t.is((await runExecPlugin(plugin(code, { interactiveMode: 'IfAvailable' }), {}, terminal)).token, 'x');
	t.is(shown.join(''), 'open this page: \u001b[2J\n');
});

function kubeconfig(exec: object): string {
	return JSON.stringify({
		'current-context': 'one',
		contexts: [{ name: 'one', context: { cluster: 'c', user: 'u' } }],
		clusters: [{ name: 'c', cluster: { server: 'https://api:6443' } }],
		users: [{ name: 'u', user: { exec } }],
	});
}

test('a relative command belongs to the folder of the kubeconfig; one without a slash to the PATH', async (t) => {
	const directory = folder(t);
	mkdirSync(path.join(directory, 'bin'));
	const file = path.join(directory, 'bin', 'plugin');
	writeFileSync(file, `#!${process.execPath}\n${answer({ token: 'from-plugin' })}`);
	chmodSync(file, 0o755);
	const config = path.join(directory, 'config');
	writeFileSync(config, kubeconfig({ apiVersion, command: './bin/plugin' }));
	const credentials = await loadKubeconfig({ path: config });
	t.is((await credentials.grant()).authorization, 'Bearer from-plugin');
	const onPath = parseKubeconfig(kubeconfig({ apiVersion, command: 'plugin' }), directory);
	t.like(onPath.users.get('u')?.exec, { command: 'plugin' });
});

test('credentials are asked for again when they end, even before a minute is over', async (t) => {
	const directory = folder(t);
	const code = `
		const fs = require('node:fs');
		const file = ${JSON.stringify(path.join(directory, 'calls'))};
		fs.appendFileSync(file, 'x');
		const token = 'token-' + fs.readFileSync(file, 'utf8').length;
		const status = { token, expirationTimestamp: new Date(Date.now() - 1).toISOString() };
		console.log(JSON.stringify({ apiVersion: '${apiVersion}', kind: 'ExecCredential', status }));`;
	const credentials = kubeconfigCredentials(parseKubeconfig(kubeconfig(plugin(code))));
	t.is((await credentials.grant()).authorization, 'Bearer token-1');
	t.is((await credentials.grant()).authorization, 'Bearer token-2');
});

test('an auth provider that fails, or that nobody knows, is named', async (t) => {
	const credentials = (name: string, config: object = {}) => {
		const text = JSON.parse(kubeconfig({}));
		text.users[0].user = { 'auth-provider': { name, config } };
		return kubeconfigCredentials(parseKubeconfig(JSON.stringify(text)));
	};
	await t.throwsAsync(async () => credentials('sso').grant(), {
		instanceOf: InvalidError,
		message: /^the auth provider sso of the kubeconfig gave no credentials: .* use an exec plugin/,
	});
	await t.throwsAsync(async () => credentials('gcp', { 'cmd-path': '/nowhere/gcloud' }).grant(), {
		instanceOf: InvalidError,
		message: /^the auth provider gcp of the kubeconfig failed: .*Log in anew/,
	});
});
