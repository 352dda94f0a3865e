import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { build, generatedModule, isBuilt, planBuild } from './build.ts';
import { cacheRoot } from './build-once.ts';
import { pinsFor, programs } from './pins.ts';
import { eventually, printAndDie, processesWith } from './testing.ts';

const pins = pinsFor(undefined);
const silent = () => undefined;

const goScript = (calls: string, install: string) => `#!/bin/sh
echo "$1" >> '${calls}'
case "$1" in
list) echo some/package ;;
install) ${install} ;;
esac
`;

/** An environment with an empty cache and a `go` that does what `install` says instead of compiling for minutes. */
async function environment(
	t: ExecutionContext,
	install: string,
): Promise<{ env: NodeJS.ProcessEnv; cache: string; calls: string }> {
	const root = await mkdtemp(path.join(tmpdir(), 'meshwright-build-'));
	t.teardown(() => rm(root, { recursive: true, force: true }));
	const bin = path.join(root, 'bin');
	const cache = path.join(root, 'cache');
	const calls = path.join(root, 'calls');
	await mkdir(bin);
	await writeFile(path.join(bin, 'go'), goScript(calls, install));
	await chmod(path.join(bin, 'go'), 0o755);
	return { env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, MESHWRIGHT_CACHE: cache }, cache, calls };
}

const succeed = `for name in ${programs.map((program) => program.installedAs).join(' ')}; do echo binary > "$GOBIN/$name"; done`;

test('the cache is named by a variable, else below the cache directory of the user', (t) => {
	t.is(cacheRoot({ MESHWRIGHT_CACHE: '/a' }), '/a');
	t.is(cacheRoot({ XDG_CACHE_HOME: '/b' }), '/b/meshwright');
	t.regex(cacheRoot({}), /\/\.cache\/meshwright$/);
});

test('each version has a directory of its own, the same at every call', async (t) => {
	const env = { MESHWRIGHT_CACHE: '/cache' };
	const [plan, again, other] = await Promise.all([pins, pins, pinsFor('1.35')].map((row) => planBuild(row, env)));
	t.regex(String(plan?.directory), /^\/cache\/control-plane\/v1\.36\.3-[0-9a-f]{12}$/);
	t.is(plan?.directory, again?.directory);
	t.regex(String(other?.directory), /^\/cache\/control-plane\/v1\.35\.4-[0-9a-f]{12}$/);
});

test('a build leaves every program under its own name, and what it was built from', async (t) => {
	const { env } = await environment(t, succeed);
	const plan = await planBuild(pins, env);
	t.false(await isBuilt(plan.directory));
	await build(plan, env, silent);
	t.true(await isBuilt(plan.directory));
	const expected = [...programs.map((program) => program.name), 'go.mod', 'go.sum'];
	t.deepEqual((await readdir(plan.directory)).toSorted(), expected.toSorted());
	t.is(await readFile(path.join(plan.directory, 'go.mod'), 'utf8'), String(plan.module?.mod));
});

test('builders that start at once build once', async (t) => {
	const { env, calls } = await environment(t, `sleep 0.2; ${succeed}`);
	const plan = await planBuild(pins, env);
	const lines: string[] = [];
	await Promise.all([1, 2, 3].map(() => build(plan, env, (line) => void lines.push(line))));
	t.is((await readFile(calls, 'utf8')).split('\n').filter((line) => line === 'install').length, 1);
	t.true(lines.some((line) => line.includes('another process builds')));
});

test('a failed build says what the compiler said and leaves nothing', async (t) => {
	const { env, cache } = await environment(
		t,
		'echo half > "$GOBIN/kube-apiserver"; echo some/package; echo "no space left" >&2; exit 2',
	);
	await t.throwsAsync(
		planBuild(pins, env).then((plan) => build(plan, env, silent)),
		{
			message: /go install failed with exit code 2:\nno space left$/,
		},
	);
	t.deepEqual(await readdir(path.join(cache, 'control-plane')), []);
});

test('a build that does not yield every program fails and leaves nothing', async (t) => {
	const { env, cache } = await environment(t, 'echo binary > "$GOBIN/kube-apiserver"');
	await t.throwsAsync(planBuild(pins, env).then((plan) => build(plan, env, silent)));
	t.deepEqual(await readdir(path.join(cache, 'control-plane')), []);
});

test('a builder that is killed leaves neither files nor a compiler, and the next one builds', async (t) => {
	const { env, cache, calls } = await environment(
		t,
		'echo half > "$GOBIN/kube-apiserver"; echo compiling; exec sleep 3600',
	);
	const source = `
		import { build, planBuild } from ${JSON.stringify(new URL('build.ts', import.meta.url).href)};
		import { pinsFor } from ${JSON.stringify(new URL('pins.ts', import.meta.url).href)};
		import { readFileSync } from 'node:fs';
		void build(await planBuild(pinsFor(undefined), process.env), process.env, () => {});
		const timer = setInterval(() => {
			try {
				if (!readFileSync(${JSON.stringify(calls)}, 'utf8').includes('install')) return;
			} catch { return; }
			clearInterval(timer);
			console.log('compiling');
		}, 20);
	`;
	t.is(await printAndDie(source, 'SIGKILL', env), 'compiling');
	await eventually(
		'nothing is left in the cache',
		async () => (await readdir(path.join(cache, 'control-plane'))).length === 0,
	);
	await eventually('no compiler is left', async () => (await processesWith(path.dirname(cache))).length === 0);
	await writeFile(path.join(path.dirname(cache), 'bin', 'go'), goScript(calls, succeed));
	const plan = await planBuild(pins, env);
	await build(plan, env, t.log);
	t.true(await isBuilt(plan.directory));
});

test('for another minor the staging modules are pinned as k8s.io/kubernetes names them', (t) => {
	const upstream = [
		'module k8s.io/kubernetes',
		'go 1.25.0',
		'godebug default=go1.25',
		'require k8s.io/api v0.0.0',
		'replace (',
		'\tk8s.io/api => ./staging/src/k8s.io/api',
		'\tk8s.io/client-go => ./staging/src/k8s.io/client-go',
		')',
	].join('\n');
	t.deepEqual(generatedModule(pinsFor('1.35'), upstream).trimEnd().split('\n'), [
		'module meshwright.io/e2e/control-plane',
		'go 1.25.0',
		'godebug default=go1.25',
		'replace k8s.io/api => k8s.io/api v0.35.4',
		'replace k8s.io/client-go => k8s.io/client-go v0.35.4',
	]);
	t.throws(() => generatedModule(pins, 'module x'), { message: /names no Go version or no staging modules/ });
});
