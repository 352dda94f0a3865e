/** Runs `meshwright inject` and `uninject` as processes of their own, without a cluster. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { meshwright } from '../../../e2e/support/cli.ts';
import { others, workloads } from './testing.ts';

const { Deployment: deployment = '', Job: job = '' } = workloads;

let folder: string;
let mesh: string;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-inject-'));
	mesh = await file('mesh.yaml', installation('default', '1.4.10'));
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string | Uint8Array): Promise<string> {
	const path = join(folder, name);
	await mkdir(join(path, '..'), { recursive: true });
	await writeFile(path, text);
	return path;
}

function installation(name: string, version: string): string {
	return `apiVersion: meshwright.io/v1\nkind: MeshInstallation\nmetadata: {name: ${name}}\nspec: {version: ${version}}\n`;
}

test.serial('inject prints a file with the proxy in its pods, uninject prints what it was', async (t) => {
	const app = await file('app.yaml', `${deployment}---\n${others}`);
	const injected = await meshwright(['inject', '-f', app, '--installation', mesh]);
	t.is(injected.exitCode, 0, injected.stderr);
	t.is(injected.stderr, '');
	t.regex(injected.stdout, /image: docker\.io\/istio\/proxyv2:1\.4\.10/);
	t.is(await readFile(app, 'utf8'), `${deployment}---\n${others}`, 'the file itself stays');
	const again = await meshwright(['inject', '-f', '-', '--installation', mesh], injected.stdout);
	t.is(again.stdout, injected.stdout);
	const back = await meshwright(['uninject', '-f', '-'], injected.stdout);
	t.is(back.exitCode, 0, back.stderr);
	t.is(back.stdout, `${deployment}---\n${others}`);
});

test.serial('what holds no pod comes out as it went in, to the byte', async (t) => {
	for (const text of [others, 'a: 1', '', '\n', '\uFEFFa: 1\r\n', '{"a": 1}', '# nothing']) {
		const { exitCode, stdout, stderr } = await meshwright(['inject', '-f', '-', '--installation', mesh], text);
		t.is(exitCode, 0, stderr);
		t.is(stdout, text);
	}
});

test.serial('a byte order mark is no part of the first key', async (t) => {
	const { exitCode, stdout, stderr } = await meshwright(['inject', '-f', '-', '--installation', mesh], `\uFEFF${job}`);
	t.is(exitCode, 0, stderr);
	t.true(stdout.startsWith('\uFEFFapiVersion: batch/v1\n'));
	t.regex(stdout, /^ {6}- name: istio-proxy$/m);
});

test.serial('several files become one stream of documents', async (t) => {
	const one = await file('one.yaml', deployment.trimEnd());
	const two = await file('two.json', JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } }));
	const three = await file('three.yaml', `---\n${job}`);
	const { stdout, stderr } = await meshwright(['inject', '-f', one, '-f', two, '-f', three, '--installation', mesh]);
	t.is(stderr, '');
	t.deepEqual(
		parseAllDocuments(stdout).map((document) => document.get('kind')),
		['Deployment', 'Namespace', 'Job'],
	);
	t.is(stdout.match(/name: istio-proxy/g)?.length, 2);
});

test.serial('-R --write replaces the manifests of a folder in place, and only those that change', async (t) => {
	const web = await file('tree/web/deployment.yaml', deployment);
	const service = await file('tree/service.yml', others);
	await file('tree/notes.txt', deployment);
	await file('shared/job.yaml', job);
	await file('tree/real/job', job);
	await symlink('real/job', join(folder, 'tree/job.yaml'));
	await symlink(join(folder, 'shared/job.yaml'), join(folder, 'tree/outside.yaml'));
	await chmod(web, 0o640);
	const before = await stat(service);
	const tree = join(folder, 'tree');
	const { exitCode, stdout, stderr } = await meshwright(['inject', '-R', tree, '--write', '--installation', mesh]);
	t.is(exitCode, 0, stderr);
	t.is(stdout, '');
	const outside = `${join(tree, 'outside.yaml')} is left out: it is a link out of the folder`;
	t.deepEqual(stderr.trimEnd().split('\n'), [
		outside,
		`${join(tree, 'job.yaml')}: 1 pod changed`,
		`${web}: 1 pod changed`,
	]);
	t.regex(await readFile(web, 'utf8'), /name: istio-proxy/);
	t.regex(await readFile(join(tree, 'real/job'), 'utf8'), /name: istio-proxy/, 'the file, not the link to it');
	t.is(await readFile(join(folder, 'shared/job.yaml'), 'utf8'), job);
	t.is((await stat(web)).mode & 0o777, 0o640);
	t.is((await stat(service)).mtimeMs, before.mtimeMs);
	t.is(await readFile(join(tree, 'notes.txt'), 'utf8'), deployment);
	t.deepEqual((await readdir(tree)).sort(), ['job.yaml', 'notes.txt', 'outside.yaml', 'real', 'service.yml', 'web']);
	t.deepEqual(await readdir(join(tree, 'web')), ['deployment.yaml']);

	const quiet = await meshwright(['inject', '-R', tree, '--write', '--installation', mesh]);
	t.is(quiet.stderr, `${outside}\n`);
	const back = await meshwright(['uninject', '-R', tree, '--write']);
	t.is(back.exitCode, 0, back.stderr);
	t.is(await readFile(web, 'utf8'), deployment);
});

test.serial('a file in UTF-16 keeps its encoding when it is written, and is printed in UTF-8', async (t) => {
	const text = `\ufeff${job.replaceAll('\n', '\r\n')}`;
	for (const bytes of [Buffer.from(text, 'utf16le'), Buffer.from(text, 'utf16le').swap16()]) {
		const path = await file('utf16.yaml', bytes);
		const printed = await meshwright(['inject', '-f', path, '--installation', mesh]);
		t.true(printed.stdout.startsWith('apiVersion: batch/v1\r\n'), printed.stderr);
		const written = await meshwright(['inject', '-f', path, '--write', '--installation', mesh]);
		t.is(written.exitCode, 0, written.stderr);
		const after = await readFile(path);
		t.deepEqual(after.subarray(0, 2), bytes.subarray(0, 2));
		const decoder = new TextDecoder(after[0] === 0xff ? 'utf-16le' : 'utf-16be', { fatal: true });
		t.is(decoder.decode(after), printed.stdout);
		t.is((await meshwright(['uninject', '-f', path, '--write'])).exitCode, 0);
		t.deepEqual(await readFile(path), bytes);
	}
});

test.serial('nothing is written and nothing printed when one file is wrong', async (t) => {
	const right = await file('right.yaml', deployment);
	const wrong = await file(
		'wrong.yaml',
		job.replace(
			'spec:\n  template:',
			'spec:\n  template:\n    metadata: {annotations: {status.sidecar.istio.io/port: "x"}}',
		),
	);
	const broken = await file('broken.yaml', '- a: [\n');
	for (const write of [[], ['--write']]) {
		const { exitCode, stdout, stderr } = await meshwright([
			'inject',
			'-f',
			right,
			'-f',
			wrong,
			'-f',
			broken,
			...write,
			'--installation',
			mesh,
		]);
		t.is(exitCode, 2);
		t.is(stdout, '');
		t.regex(
			stderr,
			/wrong\.yaml: document 1: Job once: spec\.template\.metadata\.annotations\[status\.sidecar\.istio\.io\/port\]/,
		);
		t.regex(stderr, /broken\.yaml: document 1 is not YAML/);
		t.is(await readFile(right, 'utf8'), deployment);
	}
});

test.serial('the mesh is the one of the file, chosen by name where there are several', async (t) => {
	const two = await file('two-meshes.yaml', `${installation('old', '1.0.9')}---\n${installation('new', '1.3.8')}`);
	const chosen = await meshwright(['inject', '-f', '-', '--installation', two, '--mesh', 'old'], job);
	t.regex(chosen.stdout, /proxyv2:1\.0\.9/);
	const open = await meshwright(['inject', '-f', '-', '--installation', two], job);
	t.is(open.exitCode, 2);
	t.regex(open.stderr, /there are several MeshInstallations: old, new\n +do: choose one with --mesh/);
	const none = await meshwright(['inject', '-f', '-', '--installation', two, '--mesh', 'other'], job);
	t.is(none.exitCode, 2);
	t.regex(none.stderr, /there is no MeshInstallation other in .*two-meshes\.yaml/);
	const refused = await meshwright(
		['inject', '-f', '-', '--installation', await file('bad.yaml', installation('bad', '9.9.9'))],
		job,
	);
	t.is(refused.exitCode, 2);
	t.regex(refused.stderr, /MeshInstallation bad in .*bad\.yaml can’t be used:\n.*9\.9\.9/);
});

test.serial('wrong usage is told with what to do', async (t) => {
	const latin = await file('latin.yaml', Buffer.from('a: \xe9\n', 'latin1'));
	await mkdir(join(folder, 'empty'), { recursive: true });
	for (const [args, message] of [
		[['inject', '--installation', mesh], /there is nothing to read\n +do: give files with -f, folders with -R/],
		[['uninject'], /there is nothing to read/],
		[
			['inject', '-f', join(folder, 'none.yaml'), '--installation', mesh],
			/none\.yaml does not exist\n +do: give a file/,
		],
		[['inject', '-f', folder, '--installation', mesh], /is a folder\n +do: .*a folder with -R/],
		[['inject', '-R', join(folder, 'empty'), '--installation', mesh], /there is no manifest below .*empty/],
		[['inject', '-R', mesh, '--installation', mesh], /mesh\.yaml is no folder/],
		[['uninject', '-f', '-', '--write'], /standard input can’t be written back/],
		[['uninject', '-f', '-', '-f', '-'], /standard input can be read once only/],
		[['uninject', '-f', latin], /latin\.yaml is not UTF-8/],
		[['inject', '-f', mesh], /error: /],
	] as const) {
		const { exitCode, stdout, stderr } = await meshwright(args);
		t.is(exitCode, 2, args.join(' '));
		t.is(stdout, '');
		t.regex(stderr, message, args.join(' '));
		t.notRegex(stderr, /\n\s+at /);
	}
});
