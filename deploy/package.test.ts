/** The npm package: what is in it, and that it runs in an empty folder, on the oldest Node that it names and on the newest. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { locateNode, newestNode, oldestNode } from '../e2e/support/node-release.ts';
import { buildBundle } from './build.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const example = join(root, 'deploy/examples/minimal.yaml');
const commandMs = 120_000;

// Before the first test: ava takes none that comes later.
const nodes = await Promise.all(
	Object.entries({ oldest: oldestNode, newest: newestNode }).map(async ([name, release]) => {
		const title = `installed from its archive into an empty folder, it renders on the ${name} Node (${release.version})`;
		return { title, release, node: await locateNode(release) };
	}),
);

let folder: string;
/** Where it is installed. */
let home: string;
let files: readonly string[];

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-package-'));
	// The checkout as npm packs it, without what `dist` there may hold.
	const checkout = join(folder, 'checkout');
	for (const name of ['package.json', 'README.md', 'LICENSE', 'operator/cli'])
		await cp(join(root, name), join(checkout, name), { recursive: true });
	await buildBundle(join(checkout, 'dist'));
	const { stdout } = await npm(checkout, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder);
	const [packed] = JSON.parse(stdout) as readonly [
		{ readonly filename: string; readonly files: readonly { readonly path: string }[] },
	];
	files = packed.files.map(({ path }) => path);
	home = join(folder, 'home');
	await mkdir(home);
	await writeFile(join(home, 'package.json'), '{}');
	// Offline: there is nothing that it depends on.
	await npm(home, 'install', '--offline', '--no-audit', '--no-fund', join(folder, packed.filename));
});

test.after.always(() => rm(folder, { recursive: true, force: true }));

function npm(cwd: string, ...args: readonly string[]) {
	return run('npm', args, { cwd, timeout: commandMs });
}

/** Runs the installed command on a Node, in an environment without settings. */
function meshwright(node: string, ...args: readonly string[]) {
	const env = { HOME: home, PATH: `${dirname(node)}:/usr/bin:/bin` };
	return run('node_modules/.bin/meshwright', args, { cwd: home, env, timeout: commandMs, maxBuffer: 2 ** 26 });
}

test('the package is the bundle with its papers and what starts it, and no sources', (t) => {
	t.deepEqual(files.toSorted(), [
		'LICENSE',
		'README.md',
		'dist/LICENSES.txt',
		'dist/meshwright.cdx.json',
		'dist/meshwright.js',
		'dist/meshwright.js.map',
		'dist/package.json',
		'operator/cli/meshwright.js',
		'package.json',
	]);
});

test('npm packs it as it is built: whoever packs a checkout builds the bundle first', async (t) => {
	const { scripts, dependencies, engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
	t.is(scripts.prepack, 'npm run build');
	t.is(dependencies, undefined, 'everything is in the bundle');
	t.is(engines.node, `>=${oldestNode.version.replace(/\.0$/, '')}`);
});

for (const { title, release, node } of nodes) {
	if (node instanceof Error) {
		test.skip(`${title}: ${node.message.split('\n')[0]}`, () => undefined);
		continue;
	}
	test(title, async (t) => {
		const version = await meshwright(node, '--version');
		t.regex(version.stdout, new RegExp(`node ${release.version.replaceAll('.', '\\.')}\\)\\n$`));
		const rendered = await meshwright(node, 'render', '-f', example);
		const sources = [join(root, 'operator/cli/meshwright.ts'), 'render', '-f', example];
		const { stdout } = await run(process.execPath, sources, { timeout: commandMs, maxBuffer: 2 ** 26 });
		t.is(rendered.stdout, stdout);
		t.is(rendered.stderr, '');
		t.regex((await meshwright(node, '--help')).stdout, /^ +install /m);
	});
}

test('on a Node that is too old the installed package says what it needs', async (t) => {
	const launcher = join(home, 'node_modules/meshwright/operator/cli/meshwright.js');
	const text = await readFile(launcher, 'utf8');
	const old = text.replace('process.versions.node.split', "'20.20.2'.split");
	t.not(old, text);
	const pretending = join(dirname(launcher), 'old.js');
	await writeFile(pretending, old);
	const error = await t.throwsAsync<Error & { code: number; stderr: string }>(run(process.execPath, [pretending]));
	t.is(error.code, 2);
	t.regex(error.stderr, /needs Node 22\.19 or newer.*\nInstall one from https:\/\/nodejs\.org\n$/);
});
