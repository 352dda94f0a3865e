import test from 'ava';
import { InvalidError, RequestError, TransientError } from '../../runtime/errors.ts';
import { reachOf } from './reach.ts';

const failed = (code: string) => new TransientError('no', { cause: Object.assign(new Error('no'), { code }) });

test('a refusal and silence are told apart, in whatever they are wrapped', (t) => {
	t.is(reachOf(failed('ECONNREFUSED'), 'eu').state, 'refused');
	t.is(reachOf(failed('EHOSTUNREACH'), 'eu').state, 'refused');
	const several = new AggregateError([Object.assign(new Error('no'), { code: 'ECONNREFUSED' })]);
	t.is(reachOf(new TransientError('no', { cause: several }), 'eu').state, 'refused');
	t.is(reachOf(failed('UND_ERR_CONNECT_TIMEOUT'), 'eu').state, 'timeout');
	t.is(reachOf(new TransientError('no answer within 10 s'), 'eu').state, 'timeout');
});

test('who says no has been reached', (t) => {
	t.is(reachOf(new RequestError('no', { status: 401, reason: 'Unauthorized' }), 'eu').state, 'ok');
	t.is(reachOf(new TransientError('no', { status: 503 }), 'eu').state, 'ok');
});

test('what is neither is not known, with the way to the reason', (t) => {
	t.deepEqual(reachOf(failed('CERT_HAS_EXPIRED'), 'eu'), {
		state: 'unknown',
		detail: 'eu was not reached from here: see its findings',
	});
	t.is(reachOf(new InvalidError('KubeconfigUnsafe', 'no'), 'eu').detail, 'eu was not dialled: see its findings');
});
