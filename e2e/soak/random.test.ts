import test from 'ava';
import { randomFrom } from './random.ts';

test('the same seed brings the same decisions, another one others', (t) => {
	const draw = (seed: string) => Array.from({ length: 20 }, randomFrom(seed).fraction);
	t.deepEqual(draw('1'), draw('1'));
	t.notDeepEqual(draw('1'), draw('2'));
});

test('a part decides by itself, whatever was drawn before', (t) => {
	const one = randomFrom('1');
	const other = randomFrom('1');
	other.fraction();
	t.is(one.for('kills').fraction(), other.for('kills').fraction());
	t.not(one.for('kills').fraction(), one.for('specs').fraction());
});

test('numbers keep within their bounds and reach both', (t) => {
	const random = randomFrom('bounds');
	const drawn = new Set(Array.from({ length: 200 }, () => random.whole(3, 5)));
	t.deepEqual([...drawn].sort(), [3, 4, 5]);
	t.is(random.pick([]), undefined);
	const lucky = Array.from({ length: 10_000 }, () => random.isLucky(0.1)).filter(Boolean).length;
	t.true(lucky > 800 && lucky < 1_200, String(lucky));
});
