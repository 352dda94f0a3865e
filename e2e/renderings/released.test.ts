/**
 * Nothing changes in a mesh because its operator was upgraded, unless it was announced. `rendering.json` has the hashes of
 * what the last released version renders for the golden meshes. After a release,
 * `UPDATE_RELEASED=1 npx ava e2e/renderings` makes them those of the version in package.json.
 */
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { combinationOf, combinations, golden } from '../../operator/render/golden-testing.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import manifest from '../../package.json' with { type: 'json' };
import { type AnnouncedChange, announcedChanges } from './announced.ts';
import {
	announcedSince,
	differencesOf,
	hashesOf,
	isAnnounced,
	type RenderedHashes,
	type RenderingDifference,
	renderingsTable,
} from './compare.ts';

const file = new URL('rendering.json', import.meta.url);
const page = new URL('../../docs/renderings.md', import.meta.url);
const updates = process.env.UPDATE_RELEASED === '1';
const updatesPage = process.env.UPDATE_GOLDEN === '1';

interface Released {
	/** The version of the operator. */
	readonly version: string;
	readonly hashes: RenderedHashes;
}

async function rendered(): Promise<RenderedHashes> {
	const all = classicReleases.map(async ({ version }): Promise<[string, RenderedHashes[string]]> => {
		const own = golden.filter(([name]) => name.startsWith(`${version}-`));
		const files = await Promise.all(own.map(([, objects]) => objects()));
		const profiles = combinations.map((combination) => combinationOf(version, combination));
		return [version, hashesOf([...files, ...profiles].flat())];
	});
	return Object.fromEntries(await Promise.all(all));
}

test('what is rendered otherwise than by the last released version is announced, and what is announced is so', async (t) => {
	const present = await rendered();
	if (updates) await writeFile(file, `${JSON.stringify({ version: manifest.version, hashes: present }, null, '\t')}\n`);
	const { version, hashes } = JSON.parse(await readFile(file, 'utf8')) as Released;
	const differences = differencesOf(hashes, present);
	const announced = announcedSince(announcedChanges, version);
	const unannounced = differences.filter((difference) => !announced.some((change) => isAnnounced(difference, change)));
	t.deepEqual(unannounced, [], 'a change of rendering has to stand in e2e/renderings/announced.ts');
	const idle = announced.filter((change) => !differences.some((difference) => isAnnounced(difference, change)));
	t.deepEqual(idle, [], 'nothing is rendered otherwise');
});

test('docs/renderings.md has the list', async (t) => {
	const written = await readFile(page, 'utf8');
	const pattern = /(<!-- table: renderings -->\n).*?(<!-- end -->)/s;
	t.regex(written, pattern);
	const table = announcedChanges.length === 0 ? 'Nothing yet.' : renderingsTable(announcedChanges);
	const expected = written.replace(pattern, (_, start: string, end: string) => `${start}\n${table}\n\n${end}`);
	if (updatesPage) await writeFile(page, expected);
	t.is(updatesPage ? expected : written, expected);
});

const object = (name: string, data: string): KubeObject => ({
	apiVersion: 'v1',
	kind: 'ConfigMap',
	metadata: { name, namespace: 'istio-system' },
	data: { data },
});

test('an object that is changed, new or gone is a difference; a release that is new is none', (t) => {
	const before = { '1.3.8': hashesOf([object('a', '1'), object('a', '2'), object('b', '1'), object('c', '1')]) };
	const after = {
		'1.3.8': hashesOf([object('a', '2'), object('a', '3'), object('c', '1'), object('d', '1')]),
		'1.5.0': hashesOf([object('a', '1')]),
	};
	t.deepEqual(
		differencesOf(before, after).map(({ object: name }) => name),
		['ConfigMap a', 'ConfigMap b', 'ConfigMap d'],
	);
	t.deepEqual(differencesOf(before, before), []);
});

test('an announcement is for its releases and objects, from its version on', (t) => {
	const change: AnnouncedChange = {
		since: '0.2.0',
		releases: ['1.3.8'],
		objects: ['ConfigMap istio*'],
		what: 'it waits longer',
		effect: 'nothing restarts',
	};
	const difference: RenderingDifference = { release: '1.3.8', object: 'ConfigMap istio-sidecar-injector' };
	t.true(isAnnounced(difference, change));
	t.false(isAnnounced({ ...difference, release: '1.4.10' }, change));
	t.false(isAnnounced({ ...difference, object: 'Service istio' }, change));
	t.deepEqual(announcedSince([change], '0.1.0'), [change]);
	t.deepEqual(announcedSince([change], '0.2.0'), []);
	t.regex(
		renderingsTable([change]),
		/^\| 0\.2\.0 \| 1\.3\.8 \| `ConfigMap istio\*` \| it waits longer \| nothing restarts \|$/m,
	);
});
