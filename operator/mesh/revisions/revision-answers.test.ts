import test from 'ava';
import { eventually } from '../../../e2e/support/eventually.ts';
import type { RevisionQuestion } from '../../plan/revisions/question.ts';
import { TransientError } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { RevisionAnswers } from './revision-answers.ts';

const object: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'asked', namespace: 'here' } };
const questions: readonly RevisionQuestion[] = [{ object, expects: 'taken' }];

function asked() {
	let nowMs = 0;
	let isGood = false;
	let count = 0;
	let woken = 0;
	const answers = new RevisionAnswers({
		api: {
			create: async (body: KubeObject, options?: { readonly dryRun?: boolean | undefined }) => {
				if (options?.dryRun !== true) throw new Error('stored');
				count++;
				if (!isGood) throw new TransientError('nobody answers', { status: 500 });
				return { object: body, created: true, resourceVersion: '', warnings: [] } as never;
			},
		},
		now: () => nowMs,
		onChange: () => {
			woken++;
		},
	});
	return {
		answers,
		hear: () => answers.of('mesh', 'next', questions),
		untilWoken: (times: number) => eventually('the mesh is woken', () => woken === times),
		count: () => count,
		pass: (ms: number) => {
			nowMs += ms;
		},
		mend: () => {
			isGood = true;
		},
	};
}

test('a pass gets what was answered last; a bad answer is asked for again ever more rarely, until it is good', async (t) => {
	const { hear, untilWoken, count, pass, mend } = asked();
	t.deepEqual(hear(), { kind: 'asking' });
	t.deepEqual(hear(), { kind: 'asking' });
	await untilWoken(1);
	t.is(count(), 1);
	let times = 1;
	for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
		const heard = hear();
		t.is(heard.kind === 'against' && heard.againInMs, waitMs);
		pass(waitMs - 1);
		hear();
		t.is(count(), times, 'not before its time');
		pass(1);
		const meanwhile = hear();
		t.is(meanwhile.kind, 'against', 'what was wrong stays so until there is another answer');
		t.is(meanwhile.kind === 'against' ? meanwhile.againInMs : 0, undefined, 'which wakes the mesh');
		await untilWoken(++times);
		t.is(count(), times);
	}
	mend();
	pass(60_000);
	t.regex(JSON.stringify(hear()), /nobody answers/);
	await untilWoken(times + 1);
	t.deepEqual(hear(), { kind: 'fine' });
	pass(10_000);
	t.deepEqual(hear(), { kind: 'asking' }, 'a good answer holds for a while');
	await untilWoken(times + 2);
	t.deepEqual(hear(), { kind: 'fine' });
});

test('another question is asked at once, and a mesh that is forgotten is woken by no answer', async (t) => {
	const { answers, hear, untilWoken, count } = asked();
	hear();
	await untilWoken(1);
	const other: readonly RevisionQuestion[] = [...questions, ...questions];
	t.deepEqual(answers.of('mesh', 'next', other), { kind: 'asking' });
	t.is(count(), 3);
	answers.forget('mesh');
	t.deepEqual(hear(), { kind: 'asking' });
	await untilWoken(2);
	t.is(count(), 4);
	answers.stop();
	t.deepEqual(hear(), { kind: 'asking' });
	t.is(count(), 4);
});
