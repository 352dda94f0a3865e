import test from 'ava';
import { timeText } from './time.ts';

test('times are in whole seconds, and what never is has none', (t) => {
	t.is(timeText(Date.UTC(2026, 0, 1) + 1_999), '2026-01-01T00:00:01Z');
	t.is(timeText(Number.POSITIVE_INFINITY), 'no time');
});
