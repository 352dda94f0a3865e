import test from 'ava';
import { findRelease } from './find-release.ts';
import { lines } from './lines.ts';

const { releases } = lines;

test('every release of the table is found by its full version', (t) => {
	t.deepEqual(
		releases.map(({ version }) => version),
		['1.0.9', '1.1.17', '1.2.10', '1.3.8', '1.4.10', '1.30.8', '1.31.4', '1.32.0'],
	);
	for (const release of releases) {
		t.deepEqual(findRelease(release.version, releases), { found: 'release', release });
	}
});

test('another patch of a known minor is not found, and the one that is known is named', (t) => {
	const search = findRelease('1.4.9', releases);
	t.is(search.found, 'nothing');
	t.like(search, { nearest: '1.4.10' });
});

test('an unknown minor is not found, and all known versions are listed', (t) => {
	t.deepEqual(findRelease('1.99.0', releases), {
		found: 'nothing',
		supported: ['1.0.9', '1.1.17', '1.2.10', '1.3.8', '1.4.10', '1.30.8', '1.31.4', '1.32.0'],
	});
	for (const version of ['', '1', '1.4', '1.4.100', 'v1.4.10', '1.4.10-alpha', ' 1.4.10', '11.4.10']) {
		t.is(findRelease(version, releases).found, 'nothing', version);
	}
});

test('a minor that reached its end says what to do instead', (t) => {
	const ended = { minor: '1.0', remedy: 'Install 1.1.17.' };
	t.deepEqual(findRelease('1.0.7', releases, [ended]), { found: 'endOfLine', ended });
	t.is(findRelease('1.0.9', releases, [ended]).found, 'release', 'a release of the table still counts');
});

test('only another version of a known minor names the one that is known', (t) => {
	for (const version of ['1.4', '1.4.', '1.4.9', '1.4.10-alpha', '1.4.x']) {
		t.like(findRelease(version, releases), { nearest: '1.4.10' }, version);
	}
	for (const version of ['', '1', '1.', '1.40', '1.40.0', 'v1.4.9', ' 1.4.9', '11.4.9', '01.4.9']) {
		t.false('nearest' in findRelease(version, releases), version);
	}
});

test('a version that only begins like one of a minor that ended is not taken for it', (t) => {
	const ended = { minor: '1.0', remedy: 'Install 1.1.17.' };
	t.is(findRelease('1.00.7', releases, [ended]).found, 'nothing');
	t.is(findRelease('1.0', releases, [ended]).found, 'endOfLine');
});
