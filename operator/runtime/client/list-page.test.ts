import test from 'ava';
import { TransientError } from '../errors.ts';
import { kinds } from '../kinds.ts';
import { listPage } from './list-page.ts';
import type { Requester } from './requester.ts';
import type { RequestOptions } from './requests.ts';

const pod = (name: string) =>
	JSON.stringify({ metadata: { name, namespace: 'shop' }, spec: { text: 'x]}"'.repeat(9) } });

/** A trusted server, whose answer comes in these pieces each time that it is asked. */
function answers(...times: readonly (readonly string[])[]): Requester {
	const request = async ({ reader }: RequestOptions) => {
		let text = '';
		for (const pieces of times) {
			const taking = reader?.();
			for (const piece of pieces) taking?.push(Buffer.from(piece));
			text = taking?.end().toString() ?? pieces.join('');
		}
		return { status: 200, body: text === '' ? undefined : JSON.parse(text), warnings: [], date: undefined };
	};
	return { budget: undefined, request } as unknown as Requester;
}

const whole = `{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"next"},"items":[${pod('a')},${pod('b')}]}`;

test('a page that is read as it comes is the same as one that is read as a whole', async (t) => {
	const pieces = whole.match(/.{1,7}/g) ?? [];
	const [one, other] = await Promise.all([
		listPage(answers(pieces), kinds.Pod, {}),
		listPage(answers(pieces), kinds.Pod, { readsAsItComes: true }),
	]);
	t.deepEqual(one, other);
	t.like(other, { resourceVersion: '7', continue: 'next', items: { 0: { kind: 'Pod' }, length: 2 } });
});

test('each object is read as soon as its last byte is there', async (t) => {
	const at = whole.indexOf(pod('b'));
	const read: string[] = [];
	let half: readonly string[] = [];
	const requester = {
		budget: undefined,
		request: async ({ reader }: RequestOptions) => {
			const taking = reader?.();
			taking?.push(Buffer.from(whole.slice(0, at)));
			half = [...read];
			taking?.push(Buffer.from(whole.slice(at)));
			return { body: JSON.parse(taking?.end().toString() ?? '') };
		},
	} as unknown as Requester;
	await listPage(requester, kinds.Pod, { readsAsItComes: true, read: ({ metadata }) => void read.push(metadata.name) });
	t.deepEqual(half, ['a']);
	t.deepEqual(read, ['a', 'b']);
});

test('a request that is repeated begins anew', async (t) => {
	const broken = whole.slice(0, whole.indexOf(pod('b')) + 5);
	const { items } = await listPage(answers([broken], [whole]), kinds.Pod, { readsAsItComes: true });
	t.deepEqual(
		items.map(({ metadata }) => metadata.name),
		['a', 'b'],
	);
});

test('what is no list is refused', async (t) => {
	for (const text of ['{"items":[7]}', '{"items":[{"no":"object"}]}'])
		await t.throwsAsync(listPage(answers([text]), kinds.Pod, { readsAsItComes: true }), { instanceOf: TransientError });
});
