/**
 * Compares what is rendered with Istio's charts, by the facts in `facts/`. `UPDATE_GOLDEN=1 npx ava e2e/charts` rewrites the
 * table in docs/compatibility.md.
 */
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { compareFacts, type Difference, heldAgainst, listed } from './compare.ts';
import { listedDifferences } from './differences.ts';
import type { Facts } from './facts.ts';
import { renderedHere, renderedThere } from './rendered.ts';
import { differenceTable } from './table.ts';

const page = new URL('../../docs/compatibility.md', import.meta.url);

async function differencesOf(version: string): Promise<readonly Difference[]> {
	const file = new URL(`facts/${version}.json`, import.meta.url);
	const charts = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<'here' | 'there', Facts>>;
	return [
		...compareFacts({ version, place: 'here' }, charts.here, renderedHere(version)),
		...compareFacts({ version, place: 'there' }, charts.there, renderedThere(version)),
	];
}

const all = Promise.all(classicReleases.map(({ version }) => differencesOf(version))).then((lists) => lists.flat());

test('every difference from the charts is listed with its reason, and nothing is listed that does not differ', async (t) => {
	const { unlisted, idle } = heldAgainst(await all, listedDifferences);
	t.deepEqual(unlisted, [], 'render as the charts do, or give the reason in differences.ts');
	t.deepEqual(idle, []);
});

test('docs/compatibility.md shows the list', async (t) => {
	const written = await readFile(page, 'utf8');
	const pattern = /(<!-- table: charts -->\n).*?(<!-- end -->)/s;
	t.regex(written, pattern);
	const table = differenceTable(await all, listedDifferences, classicReleases);
	const expected = written.replace(pattern, (_, start: string, end: string) => `${start}\n${table}\n\n${end}`);
	if (process.env.UPDATE_GOLDEN === '1') await writeFile(page, expected);
	else t.is(written, expected);
});

test('a missing object, a missing, an added and another value are differences', (t) => {
	const where = { version: '1.4.10', place: 'here' } as const;
	const found = compareFacts(
		where,
		{ 'Service a': { 'label app': 'a', 'port 80': 'http', same: 'same' }, 'Service b': {} },
		{ 'Service a': { 'label app': 'x', 'port 81': 'http', same: 'same' } },
	);
	t.deepEqual(
		found.map(({ object, aspect, charts, meshwright }) => [object, aspect, charts, meshwright]),
		[
			['Service a', 'label app', 'a', 'x'],
			['Service a', 'port 80', 'http', undefined],
			['Service a', 'port 81', undefined, 'http'],
			['Service b', undefined, 'there', undefined],
		],
	);
	const [label, gone, added, object] = found as readonly [Difference, Difference, Difference, Difference];
	const why = 'because';
	t.truthy(listed(label, [{ object: 'Service {a,c}', aspect: 'label *', why }]));
	t.is(listed(label, [{ object: 'Service a', aspect: 'label ap', why }]), undefined);
	t.is(listed(label, [{ object: 'Service a', why }]), undefined, 'an entry about the object says nothing of its parts');
	t.is(listed(gone, [{ object: 'Service a', aspect: '*', side: 'meshwright', why }]), undefined);
	t.truthy(listed(added, [{ object: 'Service a', aspect: '*', side: 'meshwright', why }]));
	t.is(listed(object, [{ object: 'Service b', place: 'there', why }]), undefined);
	t.truthy(listed(object, [{ object: '* b', why }]));
});
