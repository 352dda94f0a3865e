/** The command line without a cluster. Each command is a process of its own, one after the other. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { meshwright } from '../../e2e/support/cli.ts';
import { renderedObjects as unordered } from '../../e2e/support/installation.ts';
import { waveOf, waves } from '../apply/waves.ts';
import type { KubeObject } from '../runtime/object.ts';

const run = promisify(execFile);
const renderedObjects = (name: string): readonly KubeObject[] => waves(unordered(name), waveOf).flat();
let folder: string;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-cli-'));
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string | Buffer): Promise<string> {
	const path = join(folder, name);
	await writeFile(path, text);
	return path;
}

function installation(name: string, spec: string): string {
	return `apiVersion: meshwright.io/v1\nkind: MeshInstallation\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

test.serial('render prints what the operator renders, in the order of its waves, as YAML and as JSON', async (t) => {
	const wanted = renderedObjects('default');
	const yaml = await meshwright(['render', '-f', '-', '--with-webhook'], installation('default', '{version: 1.4.10}'));
	t.is(yaml.exitCode, 0, yaml.stderr);
	t.deepEqual(
		parseAllDocuments(yaml.stdout).map((document) => document.toJS() as KubeObject),
		[...wanted],
	);
	const json = await meshwright(
		['render', '-f', '-', '-o', 'json', '--with-webhook'],
		installation('default', '{version: 1.4.10}'),
	);
	t.deepEqual(JSON.parse(json.stdout).items, wanted);
	t.is(wanted[0]?.kind, 'CustomResourceDefinition');
});

test.serial('render leaves out the webhook, which only the operator can complete, and says so', async (t) => {
	const kindsOf = (text: string) => (JSON.parse(text).items as KubeObject[]).map(({ kind }) => kind);
	const webhook = 'MutatingWebhookConfiguration';
	for (const [spec, name, ...more] of [
		['{version: 1.4.10, profile: default}', 'istio-sidecar-injector-istio-system'],
		[joined, 'istio-sidecar-injector-home', '--cluster', 'eu'],
	] as const) {
		const args = ['render', '-f', '-', '-o', 'json', '--no-crds', ...more];
		const { exitCode, stdout, stderr } = await meshwright(args, installation('default', spec));
		t.is(exitCode, 0);
		t.false(kindsOf(stdout).includes(webhook));
		t.regex(
			stderr,
			new RegExp(
				`^left out ${webhook} ${name.replace(/-home$/, '-')}.*only the operator knows its caBundle.*--with-webhook prints it\\n$`,
			),
		);
		const asked = await meshwright([...args, '--with-webhook'], installation('default', spec));
		t.is(asked.stderr, '');
		t.deepEqual(
			kindsOf(asked.stdout).filter((kind) => kind !== webhook),
			kindsOf(stdout),
		);
		t.is(kindsOf(asked.stdout).filter((kind) => kind === webhook).length, 1);
	}
	t.regex((await meshwright(['render', '--help'])).stdout, /The webhook’s configuration is left out: .*caBundle/s);
});

test.serial('a file of PowerShell, and JSON objects one after another, are read as kubectl reads them', async (t) => {
	const objects = ['one', 'two'].map((name) => installation(name, '{version: 1.4.10, namespace: mesh}'));
	const [first = ''] = objects;
	const path = await file('powershell.yaml', Buffer.from(`\ufeff${first.replaceAll('\n', '\r\n')}`, 'utf16le'));
	const read = async (...args: readonly string[]) => {
		const { stdout, stderr } = await meshwright(['render', '--no-crds', ...args]);
		t.is(stderr, '');
		return stdout;
	};
	const wanted = await read('-f', await file('plain.yaml', first));
	t.true(wanted.length > 1000);
	t.is(await read('-f', path), wanted);
	const stream = objects.map((yaml) => JSON.stringify(parseAllDocuments(yaml)[0]?.toJS())).join('\n');
	t.is(
		await read('-f', await file('stream.json', stream)),
		await read('-f', await file('both.yaml', objects.join('---\n'))),
	);
});

test.serial('render --no-crds leaves the CRDs out and nothing else', async (t) => {
	const { stdout } = await meshwright(
		['render', '-f', '-', '-o', 'json', '--no-crds'],
		installation('default', '{version: 1.4.10}'),
	);
	t.deepEqual(
		JSON.parse(stdout).items,
		renderedObjects('default').filter(({ kind }) => kind !== 'CustomResourceDefinition'),
	);
});

const joined = `{version: 1.4.10, citadel: {enabled: true, caSecretName: cacerts}, sidecarInjector: {enabled: true}, multiCluster: {clusterName: home, clusters: [
  {name: eu, kubeconfigSecret: {name: eu, namespace: ops}},
  {name: us, kubeconfigSecret: {name: us, namespace: ops}, dataPlane: {enabled: false}}]}}`;

test.serial('render --cluster prints what is kept in a joined cluster, without what only clusters know', async (t) => {
	const rendered = async (cluster: string) => {
		const { stdout, stderr } = await meshwright(
			['render', '-f', '-', '-o', 'json', '--with-webhook', '--cluster', cluster],
			installation('default', joined),
		);
		t.is(stderr, '');
		return JSON.parse(stdout).items as KubeObject[];
	};
	const withDataPlane = await rendered('eu');
	const reader = await rendered('us');
	t.deepEqual(reader.map(({ kind }) => kind).sort(), [
		'ClusterRole',
		'ClusterRoleBinding',
		'Namespace',
		'ServiceAccount',
	]);
	t.true(
		withDataPlane.some(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'istio-sidecar-injector'),
	);
	t.true(withDataPlane.some(({ kind, metadata }) => kind === 'Service' && metadata.name === 'istio-pilot'));
	t.false(JSON.stringify(withDataPlane).includes('applyset'));
	t.true(reader.some(({ metadata }) => metadata.labels?.['meshwright.io/cluster'] === 'home'));
	const none = await meshwright(['render', '-f', '-', '--cluster', 'asia'], installation('default', joined));
	t.is(none.exitCode, 2);
	t.regex(none.stderr, /lists no cluster asia\n +do: choose one of: eu, us/);
	const unnamed = joined.replace('clusterName: home, ', '');
	t.regex(
		(await meshwright(['render', '-f', '-', '--cluster', 'eu'], installation('default', unnamed))).stderr,
		/clusterName of MeshInstallation default is not set/,
	);
});

test.serial('render --served-cluster prints what a cluster must have that Pilot serves from outside', async (t) => {
	const spec = '{version: 1.4.10, pilot: {kubeconfigSecret: {name: served}}}';
	const { exitCode, stdout } = await meshwright(
		['render', '-f', '-', '-o', 'json', '--served-cluster'],
		installation('default', spec),
	);
	t.is(exitCode, 0);
	const kinds = (JSON.parse(stdout).items as KubeObject[]).map(({ kind }) => kind);
	t.true(kinds.includes('CustomResourceDefinition') && kinds.includes('ClusterRole'));
	t.false(kinds.includes('Deployment'));
	const own = await meshwright(['render', '-f', '-', '--served-cluster'], installation('default', '{version: 1.4.10}'));
	t.is(own.exitCode, 2);
	t.regex(own.stderr, /do: set spec\.pilot\.kubeconfigSecret/);
	const both = ['render', '-f', '-', '--served-cluster', '--cluster', 'eu'];
	t.is((await meshwright(both, installation('default', spec))).exitCode, 2);
});

test.serial('render takes several files and documents, and says what it leaves out', async (t) => {
	const one = await file(
		'one.yaml',
		`${installation('a', '{version: 1.0.9, namespace: a}')}---\n${installation('b', '{version: 1.1.17, namespace: b}')}`,
	);
	const two = await file(
		'two.yaml',
		`apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\n${installation('c', '{version: 1.2.10, namespace: c}')}`,
	);
	const { exitCode, stdout, stderr } = await meshwright(['render', '-f', one, '-f', two, '--no-crds', '-o', 'json']);
	t.is(exitCode, 0);
	t.regex(stderr, /two\.yaml: left out Namespace x/);
	const items = JSON.parse(stdout).items as KubeObject[];
	t.deepEqual(
		items.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.namespace),
		['a', 'b', 'c'],
	);
});

test.serial(
	'an installation that can’t be used is told with path, reason and remedy; all problems at once; exit code 2',
	async (t) => {
		const text = `${installation('a', '{version: 1.4.10, bogus: 1, pilot: {replicas: 2, autoscaling: {}}}')}---\n${installation('b', '{version: 9.9.9}')}`;
		const { exitCode, stdout, stderr } = await meshwright(['render', '-f', '-'], text);
		t.is(exitCode, 2);
		t.is(stdout, '');
		t.regex(stderr, /MeshInstallation a in standard input can’t be used/);
		t.regex(stderr, /spec\.bogus is not a field of this API\n {4}do: Remove it/);
		t.regex(stderr, /spec\.version 9\.9\.9 is not a release/);
	},
);

test.serial('render tells what the operator would refuse, and takes its flags', async (t) => {
	const overlay = `{target: {kind: Deployment, name: istio-pilot}, mergePatch: {spec: {template: {spec: {hostPID: true}}}}}`;
	const text = installation('default', `{version: 1.4.10, overlays: [${overlay}]}`);
	const refused = await meshwright(['render', '-f', '-'], text);
	t.is(refused.exitCode, 2);
	t.regex(
		refused.stderr,
		/spec\.overlays\[0\] must not change spec\.template\.spec\.hostPID of Deployment istio-pilot/,
	);
	const lifted = await meshwright(['render', '-f', '-', '--overlays=unrestricted'], text);
	t.is(lifted.exitCode, 0, lifted.stderr);
	const images = ['--allowed-registries=registry.example.com/istio/', '--allowed-namespaces=shop-*'];
	const elsewhere = await meshwright(['render', '-f', '-', ...images], installation('default', '{version: 1.4.10}'));
	t.regex(elsewhere.stderr, /spec\.namespace must not be istio-system: this operator allows meshes shop-\*/);
	const wrong = await meshwright(['render', '-f', '-', '--allowed-registries=docker.io/Istio'], text);
	t.is(wrong.exitCode, 2);
	t.regex(wrong.stderr, /registries with an optional path, in small letters/);
});

for (const [title, text, message] of [
	['no YAML', 'a: [', /standard input is not YAML/],
	['no object', '- 1\n', /no Kubernetes object/],
	[
		'an overlay for nothing',
		installation('default', '{version: 1.4.10, overlays: [{target: {kind: Service, name: pilot}, mergePatch: {}}]}'),
		/spec\.overlays\[0\]\.target Service pilot is not part of this installation: there is istio-pilot\n\s+do: /,
	],
	['nothing', '', /there is no MeshInstallation in standard input/],
	['only other kinds', 'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n', /there is no MeshInstallation/],
	[
		'another group',
		'apiVersion: x.io/v1\nkind: MeshInstallation\nmetadata: {name: x}\n',
		/there is no MeshInstallation/,
	],
] as const) {
	test.serial(`input that holds ${title} is refused with exit code 2`, async (t) => {
		const { exitCode, stderr } = await meshwright(['render', '-f', '-'], text);
		t.is(exitCode, 2);
		t.regex(stderr, message);
		t.notRegex(stderr, /\n\s+at /, 'a user’s mistake is no stack trace');
	});
}

test.serial('a file that is not there is named, with what to do', async (t) => {
	const { exitCode, stderr } = await meshwright(['render', '-f', join(folder, 'none.yaml')]);
	t.is(exitCode, 2);
	t.regex(stderr, /none\.yaml does not exist\n +do: give a file with -f/);
});

test.serial('wrong usage ends with exit code 2 and the way to the help', async (t) => {
	for (const args of [
		['bogus'],
		['render'],
		['render', '--bogus'],
		['diff', '-f', 'x', '-o', 'xml'],
		['install', '--timeout', 'soon'],
	]) {
		const { exitCode, stderr } = await meshwright(args);
		t.is(exitCode, 2, args.join(' '));
		t.regex(stderr, /error: .*\n\(run it with --help for usage\)/, args.join(' '));
	}
});

test.serial('an address that is none is told as such, without a stack trace', async (t) => {
	for (const option of ['--metrics-address', '--health-address', '--liveness-address']) {
		const { exitCode, stderr } = await meshwright(['operator', option, 'everywhere']);
		t.is(exitCode, 2);
		t.regex(stderr, /^error: everywhere is not an address to listen on: write host:port/);
		t.notRegex(stderr, /\n\s+at /);
	}
});

const commands = [
	'operator',
	'render',
	'diff',
	'inject',
	'uninject',
	'install',
	'status',
	'upgrade',
	'precheck',
	'tag',
	'clusters',
	'remote-secret',
	'completion',
];
const subcommands = [
	...['list', 'check', 'matrix', 'join', 'leave'].map((name) => ['clusters', name] as const),
	['remote-secret', 'create'] as const,
	['upgrade', 'plan'] as const,
	...['list', 'set', 'remove'].map((name) => ['tag', name] as const),
];

test.serial('every command has help with examples', async (t) => {
	const top = await meshwright(['--help']);
	t.is(top.exitCode, 0);
	for (const command of commands) {
		t.regex(top.stdout, new RegExp(`^ {2}${command} `, 'm'));
		const { exitCode, stdout } = await meshwright([command, '--help']);
		t.is(exitCode, 0);
		t.regex(stdout, /Examples:\n {2}(meshwright|source)/, command);
	}
	for (const words of subcommands) {
		const { exitCode, stdout } = await meshwright([...words, '--help']);
		t.is(exitCode, 0, words.join(' '));
		t.regex(stdout, /Examples:\n {2}meshwright/, words.join(' '));
	}
	const { exitCode, stderr } = await meshwright(['clusters', 'bogus']);
	t.is(exitCode, 2);
	t.regex(stderr, /unknown command 'bogus'/);
});

test.serial('precheck without a cluster makes the checks that need none, and says which were not made', async (t) => {
	const mesh = (version: string) => installation('default', `{version: ${version}, profile: default}`);
	const check = (version: string, ...args: readonly string[]) =>
		meshwright(['precheck', '-f', '-', '--no-cluster', '--from', '1.3.8', ...args], mesh(version));
	const well = await check('1.4.10');
	t.is(well.exitCode, 0);
	t.regex(well.stdout, /^istio-pilot +1\.3\.8 +1\.4\.10 +replaced +/m);
	t.regex(well.stdout, /^✔ the way from version to version$/m);
	t.regex(well.stdout, /^\? your Istio objects, .* could not be looked at, since no cluster was asked$/m);
	const skipped = await meshwright(['precheck', '-f', '-', '--no-cluster', '--from', '1.2.10'], mesh('1.4.10'));
	t.is(skipped.exitCode, 1);
	t.regex(
		skipped.stdout,
		/^✘ minor-skipped: spec\.version leads from 1\.2\.10 to 1\.4\.10.*\n {4}do: Set it to 1\.3\.8 first/m,
	);
	const data = JSON.parse((await check('1.4.10-rc.1', '-o', 'json')).stdout)[0];
	t.true(data.blocked);
	t.true(data.findings.some(({ name }: { name: string }) => name === 'setting-refused' || name === 'version-unknown'));
});

test.serial('a kubeconfig that is missing, broken or without the context is told as such', async (t) => {
	const empty = await file('empty.kubeconfig', 'apiVersion: v1\nkind: Config\n');
	const broken = await file('broken.kubeconfig', '{');
	for (const [kubeconfig, message] of [
		[join(folder, 'none'), /none can't be read: name one with --kubeconfig or KUBECONFIG/],
		[empty, /no current-context/],
		[broken, /is not YAML/],
	] as const) {
		const { exitCode, stderr } = await meshwright(['status', '--kubeconfig', kubeconfig]);
		t.is(exitCode, 2);
		t.regex(stderr, message);
	}
});

test.serial('an API server that is not there is told as such, with what to do', async (t) => {
	const config = {
		clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
		users: [{ name: 'u', user: { token: 'x' } }],
		contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
		'current-context': 'x',
	};
	const kubeconfig = await file('refused.kubeconfig', JSON.stringify(config));
	const { exitCode, stderr } = await meshwright(['status', '--kubeconfig', kubeconfig]);
	t.is(exitCode, 2);
	t.regex(stderr, /ECONNREFUSED/);
	t.regex(stderr, /do: nothing listens there/);
});

test.serial('bash completes commands, options and their values by the script that is printed', async (t) => {
	const { stdout } = await meshwright(['completion', 'bash']);
	const complete = async (...words: readonly string[]): Promise<string[]> => {
		const script = `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _meshwright; printf '%s\\n' "\${COMPREPLY[@]}"`;
		return (await run('bash', ['--norc', '-c', script])).stdout.trim().split('\n');
	};
	t.deepEqual(await complete('meshwright', 'ren'), ['render']);
	t.deepEqual(await complete('meshwright', 'render', '--no'), ['--no-crds']);
	t.deepEqual(await complete('meshwright', 'render', '-o', ''), ['yaml', 'json']);
	t.deepEqual(await complete('meshwright', 'completion', 'z'), ['zsh']);
	t.deepEqual(await complete('meshwright', 'clusters', 'l'), ['list', 'leave']);
	t.deepEqual(await complete('meshwright', 'clusters', 'join', '--role', ''), ['Remote', 'Primary']);
	t.deepEqual(await complete('meshwright', 'clusters', 'join', 'eu', '--appl'), ['--apply']);
	t.deepEqual(await complete('meshwright', 'remote-secret', ''), ['--help', 'create']);
});

test.serial('zsh and fish get scripts that name every command; another shell is refused', async (t) => {
	for (const shell of ['zsh', 'fish']) {
		const { exitCode, stdout } = await meshwright(['completion', shell]);
		t.is(exitCode, 0);
		for (const command of commands) {
			t.true(stdout.includes(command), `${shell}: ${command}`);
		}
		for (const [, name] of subcommands) t.true(stdout.includes(name), `${shell}: ${name}`);
	}
	const { exitCode, stderr } = await meshwright(['completion', 'cmd']);
	t.is(exitCode, 2);
	t.regex(stderr, /choose one of bash, zsh, fish/);
});

test.serial('output into a pipe that closes early is no failure', async (t) => {
	const mesh = await file('pipe.yaml', installation('default', '{version: 1.4.10}'));
	const launcher = resolve(import.meta.dirname, 'meshwright.js');
	const script = `'${process.execPath}' '${launcher}' render -f '${mesh}' | head -1; echo "\${PIPESTATUS[0]}"`;
	const { stdout, stderr } = await run('bash', ['--norc', '-c', script]);
	t.is(stdout, '---\n0\n');
	t.is(stderr, '');
});

test.serial('the launcher on a Node that is too old runs the sources on the Node of the checkout', async (t) => {
	// Pretends to be an old Node: the launcher reads its version and nothing else.
	const launcher = await readFile(new URL('meshwright.js', import.meta.url), 'utf8');
	const old = launcher.replace('process.versions.node.split', "'20.20.2'.split");
	t.not(old, launcher);
	const path = join(import.meta.dirname, `.launcher-${process.pid}.js`);
	await writeFile(path, old);
	t.teardown(() => rm(path, { force: true }));
	await chmod(path, 0o755);
	const { stdout } = await run(process.execPath, [path, '--version']);
	t.regex(stdout, /^[0-9.]+ \(commit source, node 24/);
	await t.throwsAsync(run(process.execPath, [path, 'bogus']), { code: 2 });
});
