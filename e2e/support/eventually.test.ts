import test from 'ava';
import { eventually } from './eventually.ts';

test('the deadline begins anew while something gets on, and not for ever', async (t) => {
	let looks = 0;
	await eventually(
		'it has been looked at often',
		() => ++looks > 12,
		1_000,
		() => looks,
	);
	t.true(looks > 12);
	const late = await t.throwsAsync(
		eventually(
			'never',
			() => ++looks < 0,
			200,
			() => looks,
		),
	);
	t.is(late?.message, 'not within 0.2 s: never');
});

test('what does not get on is over when its time is', async (t) => {
	let looks = 0;
	const look = () => ++looks < 0;
	await t.throwsAsync(eventually('never', look, 200, () => 'the same'));
	// Pauses grow from 40 ms, so that there is no time for more.
	t.true(looks <= 6);
});
