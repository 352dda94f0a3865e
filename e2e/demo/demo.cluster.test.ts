/** Runs the demo as a user does, but without a terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { testWithAllIstio } from '../real-istio/test-with-istio.ts';
import { eventually } from '../support/eventually.ts';

const script = join(import.meta.dirname, 'demo.ts');

interface Run {
	readonly child: ChildProcess;
	readonly output: () => string;
	readonly exited: Promise<number | null>;
}

/** Starts the demo with its own folder for temporary files, so that the test sees what it leaves behind. */
function start(folder: string, ...args: readonly string[]): Run {
	const child = spawn(process.execPath, [script, ...args], {
		env: { ...process.env, TMPDIR: folder, KUBECONFIG: '/dev/null' },
		stdio: ['ignore', 'pipe', 'pipe'],
		detached: true,
	});
	let output = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding('utf8').on('data', (chunk: string) => {
			output += chunk;
		});
	}
	return { child, output: () => output, exited: new Promise((settle) => child.once('close', settle)) };
}

async function leftBehind(folder: string): Promise<readonly string[]> {
	return (await readdir(folder)).filter((name) => name.startsWith('meshwright-'));
}

test.serial('--once shows the way to Ready and what was made, ends with exit code 0 and leaves nothing', async (t) => {
	const folder = await mkdtemp(join(tmpdir(), 'demo-'));
	t.teardown(() => rm(folder, { recursive: true, force: true }));
	const { child, output, exited } = start(folder, '--once');
	t.teardown(() => child.kill('SIGKILL'));
	t.is(await exited, 0, output());
	t.regex(output(), /✔ Ready=True/);
	t.regex(output(), /▸ Ready after [0-9.]+ s/);
	t.regex(output(), /Deployment {2,}istio-system {2,}istiod {2,}\S+ {2,}1\/1 pods ready/);
	t.notRegex(output(), /^ *Endpoints /m, 'what Kubernetes makes is not ours, although it has our labels');
	t.notRegex(output(), /ApplyFailed|forbidden/i);
	t.deepEqual(await leftBehind(folder), []);
});

test.serial('Ctrl-C ends it in order, with exit code 0 once the mesh was ready', async (t) => {
	const folder = await mkdtemp(join(tmpdir(), 'demo-'));
	t.teardown(() => rm(folder, { recursive: true, force: true }));
	const { child, output, exited } = start(folder);
	t.teardown(() => child.kill('SIGKILL'));
	await eventually('the demo invites to look around', () => output().includes('npx meshwright status default --watch'));
	t.regex(output(), /export KUBECONFIG=\S+/);
	child.kill('SIGINT');
	t.is(await exited, 0, output());
	t.deepEqual(await leftBehind(folder), []);
});

test.serial('--clusters 3 shows a full mesh, one cluster that dies and comes back, and leaves nothing', async (t) => {
	const folder = await mkdtemp(join(tmpdir(), 'demo-'));
	t.teardown(() => rm(folder, { recursive: true, force: true }));
	const { child, output, exited } = start(folder, '--clusters', '3', '--nodes', '1', '--once');
	t.teardown(() => child.kill('SIGKILL'));
	t.is(await exited, 0, output());
	t.regex(output(), /▸ A full mesh of 3 clusters, by 6 Secrets/);
	t.regex(output(), /▸ Killing the API server of north/);
	t.regex(output(), /north {3}Primary {2,}istio-system\/istio-remote-secret-north {2,}no {2,}no /);
	const [, healed = ''] = output().split('▸ Healed');
	t.is(healed.match(/its mesh is ready/g)?.length, 3, output());
	t.is(healed.match(/ Primary .* yes {2,}yes /g)?.length, 6, output());
	t.deepEqual(await leftBehind(folder), []);
});

testWithAllIstio(
	'--real ends with a request through a gateway and a sidecar, tells where it went, and leaves nothing',
	async (t) => {
		const folder = await mkdtemp(join(tmpdir(), 'demo-'));
		t.teardown(() => rm(folder, { recursive: true, force: true }));
		const { child, output, exited } = start(folder, '--real', '--once');
		t.teardown(() => child.kill('SIGKILL'));
		t.is(await exited, 0, output());
		const [, told = ''] = output().split('▸ A request went through');
		t.regex(told, /Envoy of the gateway, .* x-way: virtual-service/);
		t.regex(told, /by mTLS, as spiffe:\/\/cluster\.local\/ns\/istio-system\/sa\/istio-ingressgateway-service-account/);
		t.regex(told, /which is spiffe:\/\/cluster\.local\/ns\/shop\/sa\/server/);
		t.deepEqual(await leftBehind(folder), []);
	},
);

for (const [args, words] of [
	[['--clusters', '0'], /--clusters must be a whole number from 1 to 5, not "0"/],
	[['--clusters', 'many'], /--clusters must be a whole number from 1 to 5, not "many"/],
	[['--clusters', '2.5'], /--clusters must be a whole number/],
	[['--clusters', '3', '-f', 'mesh.yaml'], /-f is for one cluster/],
	[['--version', '1.5.0'], /--version must be one of 1\.0\.9, .*1\.32\.0, not "1\.5\.0"/],
	[['--version', '1.4.10', '--upgrade'], /--version is for the examples in one cluster/],
	[['--real', '--clusters', '3'], /--real shows a mesh of its own in one cluster/],
	[['--upgrade', '--clusters', '3'], /--upgrade shows a mesh of its own in one cluster/],
	[['--nodes', '51'], /--nodes must be a whole number from 1 to 50/],
	[['--cluster', '3'], /Unknown option '--cluster'/],
] as const) {
	test(`${args.join(' ')} is refused in words, before anything is started`, async (t) => {
		const { output, exited } = start(tmpdir(), ...args);
		t.is(await exited, 1);
		t.regex(output(), words);
		t.notRegex(output(), /▸/);
	});
}
