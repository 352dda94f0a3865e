/**
 * Compares what is rendered for istiod with upstream's charts, by the facts in `facts/`. `UPDATE_GOLDEN=1 npx ava
 * e2e/charts/istiod` rewrites the table in docs/istiod.md.
 */
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { istioPins } from '../../real-istio/pins.ts';
import type { Facts } from '../aspects.ts';
import { compareFacts, heldAgainst } from '../compare.ts';
import { differenceTable } from '../table.ts';
import { listedDifferences } from './differences.ts';
import { keptFacts } from './kept.ts';
import { comparedRenderings, renderedHere } from './rendered.ts';

const page = new URL('../../../docs/istiod.md', import.meta.url);

/** Objects of a revision under the names that they have without one, so that one list has the differences of both. */
function withoutRevision(facts: Facts): Facts {
	return Object.fromEntries(
		Object.entries(facts).map(([object, aspects]) => [object.replace(/-canary(?=-|$)/, ''), aspects]),
	);
}

/** The rights of an account in all namespaces as one role, however many the charts have. */
function inOneRole(facts: Facts, account: string): Facts {
	const roles = Object.entries(facts).filter(([object]) => new RegExp(`^ClusterRole ${account}\\b`).test(object));
	if (roles.length === 0) return facts;
	const rest = Object.entries(facts).filter((entry) => !roles.some(([object]) => object === entry[0]));
	const rights: Record<string, string> = {};
	for (const [, aspects] of roles) {
		for (const [aspect, verbs] of Object.entries(aspects)) {
			if (!aspect.startsWith('may ')) continue;
			const known = rights[aspect]?.split(', ') ?? [];
			rights[aspect] = [...new Set([...known, ...verbs.split(', ')])].sort().join(', ');
		}
	}
	return Object.fromEntries([...rest, [`ClusterRole ${account}`, rights]]);
}

/** What the agent of the CNI plugin is told by a ConfigMap, as the variables of its container that it becomes. */
function asVariables({ 'ConfigMap istio-cni-config': config, ...facts }: Facts): Facts {
	const agent = 'DaemonSet istio-cni-node';
	if (config === undefined) return facts;
	const settings = Object.entries(config).filter(([aspect]) => /^[A-Z]/.test(aspect));
	const variables = settings.map(([name, value]) => [`template spec containers install-cni env ${name} value`, value]);
	return { ...facts, [agent]: { ...facts[agent], ...Object.fromEntries(variables) } };
}

function comparable(facts: Facts): Facts {
	return inOneRole(inOneRole(asVariables(withoutRevision(facts)), 'istiod'), 'istio-cni');
}

const all = Promise.all(
	istioPins.flatMap(({ line }) =>
		comparedRenderings.map(async (place) =>
			compareFacts(
				{ version: line, place },
				comparable(await keptFacts(line, place)),
				comparable(renderedHere(line, place)),
			),
		),
	),
).then((lists) => lists.flat());

test('every difference from the charts is listed with its reason, and nothing is listed that does not differ', async (t) => {
	const { unlisted, idle } = heldAgainst(await all, listedDifferences);
	t.deepEqual(unlisted, [], 'render as the charts do, or give the reason in differences.ts');
	t.deepEqual(idle, []);
});

test('istiod and the CNI plugin get no right that the charts do not give', async (t) => {
	const more = (await all).filter(
		({ object, aspect, charts, meshwright }) =>
			(object === 'ClusterRole istiod' || object === 'ClusterRole istio-cni') &&
			aspect?.startsWith('may ') &&
			charts === undefined &&
			meshwright !== undefined,
	);
	t.deepEqual(
		more.map(({ aspect }) => aspect).filter((aspect) => !/\.(istio|k8s|x-k8s)\.io( |$)/.test(`${aspect}`)),
		[],
		'only where the charts have all kinds of a group',
	);
});

test('docs/istiod.md shows the list', async (t) => {
	const written = await readFile(page, 'utf8');
	const pattern = /(<!-- table: charts -->\n).*?(<!-- end -->)/s;
	t.regex(written, pattern);
	const table = differenceTable(
		await all,
		listedDifferences,
		istioPins.map(({ line }) => ({ version: line, minor: line })),
	);
	const expected = written.replace(pattern, (_, start: string, end: string) => `${start}\n${table}\n\n${end}`);
	if (process.env.UPDATE_GOLDEN === '1') await writeFile(page, expected);
	else t.is(written, expected);
});
