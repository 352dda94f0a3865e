/** What reaches a terminal, from every command that repeats the words of a file, and from the one place that writes. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { program } from '../../e2e/support/cli.ts';
import { table } from './output.ts';
import { changedConditions, installationLines } from './status-view.ts';
import { askYesNo } from './terminal.ts';

const terminal = pathToFileURL(resolve(import.meta.dirname, 'terminal.ts')).href;
const attack = '\u001b[2J\u001b]8;;http://x\u0007\u009b2J\u202e\u200b\u2028\u007fé';
const hidden = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** Colours are the one thing that may be obeyed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const colours = /\u001b\[[0-9;]*m/g;

let folder: string;
test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-terminal-'));
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

interface Output {
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs Node, whose standard output pretends to be a terminal when that is asked for. */
function node(args: readonly string[], { isTerminal = false, input = '' } = {}): Promise<Output> {
	const pretend = isTerminal ? ['--import', 'data:text/javascript,process.stdout.isTTY=true'] : [];
	return new Promise((settle) => {
		const child = execFile(
			process.execPath,
			[...pretend, ...args],
			{ env: { ...process.env, FORCE_COLOR: '1', KUBECONFIG: join(folder, 'none') } },
			(_, stdout, stderr) => settle({ stdout, stderr }),
		);
		child.stdin?.end(input);
	});
}

const meshwright = (args: readonly string[], options = {}): Promise<Output> => node([program, ...args], options);

const header = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation' };
const inputs: Readonly<Record<string, object>> = {
	'in a name': { ...header, metadata: { name: attack }, spec: { version: '1.4.10' } },
	'in a kind': { ...header, kind: attack, metadata: { name: attack } },
	'in an unknown field': { ...header, metadata: { name: 'm' }, spec: { version: '1.4.10', [attack]: 1 } },
	'in a value': { ...header, metadata: { name: 'm' }, spec: { version: attack, namespace: attack } },
	'in the path of a patch': {
		...header,
		metadata: { name: 'm' },
		spec: {
			version: '1.4.10',
			overlays: [
				{
					target: { kind: 'Deployment', name: 'istio-pilot' },
					patch: [{ op: 'test', path: `/${attack}/x`, value: 'x' }],
				},
			],
		},
	},
};

for (const [where, object] of Object.entries(inputs)) {
	test.serial(`${where} nothing reaches a terminal that it obeys`, async (t) => {
		const file = join(folder, 'mesh.json');
		await writeFile(file, JSON.stringify(object));
		const outputs = await Promise.all([
			meshwright(['render', '-f', file]),
			meshwright(['inject', '-f', '-', '--installation', file], { input: '{}' }),
		]);
		for (const { stdout, stderr } of outputs) {
			t.notRegex(stdout.replaceAll(colours, ''), hidden);
			t.notRegex(stderr.replaceAll(colours, ''), hidden);
			t.false(stderr.includes('\u001b[2'), stderr);
			t.regex(stderr, /error:/);
		}
	});
}

test.serial('of the command line’s own words nothing gets out either', async (t) => {
	for (const args of [
		[attack],
		['render', `--${attack}`],
		['render', '-f', `${attack}\nerror: no`],
		['status', attack],
		['install', '--timeout', attack],
	]) {
		const { stdout, stderr } = await meshwright(args);
		t.notRegex(`${stdout}${stderr}`.replaceAll(colours, ''), hidden, args.join(' '));
		t.notRegex(stderr, /^error: no/m);
	}
});

test.serial('manifests keep their bytes in a pipe; a terminal gets what can’t be seen as escapes', async (t) => {
	const manifest = `# ${attack}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n\tx: y\n`.replace(
		'\t',
		' ',
	);
	const piped = await meshwright(['uninject', '-f', '-'], { input: manifest });
	t.is(piped.stdout, manifest);
	const shown = await meshwright(['uninject', '-f', '-'], { input: manifest, isTerminal: true });
	t.notRegex(shown.stdout, hidden);
	t.deepEqual(
		parseAllDocuments(shown.stdout).map((document) => document.toJS()),
		parseAllDocuments(manifest).map((document) => document.toJS()),
	);
});

test.serial('lines keep our colours and no others, and a text is one line', async (t) => {
	const script = `
		const { note, painter, print } = await import(${JSON.stringify(terminal)});
		const paint = painter('stdout');
		await print([paint('green', 'ok ' + ${JSON.stringify(attack)}), 'x\\u001b[31mred\\nerror: forged']);
		note('one\\ntwo');`;
	const { stdout, stderr } = await node(['--input-type=module', '-e', script]);
	const [first = '', second = '', ...more] = stdout.split('\n');
	t.true(first.startsWith('\u001b[32mok \\u{1b}[2J'), first);
	t.true(first.endsWith('\u001b[39m'), first);
	t.is(second, 'x\\u{1b}[31mred error: forged');
	t.deepEqual(more, ['']);
	t.is(stderr, 'one two\n');
});

test('a table has a line for each row, and its columns are as wide as they look', (t) => {
	t.is(
		table([
			['日本', 'x'],
			['a\nb', 'y'],
			['e\u0301', 'z'],
			['\u202e', attack],
		]),
		`日本       x\na b        y\ne\u0301          z\n\\u{202e}   ${'\\u{1b}[2J\\u{1b}]8;;http://x\\u{7}\\u{9b}2J\\u{202e}\\u{200b}\\u{2028}\\u{7f}é'}`,
	);
});

test('a status with lines in its messages forges no line of `status`', (t) => {
	const condition = {
		type: 'Ready',
		status: 'False' as const,
		reason: 'Invalid',
		message: 'one\n✔ Ready  True  Ready  the mesh runs 1.4.10',
		lastTransitionTime: '2026-01-01T00:00:00Z',
		observedGeneration: 1,
	};
	const object = {
		...header,
		metadata: { name: 'm', generation: 1 },
		spec: { version: '1.4.10' },
		status: { observedGeneration: 1, conditions: [condition] },
	};
	const paint = (_: unknown, text: string): string => text;
	const lines = installationLines(object, [], 0, paint);
	t.is(lines.length, 2);
	t.false(lines.some((line) => line.includes('\n')));
	// `print` makes one line of it.
	t.is(changedConditions(undefined, object, paint).length, 1);
});

test.serial('live lines are cut to the width, written over, and taken away; a pipe gets none', async (t) => {
	const code = `
		const { LiveLines } = await import(${JSON.stringify(terminal)});
		const live = new LiveLines();
		live.update(['one', 'x'.repeat(30)]);
		live.update(['\\u001b[2Jtwo']);
		live.end();`;
	const pretend = 'data:text/javascript,Object.assign(process.stderr,{isTTY:true,columns:20,rows:5})';
	const run = (...args: readonly string[]) => node([...args, '--input-type=module', '--eval', code]);
	const shown = (await run('--import', pretend)).stderr.split('\u001b').join('^');
	t.is(shown, `one\n${'x'.repeat(18)}…\n^[2A^[0J\\u{1b}[2Jtwo\n^[1A^[0J`);
	t.is((await run()).stderr, '');
});

for (const [typed, isYes] of [
	['y\n', true],
	['  YES \n', true],
	['\n', false],
	['no\n', false],
	['yesterday\n', false],
	['', false],
] as const) {
	test(`${JSON.stringify(typed)} is ${isYes ? 'a yes' : 'no yes'}`, async (t) => {
		const input = new PassThrough();
		input.end(typed);
		t.is(await askYesNo('?', new AbortController().signal, input), isYes);
	});
}

test('Ctrl-C at a question ends it', async (t) => {
	const controller = new AbortController();
	const answer = askYesNo('?', controller.signal, new PassThrough());
	controller.abort(new Error('interrupted'));
	await t.throwsAsync(answer, { message: 'interrupted' });
	await t.throwsAsync(askYesNo('?', controller.signal, new PassThrough()), { message: 'interrupted' });
});
