import test from 'ava';
import fc from 'fast-check';
import { compareVersions, isSince, readFullVersion, readVersion } from './version.ts';

const read: readonly [text: string, version: string | undefined][] = [
	['1.36', '1.36.0'],
	['1.36+', '1.36.0'],
	['1.4.10', '1.4.10'],
	['v1.36.3', '1.36.3'],
	['v1.36.3-gke.1', '1.36.3'],
	['v1.29.3-eks-a18cd3a', '1.29.3'],
	['v1.30.0+k3s1', '1.30.0'],
	['v1.37.0-alpha.2.15+0123456789abcd', '1.37.0'],
	['v1.36.9-vendor.1.2.3', '1.36.9'],
	['v0.0.0-master+$Format:%H$', '0.0.0'],
	['v2', undefined],
	['2', undefined],
	['', undefined],
	['unknown', undefined],
	['.1.36', undefined],
	['V1.36', undefined],
	['build 7 of v1.2.3', undefined],
	['v1.99999999999999999.0', undefined],
	['99999999999999999.1.0', undefined],
];
for (const [text, version] of read) {
	test(`${text === '' ? 'an empty text' : text} is read as ${version}`, (t) => {
		t.is(readVersion(text)?.version, version);
	});
}

test('a full version is one to the last letter', (t) => {
	t.like(readFullVersion('1.4.10'), { major: 1, minor: 4, patch: 10 });
	const others = ['', '1.4', 'v1.4.10', ' 1.4.10', '1.4.10 ', '1.4.10-rc.1', '1.4.10+k3s1', '1.04.10', '1.4.10.1'];
	for (const text of [...others, '99999999999999999.0.0', 'latest']) {
		t.is(readFullVersion(text), undefined, text);
	}
});

test('versions are ordered by number, whatever numbers they are', (t) => {
	const numbers = fc.tuple(fc.nat(2_000), fc.nat(2_000), fc.nat(2_000));
	fc.assert(
		fc.property(numbers, numbers, fc.constantFrom('', '-gke.1', '+k3s1', '-rc.0'), (a, b, suffix) => {
			const expected = a.map((number, index) => number - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
			const [left, right] = [`v${a.join('.')}${suffix}`, b.join('.')];
			t.is(compareVersions(readVersion(left), readVersion(right)), Math.sign(expected));
			t.is(isSince(left, right), expected >= 0);
		}),
	);
});

test('what is no version is older than every version, and as old as anything else that is none', (t) => {
	t.is(compareVersions(undefined, readVersion('0.0.0')), -1);
	t.is(compareVersions(readVersion('0.0.0'), undefined), 1);
	t.is(compareVersions(undefined, undefined), 0);
	t.false(isSince('latest', '1.0'));
});

test('whatever a text holds, it is read without an error and in no time', (t) => {
	fc.assert(
		fc.property(fc.string(), (text) => {
			t.true([undefined, 'object'].includes(readVersion(text) && 'object'));
			t.true([undefined, 'object'].includes(readFullVersion(text) && 'object'));
		}),
	);
	const started = performance.now();
	for (const long of [`1.${'1.'.repeat(500_000)}`, `v1.2.3-${'-'.repeat(1_000_000)}`, '9'.repeat(1_000_000)]) {
		readVersion(long);
		readFullVersion(long);
	}
	t.true(performance.now() - started < 1_000);
});
