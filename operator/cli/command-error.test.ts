import test from 'ava';
import { ConflictError, InvalidError, RequestError, TransientError } from '../runtime/errors.ts';
import { CommandError, explain, isExpected } from './command-error.ts';

function connection(code: string): TransientError {
	return new TransientError('GET /x', { cause: Object.assign(new Error(code), { code }) });
}

for (const [code, remedy] of [
	['ECONNREFUSED', /nothing listens there/],
	['ENOTFOUND', /not known here/],
	['ETIMEDOUT', /does not answer/],
	['UND_ERR_CONNECT_TIMEOUT', /does not answer/],
	['DEPTH_ZERO_SELF_SIGNED_CERT', /certificate-authority-data/],
	['SELF_SIGNED_CERT_IN_CHAIN', /fetch the kubeconfig anew/],
	['CERT_HAS_EXPIRED', /out of date/],
	['ERR_TLS_CERT_ALTNAME_INVALID', /tls-server-name/],
] as const) {
	test(`a connection that fails with ${code} comes with its remedy`, (t) => {
		t.regex(explain(connection(code)).remedy ?? '', remedy);
	});
}

test('of several addresses that were tried, one that failed tells why', (t) => {
	const cause = new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })], 'all failed');
	t.regex(explain(new TransientError('GET /x', { cause })).remedy ?? '', /nothing listens there/);
});

test('what the API server refuses comes with its remedy', (t) => {
	const refused = (status: number, reason: string, path = '/x') =>
		new RequestError(`GET ${path}: ${status}`, { status, reason });
	t.regex(explain(refused(401, 'Unauthorized')).remedy ?? '', /log in anew/);
	t.regex(explain(refused(403, 'Forbidden')).remedy ?? '', /kubectl auth can-i/);
	t.regex(
		explain(refused(404, 'NotFound', '/apis/meshwright.io/v1/meshinstallations')).remedy ?? '',
		/meshwright install/,
	);
	t.is(explain(refused(422, 'Invalid')).remedy, undefined);
	t.regex(explain(new ConflictError('x')).remedy ?? '', /--force-conflicts/);
});

test('of the words of an API server nothing gets out that a terminal obeys, on one line', (t) => {
	const error = new RequestError('one\u001b[2J\u001b]0;x\u0007\ntwo\rthree', { status: 422, reason: 'Invalid' });
	t.is(explain(error).message, 'one\\u{1b}[2J\\u{1b}]0;x\\u{7} two three');
});

test('an error that nobody expected is told as a defect, with its stack', (t) => {
	for (const error of [connection('X'), new ConflictError('x'), new InvalidError('R', 'x'), new CommandError('x')]) {
		t.true(isExpected(error), error.name);
	}
	t.false(isExpected(new TypeError('x')));
	t.false(isExpected('text'));
	t.is(explain('text').message, 'text');
});
