/**
 * The linter knows the dependency directions between rooms: one import in each wrong direction is found, each right one
 * passes, and circles of imports are refused.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'ava';

const root = resolve(import.meta.dirname, '../..');

/** What decides: functions of what they are given. */
const pure = ['api/v1', 'operator/releases', 'operator/sidecar', 'operator/render', 'operator/status', 'operator/plan'];
const belowMesh = [
	...pure,
	'operator/certificates',
	'operator/lines',
	'operator/runtime',
	'operator/apply',
	'operator/clusters',
];

/** Each room of the table in docs/architecture.md, and which it may know. */
const rooms: Readonly<Record<string, readonly string[]>> = {
	'api/v1': [],
	'operator/releases': ['api/v1'],
	'operator/sidecar': ['api/v1', 'operator/releases'],
	'operator/certificates': ['api/v1'],
	'operator/render': ['api/v1', 'operator/releases', 'operator/sidecar'],
	'operator/status': ['api/v1'],
	'operator/plan': ['api/v1', 'operator/releases', 'operator/render', 'operator/certificates', 'operator/status'],
	'operator/lines': pure,
	'operator/runtime': [],
	'operator/apply': ['api/v1', 'operator/runtime'],
	'operator/clusters': ['api/v1', 'operator/apply', 'operator/render', 'operator/runtime'],
	'operator/mesh': belowMesh,
	operator: ['api/v1', 'operator/lines', 'operator/runtime', 'operator/apply', 'operator/clusters', 'operator/mesh'],
	'operator/cli': [...belowMesh, 'operator/mesh', 'operator', 'deploy'],
	deploy: ['api/v1', 'operator/releases', 'operator/render', 'operator/lines'],
};

/** Each package that the product has, and the rooms that may use it. */
const packages: Readonly<Record<string, readonly string[]>> = {
	'@dot-i/k8s-operator': ['operator'],
	'@kubernetes/client-node': ['operator/runtime', 'operator', 'deploy'],
	'@peculiar/x509': ['operator/certificates'],
	'cidr-tools': ['api/v1', 'operator/clusters'],
	commander: ['operator/cli'],
	croner: ['operator/plan'],
	diff: ['operator/cli'],
	pino: ['operator/runtime'],
	'prom-client': ['operator/runtime'],
	'reflect-metadata': ['operator/certificates'],
	semver: ['api/v1'],
	'string-width': ['operator/cli'],
	undici: ['operator/runtime'],
	yaml: ['api/v1', 'operator/render', 'operator/runtime', 'operator/clusters', 'operator', 'operator/cli', 'deploy'],
	zod: ['api/v1'],
};

type Case = readonly [file: string, specifier: string];

/** A file of a room that others would import: none that is allowed by itself. */
function fileOf(room: string): string {
	return room === 'operator' ? 'operator/main.ts' : `${room}/some.ts`;
}

/** One file in each folder of a room. */
async function filesIn(room: string): Promise<readonly string[]> {
	if (room === 'operator') return ['operator/x.ts'];
	const entries = await readdir(join(root, room), { recursive: true, withFileTypes: true }).catch(() => []);
	const folders = entries
		.filter((entry) => entry.isDirectory() && entry.name !== 'golden')
		.map((entry) => relative(root, join(entry.parentPath, entry.name)));
	return [room, ...folders].map((folder) => `${folder}/x.ts`);
}

function specifierOf(from: string, to: string): string {
	const path = relative(dirname(from), to);
	return path.startsWith('.') ? path : `./${path}`;
}

/** Every import of one room by another, those of the house's tests, and every use of a package. */
async function casesOf(isAllowed: boolean): Promise<readonly Case[]> {
	const cases: Case[] = [];
	for (const [room, known] of Object.entries(rooms)) {
		for (const file of await filesIn(room)) {
			const others = Object.keys(rooms).filter((other) => other !== room && known.includes(other) === isAllowed);
			cases.push(...others.map((other): Case => [file, specifierOf(file, fileOf(other))]));
			if (!isAllowed) cases.push([file, specifierOf(file, 'e2e/control-plane/cluster.ts')], [file, 'ava']);
			const used = Object.entries(packages).filter(([, users]) => users.includes(room) === isAllowed);
			cases.push(...used.map(([name]): Case => [file, name]));
		}
	}
	return cases;
}

/** What the tables do not say. */
const forbidden: readonly Case[] = [
	['operator/status/x.ts', 'semver/functions/parse.js'],
	['operator/plan/x.ts', '../apply/plan.ts'],
	['operator/render/x.ts', '../runtime/client/api-server.ts'],
	['operator/status/x.ts', '../runtime/client/api-server.ts'],
	['deploy/x.ts', '../operator/clusters/checks/check-cluster.ts'],
	// What is one line's own is asked of the line, see `operator/lines/`.
	['operator/releases/x.ts', './classic/index.ts'],
	['operator/render/x.ts', './classic/index.ts'],
	['operator/plan/x.ts', './classic/gates.ts'],
	['operator/mesh/x.ts', '../releases/classic/index.ts'],
	['operator/mesh/joined/x.ts', '../../render/classic/index.ts'],
	['operator/cli/diff/x.ts', '../../plan/classic/gates.ts'],
	['operator/clusters/x.ts', '../render/classic/index.ts'],
	['deploy/x.ts', '../operator/releases/classic/index.ts'],
];

/** Above all single files of a room that others may know, though not the room. */
const allowed: readonly Case[] = [
	['operator/lines/x.ts', '../render/classic/index.ts'],
	['operator/render/classic/x.ts', '../../releases/classic/index.ts'],
	['operator/plan/classic/x.ts', '../../render/classic/index.ts'],
	['operator/sidecar/x.ts', '../releases/classic/index.ts'],
	['operator/mesh/testing.ts', '../releases/classic/index.ts'],
	['api/v1/x.ts', 'semver/functions/parse.js'],
	['operator/render/x.ts', '../runtime/object.ts'],
	['operator/plan/x.ts', '../runtime/object.ts'],
	['operator/plan/x.ts', '../runtime/kinds.ts'],
	['operator/plan/classic/x.ts', '../../apply/child.ts'],
	['operator/plan/x.ts', '../apply/identity.ts'],
	['operator/status/x.ts', '../runtime/object.ts'],
	['operator/status/x.ts', '../runtime/errors.ts'],
	['deploy/x.ts', '../operator/runtime/object.ts'],
	['deploy/x.ts', '../operator/runtime/kinds.ts'],
	['deploy/x.ts', '../operator/clusters/checks/permissions.ts'],
	['deploy/x.ts', '../operator/plan/rights.ts'],
	['e2e/x.ts', '../operator/runtime/client/api-server.ts'],
	['operator/render/x.test.ts', '../../e2e/control-plane/cluster.ts'],
];

/** Makes a house with nothing in it but these files, lints it by one of the project's rules, and answers with the files that break it. */
async function lint(files: ReadonlyMap<string, string>, rule: string): Promise<readonly string[]> {
	const house = await mkdtemp(join(tmpdir(), 'meshwright-rooms-'));
	try {
		await cp(join(root, 'biome.json'), join(house, 'biome.json'));
		for (const [file, text] of files) {
			const path = join(house, file);
			await mkdir(dirname(path), { recursive: true });
			await writeFile(path, text);
		}
		const output = await new Promise<string>((settle, reject) => {
			execFile(
				join(root, 'node_modules/.bin/biome'),
				['lint', '--vcs-enabled=false', `--only=${rule}`, '--max-diagnostics=none', '--colors=off', '.'],
				{ cwd: house, timeout: 60_000, maxBuffer: 2 ** 24 },
				(error, stdout, stderr) => {
					if (error !== null && error.code !== 1) {
						reject(error);
					} else {
						settle(`${stdout}${stderr}`);
					}
				},
			);
		});
		const findings = new RegExp(`^(\\S+?):[0-9:]+ lint/${rule}`, 'gm');
		return [...output.matchAll(findings)].map(([, file]) => file ?? '');
	} finally {
		await rm(house, { recursive: true, force: true });
	}
}

/** The cases of which the linter finds the import. */
async function refused(cases: readonly Case[]): Promise<readonly Case[]> {
	const files = cases.map(([file, specifier], index): [string, string] => [
		numbered(file, index),
		`import { thing } from '${specifier}';\n\nconsole.log(thing);\n`,
	]);
	const found = await lint(new Map(files), 'style/noRestrictedImports');
	return cases.filter(([file], index) => found.includes(numbered(file, index)));
}

/** Each case gets a file of its own. */
function numbered(file: string, index: number): string {
	return file.replace(/x(\.|$)/, `x${index}$1`);
}

test('an import in a wrong direction is found', async (t) => {
	const cases = [...forbidden, ...(await casesOf(false))];
	t.deepEqual(await refused(cases), cases);
});

test('an import in a right direction passes', async (t) => {
	const cases = [...allowed, ...(await casesOf(true))];
	t.deepEqual(await refused(cases), []);
});

const importedPackage =
	/(?:^import '|^(?:import|export) [^'=;]*from '|^\} from '|\bimport\(')((?:@[^'/]+\/)?[^.'/][^'/]*)/gm;

/** The packages that the product's own files import. */
async function packagesOfProduct(): Promise<string[]> {
	const found = new Set<string>();
	for (const folder of ['api/v1', 'operator']) {
		const files = await readdir(join(root, folder), { recursive: true });
		for (const file of files.filter((name) => /(?<!\.test|-testing)\.ts$/.test(name))) {
			const text = await readFile(join(root, folder, file), 'utf8');
			for (const [, name = ''] of text.matchAll(importedPackage)) if (!name.startsWith('node:')) found.add(name);
		}
	}
	return [...found];
}

test('every folder is a room, and every package that the product has belongs to one', async (t) => {
	const entries = await readdir(join(root, 'operator'), { withFileTypes: true });
	for (const entry of entries) if (entry.isDirectory()) t.true(`operator/${entry.name}` in rooms, entry.name);
	t.deepEqual(Object.keys(packages).sort(), (await packagesOfProduct()).sort());
});

test('a circle of imports is found, also where types alone go round', async (t) => {
	const files = [
		['operator/render/a.ts', "import type { B } from './b.ts';\n\nexport type A = B | undefined;\n"],
		['operator/render/b.ts', "import type { A } from './a.ts';\n\nexport type B = { readonly a: A };\n"],
		['operator/render/c.ts', "import type { A } from './a.ts';\n\nexport type C = A;\n"],
		['operator/apply/a.ts', "import { b } from './b.ts';\n\nexport const a = () => b;\n"],
		['operator/apply/b.ts', "import { a } from './a.ts';\n\nexport const b = () => a;\n"],
	] as const;
	const found = await lint(new Map(files), 'suspicious/noImportCycles');
	t.deepEqual(found.toSorted(), [
		'operator/apply/a.ts',
		'operator/apply/b.ts',
		'operator/render/a.ts',
		'operator/render/b.ts',
	]);
});
