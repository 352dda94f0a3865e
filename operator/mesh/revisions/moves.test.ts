import test from 'ava';
import { istiodMeshOf, renderIstiod } from '../../lines/istiod-testing.ts';
import { istiodRevisions } from '../../plan/istiod/revisions.ts';
import { objectKey } from '../../runtime/object.ts';
import { movesOf, whyMoveWaits } from './moves.ts';

const spec = { version: '1.31.4', profile: 'default', upgrade: { strategy: 'Canary', tags: [{ name: 'prod' }] } };
const objects = renderIstiod(istiodMeshOf(spec));
const names = (standing: Readonly<Record<string, string>>, hasOthers: boolean, held: readonly string[] = []) => {
	const live = {
		get: (key: string) => (standing[key] === undefined ? undefined : { revision: standing[key] }) as never,
	};
	const keys = objects.filter(({ metadata }) => held.includes(metadata.name)).map(objectKey);
	const view = { objects, held: new Map(keys.map((key) => [key, 'waits'] as const)) };
	return [...movesOf(view, istiodRevisions as never, live, hasOthers)]
		.flatMap(([to, webhooks]) => webhooks.map(({ metadata: { name } }) => `${name} to ${to}`))
		.sort();
};
const shared = ['istio-revision-tag-default', 'istio-revision-tag-prod', 'istiod-default-validator'];
const all = (revision: string) =>
	Object.fromEntries(
		objects.filter(({ metadata }) => shared.includes(metadata.name)).map((object) => [objectKey(object), revision]),
	);

test('webhooks move that lead elsewhere, or that are new while another revision stands', (t) => {
	const moved = shared.map((name) => `${name} to 1-31-4`);
	t.deepEqual(names(all('default'), true), moved);
	t.deepEqual(names(all('default'), false), moved);
	t.deepEqual(names(all('1-31-4'), true), []);
	t.deepEqual(names({}, true), moved);
	t.deepEqual(names({}, false), [], 'nobody asks anything in a new mesh');
	t.deepEqual(names(all('default'), true, [shared[0] ?? '']), moved.slice(1), 'what waits for something else');
});

test('a move waits until the revision has answered, and says what is wrong', (t) => {
	const [object] = objects;
	if (object === undefined) throw new Error('no objects');
	t.is(whyMoveWaits('next', [object], { kind: 'fine' }), undefined);
	t.regex(
		whyMoveWaits('next', [object], { kind: 'asking' }) ?? '',
		/^waiting for revision next to answer API servers, before .* leads to it$/,
	);
	t.regex(
		whyMoveWaits('next', [object, object], { kind: 'against', sentence: 'nobody is there', againInMs: 1 }) ?? '',
		/ and .* lead to it: nobody is there\. It is asked again$/,
	);
});
