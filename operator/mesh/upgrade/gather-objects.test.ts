/** How users' objects are read for the checks: a few kinds at a time, told in the same order each time. The API is made up. */
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { found } from '../../plan/upgrade/catalogue.ts';
import { known } from '../../plan/upgrade/gathered.ts';
import type { Hop, UpgradeRules } from '../../plan/upgrade/rules.ts';
import type { ObjectKind } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError } from '../../runtime/errors.ts';
import type { Kind } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { gatherObjects } from './gather-objects.ts';

const wanted: readonly ObjectKind[] = Array.from({ length: 9 }, (_, index) => ({
	apiVersion: 'v1',
	kind: `Kind${index}`,
	plural: `kinds${index}`,
	namespaced: true,
}));

const rules = {
	kinds: () => wanted,
	object: (_: Hop, { kind, metadata }: KubeObject) => [
		found('object-refused', `${kind} ${metadata.name}`, 'is refused'),
	],
} as unknown as UpgradeRules;

type Api = Pick<ApiServer, 'get' | 'list' | 'listPage' | 'pages'>;
type Page = Parameters<ApiServer['listPage']>[1] & { readonly read?: (object: KubeObject) => unknown };

/**
 * Answers so that the kind that is asked for first comes last, and writes down what is asked for.
 * @param there how many objects there are of each kind
 */
function apiThat(refuses: (kind: Kind) => Error | undefined = () => undefined, there = 1) {
	const asked: string[] = [];
	const counts = { now: 0, most: 0 };
	async function listPage(kind: Kind, { limit = 0, continue: from = '0', labelSelector, read }: Page = {}) {
		asked.push(`${kind.plural} ${from}+${limit} ${labelSelector}`);
		counts.now += limit;
		counts.most = Math.max(counts.most, counts.now);
		for (let turns = 20 - wanted.findIndex(({ plural }) => plural === kind.plural); turns > 0; turns--) await turn();
		counts.now -= limit;
		const error = refuses(kind);
		if (error !== undefined) throw error;
		const end = Math.min(there, Number(from) + limit);
		for (let at = Number(from); at < end; at++)
			read?.({ apiVersion: 'v1', kind: kind.kind, metadata: { name: `${at}` } });
		return { items: [], continue: end < there ? `${end}` : undefined };
	}
	return { asked, counts, api: { listPage } as unknown as Api };
}

const look = (api: Api, signal = new AbortController().signal) =>
	gatherObjects({ api, signal }, rules, {} as Hop, Promise.resolve(known([])));

const status = (code: number) => new RequestError(`status ${code}`, { status: code, reason: '' });
const notFound = status(404);

test('a few kinds are looked at side by side, and what is found comes in the order of the kinds', async (t) => {
	const { api } = apiThat();
	const { objects, objectGaps } = await look(api);
	t.deepEqual(objectGaps, []);
	const subjects = objects.isKnown ? objects.value.findings.map(({ subject }) => subject) : [];
	t.deepEqual(subjects, [...wanted.slice(0, 8).map(({ kind }) => `${kind} 0`), '1 more']);
});

test('of objects of users, however many there are, no more than 20 are asked for at a time, and each once', async (t) => {
	const { api, asked, counts } = apiThat(undefined, 27);
	const { objects } = await look(api);
	t.is(counts.most, 20);
	const [first] = wanted;
	t.deepEqual(
		asked.filter((one) => one.startsWith(`${first?.plural} `)),
		['0+1', '1+20', '21+20'].map((page) => `kinds0 ${page} app.kubernetes.io/managed-by!=meshwright`),
	);
	const [last] = objects.isKnown ? objects.value.findings.slice(-1) : [];
	t.is(last?.subject, `${9 * 27 - 8} more`);
});

test('of very many objects the first are looked at, and that there are more is told', async (t) => {
	const { api } = apiThat(({ plural }) => (plural === 'kinds0' ? undefined : notFound), 6_000);
	const { objectGaps } = await look(api);
	t.deepEqual(objectGaps, [{ what: 'kinds0', why: 'there are more than 5000' }]);
});

test('what may not be listed is told by name, what does not exist is no gap, and any other failure ends the look', async (t) => {
	const refused = apiThat(({ plural }) =>
		plural === 'kinds3' || plural === 'kinds1' ? status(403) : plural === 'kinds2' ? notFound : undefined,
	);
	const { objectGaps } = await look(refused.api);
	t.deepEqual(objectGaps, [{ what: 'objects of kinds1, kinds3', why: 'the right to list them is missing' }]);
	await t.throwsAsync(look(apiThat(({ plural }) => (plural === 'kinds5' ? status(500) : undefined)).api));
});

test('what may not be listed of a kind that the cluster does not have is no gap', async (t) => {
	const { api } = apiThat(() => status(403));
	const kinds = [{ apiVersion: 'config.istio.io/v1alpha2', kind: 'Rule', plural: 'rules', namespaced: true }];
	const gapsWith = async (...names: readonly string[]) => {
		const definitions = names.map((name) => ({ apiVersion: 'v1', kind: 'a', metadata: { name } }));
		const at = { api, signal: new AbortController().signal };
		const only = { ...rules, kinds: () => kinds } as UpgradeRules;
		return (await gatherObjects(at, only, {} as Hop, Promise.resolve(known(definitions)))).objectGaps.length;
	};
	t.is(await gapsWith(), 0);
	t.is(await gapsWith('rules.config.istio.io'), 1);
});

test('when the time is over, the first kind that is not seen is named, and that there are others', async (t) => {
	const late = new DOMException('out of time', 'TimeoutError');
	const { api } = apiThat(({ plural }) => (plural > 'kinds4' ? late : undefined));
	const { objectGaps } = await look(api, AbortSignal.abort(late));
	t.deepEqual(objectGaps, [{ what: 'objects of kinds5 and others', why: 'it takes too long' }]);
});
