/** The shipped file does what the sources do, with nothing beside it. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'ava';
import { parse, stringify } from 'yaml';
import { type Cluster, startCluster } from '../e2e/control-plane/cluster.ts';
import { startGuarded } from '../e2e/control-plane/guard.ts';
import { freePort } from '../e2e/control-plane/ports.ts';
import { eventually } from '../e2e/support/eventually.ts';
import { exitCodeOf } from '../e2e/support/exit-code.ts';
import { imageMalloc } from '../e2e/support/image.ts';
import { untilGranted } from '../e2e/support/rights.ts';
import { manifests, meshNamespaces } from '../operator/cli/manifests.ts';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { loadKubeconfig } from '../operator/runtime/credentials/credentials.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { buildBundle } from './build.ts';

const example = resolve(import.meta.dirname, 'examples/classic/minimal.yaml');
let folder: string;
let bundle: string;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-bundle-'));
	bundle = await buildBundle(join(folder, 'dist'));
});

test.after.always(async () => {
	await rm(folder, { recursive: true, force: true });
});

/** Runs Node in a folder without node_modules, in an environment without settings. */
function run(
	script: string,
	...args: readonly string[]
): Promise<{ readonly code: number; readonly output: string; readonly errors: string }> {
	return new Promise((settle, reject) => {
		execFile(
			process.execPath,
			[script, ...args],
			{ cwd: folder, env: { HOME: folder }, timeout: 60_000, maxBuffer: 2 ** 26 },
			(error, stdout, stderr) => {
				if (error !== null && typeof error.code !== 'number') {
					reject(error);
				} else {
					settle({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout, errors: stderr });
				}
			},
		);
	});
}

test('it renders what the sources render', async (t) => {
	const bundled = await run(bundle, 'render', '-f', example);
	const sources = await run(resolve(import.meta.dirname, '../operator/cli/meshwright.ts'), 'render', '-f', example);
	t.is(bundled.code, 0, bundled.errors);
	t.is(bundled.output, sources.output);
	t.regex(bundled.output, /kind: Deployment/);
});

test('it says which version and commit it is', async (t) => {
	const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
		version: string;
	};
	const { output } = await run(bundle, '--version');
	t.regex(
		output,
		new RegExp(`^${version.replaceAll('.', '\\.')} \\(commit ([0-9a-f]{12}(-dirty)?|unknown), node [0-9.]+\\)\\n$`),
	);
});

test('it carries the manifests, and without a cluster it says what to do', async (t) => {
	const { code, errors } = await run(bundle, 'install', '--kubeconfig', join(folder, 'none'));
	t.is(code, 2);
	t.regex(errors, /none can't be read: name one with --kubeconfig/);
	t.notRegex(errors, /ENOENT.*yaml/);
});

test('it imports nothing but Node’s own modules, and knows no path of the machine that built it', async (t) => {
	const text = await readFile(bundle, 'utf8');
	const imported = [...text.matchAll(/(?:^|[;\n}])import\s*(?:[\w$*{},\s]+from)?\s*["']([^"']+)["']/g)].map(
		([, name]) => name ?? '',
	);
	t.true(imported.length > 0);
	t.deepEqual(
		imported.filter((name) => !isBuiltin(name)),
		[],
	);
	t.false(text.includes(resolve(import.meta.dirname, '..')));
	t.false(text.includes('CoreV1ApiRequestFactory'), 'the generated models are out');
});

test('the licences of what is inside are shipped with it', async (t) => {
	const licenses = await readFile(join(folder, 'dist/LICENSES.txt'), 'utf8');
	for (const name of [
		'undici',
		'zod',
		'@kubernetes/client-node',
		'@dot-i/k8s-operator',
		'pino',
		'prom-client',
		'commander',
		'yaml',
		'@peculiar/x509',
		'reflect-metadata',
	]) {
		t.regex(licenses, new RegExp(`^${name} [0-9.]+ \\(`, 'm'), name);
	}
});

test('the list of what is inside names every package that has code in the bundle, and no other', async (t) => {
	const sbom = JSON.parse(await readFile(join(folder, 'dist/meshwright.cdx.json'), 'utf8'));
	t.is(sbom.bomFormat, 'CycloneDX');
	t.is(sbom.metadata.component.name, 'meshwright');
	const licenses = await readFile(join(folder, 'dist/LICENSES.txt'), 'utf8');
	const shipped = [...licenses.matchAll(/^(\S+) (\d\S*) \(.*\)\n\n=+$/gm)].map(
		([, name, version]) => `${name}@${version}`,
	);
	const components: { name: string; version: string; purl: string; licenses: object[]; hashes: object[] }[] =
		sbom.components;
	t.deepEqual(new Set(components.map(({ name, version }) => `${name}@${version}`)), new Set(shipped));
	t.true(components.length > 10);
	for (const { name, version, purl, licenses, hashes } of components) {
		t.is(purl, `pkg:npm/${name.replace('@', '%40')}@${version}`);
		t.true(licenses.length > 0 && hashes.length > 0, name);
	}
	const refs = new Set(['meshwright', ...components.map(({ name }) => name)]);
	for (const { ref, dependsOn } of sbom.dependencies) {
		for (const one of [ref, ...dependsOn]) t.true(refs.has(one.replace(/(?<=.)@.*/, '')), one);
	}
	t.notRegex(JSON.stringify(sbom), /localhost|127\.0\.0\.1|serialNumber|timestamp/);
});

test('both stages of the image name their base by digest, and the last runs nothing while it is built', async (t) => {
	const dockerfile = await readFile(new URL('Dockerfile', import.meta.url), 'utf8');
	const bases = new Map(
		[...dockerfile.matchAll(/^ARG (\w+)=(\S+@sha256:[0-9a-f]{64})$/gm)].map(([, key, image]) => [key, image]),
	);
	const stages = [...dockerfile.matchAll(/^FROM \$\{(\w+)\}( AS \w+)?$/gm)].map(([, key]) => bases.get(key ?? ''));
	t.is(dockerfile.match(/^FROM /gm)?.length, 2);
	t.regex(stages[0] ?? '', /^node:24\.[0-9.]+-trixie-slim@/);
	t.regex(stages[1] ?? '', /^gcr\.io\/distroless\/cc-debian13:nonroot@/);
	const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
	t.notRegex(last, /^(RUN|ADD|SHELL|HEALTHCHECK)\b/m);
	t.regex(last, /^USER 65532:65532$/m);
});

test('the image starts the bundle as it was started when its code was compiled: else Node does not find that code', async (t) => {
	const dockerfile = await readFile(new URL('Dockerfile', import.meta.url), 'utf8');
	const compiled = /^RUN \/usr\/local\/bin\/node (?<how>.+) --version$/m.exec(dockerfile)?.groups?.how;
	const started = /^ENTRYPOINT \["\/usr\/local\/bin\/node", (?<how>.+)\]$/m.exec(dockerfile)?.groups?.how;
	t.is(compiled, started?.replaceAll(/[",]/g, ''));
	const caches = [...dockerfile.matchAll(/NODE_COMPILE_CACHE=(\S+)/g)].map(([, cache]) => cache);
	t.deepEqual(caches, ['/opt/meshwright/cache', '/opt/meshwright/cache']);
	// The memory is measured with the settings of the image.
	for (const [name, value] of Object.entries(imageMalloc))
		t.regex(dockerfile, new RegExp(`^ENV .*\\b${name}=${value}\\b`, 'm'));
});

test.serial(
	'as operator, with no rights but those of the manifests, it installs a mesh and ends in order',
	async (t) => {
		const cluster: Cluster = await startCluster({ name: 'bundle' });
		t.teardown(() => cluster.stop());
		await using admin = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
		for (const object of [...meshNamespaces(), ...manifests()]) {
			await admin.apply(object, { fieldManager: 'meshwright-install' });
		}
		const kubeconfig = await cluster.kubeconfigFor({ namespace: 'meshwright-system', name: 'meshwright' });
		await using account = new ApiServer(await loadKubeconfig({ path: kubeconfig }));
		await untilGranted(account, manifests());
		const port = await freePort();
		let log = '';
		const child = await startGuarded(
			process.execPath,
			[
				bundle,
				'operator',
				'--kubeconfig',
				kubeconfig,
				'--leader-elect',
				'--metrics-address',
				'0',
				'--health-address',
				`127.0.0.1:${port}`,
			],
			{
				cwd: folder,
				env: { HOME: folder },
				output: (line) => {
					log += `${line}\n`;
				},
			},
		);
		t.teardown(child.end);

		await eventually('readiness', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
		const wanted = parse(await readFile(example, 'utf8'));
		await admin.apply(wanted, { fieldManager: 'test' });
		await eventually('installation', async () => {
			const { status } = await admin.get({ ...kinds.MeshInstallation, name: wanted.metadata.name });
			const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
			return conditions.find(({ type, status: value }) => type === 'Installed' && value === 'True');
		});
		t.notRegex(log, /forbidden/i);

		child.signal('SIGTERM');
		t.is(await exitCodeOf(child), 0, log);
	},
);

test.serial('a kubeconfig with an exec plugin works, though the client library is only half inside', async (t) => {
	const cluster: Cluster = await startCluster({ name: 'exec' });
	t.teardown(() => cluster.stop());
	const config = parse(await readFile(cluster.adminKubeconfig(), 'utf8'));
	const answer = {
		apiVersion: 'client.authentication.k8s.io/v1',
		kind: 'ExecCredential',
		status: { token: cluster.adminToken },
	};
	const script = join(folder, 'plugin.mjs');
	await writeFile(script, `console.log(${JSON.stringify(JSON.stringify(answer))});\n`);
	config.users[0].user = {
		exec: { apiVersion: answer.apiVersion, command: process.execPath, args: [script], interactiveMode: 'Never' },
	};
	const file = join(folder, 'exec.kubeconfig');
	await writeFile(file, stringify(config));
	const { code, output, errors } = await run(bundle, 'install', '--kubeconfig', file, '--dry-run');
	t.is(code, 0, errors);
	t.regex(output, /Deployment meshwright-system\/meshwright: to be created/);
});
