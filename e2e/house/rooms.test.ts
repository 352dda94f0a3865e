/** The linter knows the dependency directions between rooms: one import in each wrong direction is found, each right one passes. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import test from 'ava';

const root = resolve(import.meta.dirname, '../..');

const forbidden: readonly (readonly [file: string, specifier: string])[] = [
	['api/v1/x.ts', '../../operator/runtime/object.ts'],
	['api/v1/x.ts', 'undici'],
	['operator/releases/x.ts', '../render/index.ts'],
	['operator/releases/x.ts', '../runtime/object.ts'],
	['operator/render/x.ts', '../apply/identity.ts'],
	['operator/render/x.ts', '../runtime/client/api-server.ts'],
	['operator/render/x.ts', 'undici'],
	['operator/plan/x.ts', '../apply/plan.ts'],
	['operator/apply/x.ts', '../render/index.ts'],
	['operator/apply/x.ts', '../status/finding.ts'],
	['operator/status/x.ts', '../apply/plan.ts'],
	['operator/status/x.ts', '../runtime/client/api-server.ts'],
	['operator/runtime/x.ts', '../../api/v1/index.ts'],
	['operator/runtime/x.ts', '../apply/identity.ts'],
	['operator/runtime/x.ts', '../mesh/reconcile.ts'],
	['operator/certificates/x.ts', '../runtime/object.ts'],
	['operator/certificates/x.ts', '../render/index.ts'],
	['operator/certificates/x.ts', 'undici'],
	['operator/render/x.ts', '../certificates/index.ts'],
	['operator/sidecar/x.ts', '../render/index.ts'],
	['operator/sidecar/x.ts', '../runtime/object.ts'],
	['operator/sidecar/x.ts', 'yaml'],
	['operator/releases/x.ts', '../sidecar/index.ts'],
	['operator/apply/x.ts', '../sidecar/index.ts'],
	['operator/status/x.ts', '../certificates/index.ts'],
	['operator/x.ts', '@peculiar/x509'],
	['operator/x.ts', './cli/main.ts'],
	['operator/mesh/x.ts', '../cli/main.ts'],
	['operator/mesh/x.ts', '@peculiar/x509'],
	['operator/clusters/keep/x.ts', '../../mesh/reconcile.ts'],
	['operator/clusters/checks/x.ts', '../../status/finding.ts'],
	['operator/clusters/kubeconfig/x.ts', '@peculiar/x509'],
	['operator/clusters/x.ts', '../releases/index.ts'],
	['operator/x.ts', '../e2e/control-plane/cluster.ts'],
	['operator/x.ts', 'undici'],
	['operator/cli/x.ts', '../../e2e/control-plane/cluster.ts'],
	['operator/plan/x.ts', 'semver'],
	['operator/cli/x.ts', 'semver'],
	['operator/runtime/x.ts', 'semver'],
	['operator/apply/x.ts', 'diff'],
	['operator/mesh/x.ts', 'diff'],
	['operator/render/x.ts', 'cidr-tools'],
	['operator/cli/x.ts', 'cidr-tools'],
	['operator/status/x.ts', 'semver/functions/parse.js'],
	['deploy/x.ts', '../operator/apply/identity.ts'],
	['deploy/x.ts', '../operator/clusters/checks/checks.ts'],
];

const allowed: readonly (readonly [file: string, specifier: string])[] = [
	['api/v1/x.ts', 'zod'],
	['api/v1/x.ts', 'semver/functions/parse.js'],
	['api/v1/x.ts', 'cidr-tools'],
	['operator/clusters/checks/x.ts', 'cidr-tools'],
	['operator/releases/x.ts', '../../api/v1/index.ts'],
	['operator/render/x.ts', '../releases/index.ts'],
	['operator/render/x.ts', '../sidecar/index.ts'],
	['operator/sidecar/x.ts', '../releases/index.ts'],
	['operator/cli/x.ts', '../sidecar/index.ts'],
	['operator/render/x.ts', '../runtime/object.ts'],
	['operator/apply/x.ts', '../runtime/client/api-server.ts'],
	['operator/status/x.ts', '../runtime/errors.ts'],
	['operator/runtime/x.ts', 'undici'],
	['operator/certificates/x.ts', '@peculiar/x509'],
	['operator/certificates/x.ts', '../../api/v1/index.ts'],
	['operator/x.ts', './mesh/controller.ts'],
	['operator/mesh/x.ts', '../certificates/index.ts'],
	['operator/mesh/x.ts', '../render/index.ts'],
	['deploy/x.ts', '../operator/clusters/checks/permissions.ts'],
	['operator/clusters/checks/x.ts', '../../render/index.ts'],
	['operator/clusters/keep/x.ts', '../../apply/applier.ts'],
	['operator/cli/x.ts', '../main.ts'],
	['operator/cli/diff/x.ts', 'diff'],
	['operator/cli/x.ts', '../render/index.ts'],
	['e2e/x.ts', '../operator/runtime/client/api-server.ts'],
	['operator/render/x.test.ts', '../../e2e/control-plane/cluster.ts'],
];

/** Makes a house with nothing in it but these imports, lints it by the project's rules, and answers with the files that break one. */
async function lint(cases: readonly (readonly [file: string, specifier: string])[]): Promise<readonly string[]> {
	const house = await mkdtemp(join(tmpdir(), 'meshwright-rooms-'));
	try {
		await cp(join(root, 'biome.json'), join(house, 'biome.json'));
		for (const [index, [file, specifier]] of cases.entries()) {
			const path = join(house, numbered(file, index));
			await mkdir(dirname(path), { recursive: true });
			await writeFile(path, `import { thing } from '${specifier}';\n\nconsole.log(thing);\n`);
		}
		const output = await new Promise<string>((settle, reject) => {
			execFile(
				join(root, 'node_modules/.bin/biome'),
				[
					'lint',
					'--vcs-enabled=false',
					'--only=style/noRestrictedImports',
					'--max-diagnostics=none',
					'--colors=off',
					'.',
				],
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
		return [...output.matchAll(/^(\S+?):[0-9:]+ lint\/style\/noRestrictedImports/gm)].map(([, file]) => file ?? '');
	} finally {
		await rm(house, { recursive: true, force: true });
	}
}

/** Each case gets a file of its own. */
function numbered(file: string, index: number): string {
	return file.replace(/x(\.|$)/, `x${index}$1`);
}

test('an import in a wrong direction is found', async (t) => {
	const found = await lint(forbidden);
	const missed = forbidden.filter(([file], index) => !found.includes(numbered(file, index)));
	t.deepEqual(missed, []);
});

test('an import in a right direction passes', async (t) => {
	const found = await lint(allowed);
	t.deepEqual(found, []);
});
