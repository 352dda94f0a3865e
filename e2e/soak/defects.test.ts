import test from 'ava';
import { TransientError } from '../../operator/runtime/errors.ts';
import { createLogger } from '../../operator/runtime/log/logger.ts';
import { findDefects } from './defects.ts';

function logOf(error: unknown): string {
	const lines: string[] = [];
	createLogger({ level: 'info', destination: { write: (line: string) => void lines.push(line) } }).warn(
		{ err: error },
		'it failed',
	);
	return lines.join('');
}

test('an error from outside the closed family is found, once, and also among siblings', (t) => {
	const log = logOf(new TypeError('x is undefined'));
	t.is(findDefects(log + log).length, 1);
	t.regex(findDefects(log)[0] ?? '', /TypeError/);
	t.is(findDefects(logOf(new AggregateError([new TransientError('busy'), new RangeError('x')]))).length, 1);
});

test('foreseen errors, their causes and lines that are cut off are none', (t) => {
	t.deepEqual(findDefects(logOf(new TransientError('no answer', { cause: new Error('socket') }))), []);
	t.deepEqual(findDefects(`${logOf(new TypeError('x')).slice(0, 40)}\nplain\n\n`), []);
});
