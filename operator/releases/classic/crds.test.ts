import test from 'ava';
import { crdsOf } from './crds.ts';
import { classicReleases } from './releases.ts';

test('each release has the definitions that its charts ship without those of cert-manager, and 1.4 one more', (t) => {
	t.deepEqual(
		classicReleases.map((release) => [release.version, crdsOf(release).length]),
		[
			['1.0.9', 50],
			['1.1.17', 53],
			['1.2.10', 23],
			['1.3.8', 23],
			['1.4.10', 24],
		],
	);
});

test('no release has a definition, a kind of a group, or a short name twice', (t) => {
	for (const release of classicReleases) {
		const crds = crdsOf(release);
		for (const keys of [
			crds.map(({ name }) => name),
			crds.map(({ group, kind }) => `${kind}.${group}`),
			crds.flatMap(({ group, shortNames }) => shortNames.map((shortName) => `${shortName}.${group}`)),
		]) {
			t.deepEqual(keys.length, new Set(keys).size, release.version);
		}
	}
});

test('a definition exists for every type that Pilot lists', (t) => {
	for (const release of classicReleases) {
		const names = crdsOf(release).map(({ name }) => name);
		for (const type of release.pilot.configTypes) {
			t.true(names.includes(type), `${release.version} ${type}`);
		}
	}
});

test('short names and printer columns are those of the release', (t) => {
	const virtualService = (version: string) =>
		crdsOf({ minor: version as '1.0' }).find(({ name }) => name === 'virtualservices.networking.istio.io');
	t.like(virtualService('1.0'), { shortNames: [], columns: [] });
	t.like(virtualService('1.1'), { shortNames: ['vs'], categories: ['istio-io', 'networking-istio-io'] });
	t.deepEqual(
		virtualService('1.4')?.columns.map(({ name }) => name),
		['Gateways', 'Hosts', 'Age'],
	);
});

test('1.4 alone has the type that Pilot waits for and no chart ships', (t) => {
	const having = classicReleases.filter((release) =>
		crdsOf(release).some(({ name }) => name === 'syntheticserviceentries.networking.istio.io'),
	);
	t.deepEqual(
		having.map(({ version }) => version),
		['1.4.10'],
	);
	t.like(
		crdsOf({ minor: '1.4' }).find(({ kind }) => kind === 'SyntheticServiceEntry'),
		{ scope: 'Cluster', version: 'v1alpha3' },
	);
});
