import { readFile } from 'node:fs/promises';
import test from 'ava';
import { defaultMinor, linkerFlags, pinsFor, programs, programsFor, supported } from './pins.ts';

const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');

test('without a setting the default minor is taken', (t) => {
	t.is(pinsFor(undefined).minor, defaultMinor);
	t.is(pinsFor(undefined).kubernetes, 'v1.36.3');
});

test('another minor is one setting, with or without a v', (t) => {
	t.is(pinsFor('1.35').kubernetes, 'v1.35.4');
	t.deepEqual(pinsFor('v1.35'), pinsFor('1.35'));
	t.is(pinsFor('1.35').staging, 'v0.35.4');
});

test('a minor that is not in the table is refused with the ones that are', (t) => {
	t.throws(() => pinsFor('1.20'), { message: 'MESHWRIGHT_KUBERNETES_VERSION=1.20: choose one of 1.36, 1.35, 1.34' });
});

test('every minor is in the table once', (t) => {
	t.is(new Set(supported.map((pins) => pins.minor)).size, supported.length);
});

test('go.mod requires and replaces exactly what the table pins, and go.sum has the sums', async (t) => {
	const [mod, sum] = await Promise.all([read('go.mod'), read('go.sum')]);
	const pins = pinsFor(undefined);
	for (const [module, version] of [
		['go.etcd.io/etcd/server/v3', pins.etcd],
		['k8s.io/kubernetes', pins.kubernetes],
		['sigs.k8s.io/kwok', pins.kwok],
	] as const) {
		t.true(mod.includes(`\t${module} ${version} // indirect`), module);
		t.true(sum.includes(`${module} ${version} h1:`), module);
	}
	for (const [line, , version] of mod.matchAll(/^replace (\S+) => \S+ (\S+)$/gm)) {
		t.is(version, pins.staging, line);
	}
	for (const program of programs) {
		t.true(mod.includes(`\t${program.package}\n`), program.name);
	}
});

test('an API server needs etcd alone, all parts need every program', (t) => {
	t.deepEqual(programsFor('api-server'), ['etcd', 'kube-apiserver']);
	t.is(programsFor('all').length, programs.length);
});

test('the programs report the version that they are built from', (t) => {
	const flags = linkerFlags(pinsFor('1.35'));
	t.true(flags.includes('gitVersion=v1.35.4'));
	t.true(flags.includes('gitMajor=1'));
	t.true(flags.includes('gitMinor=35'));
});
