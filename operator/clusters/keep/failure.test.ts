import test from 'ava';
import fc from 'fast-check';
import type { ClusterReason } from '../../../api/v1/index.ts';
import { BlockedError, ConflictError, InvalidError, RequestError, TransientError } from '../../runtime/errors.ts';
import { UnusableToken } from '../secret/token.ts';
import { ClusterFailure, clusterFailure, inCluster, isDefect, LocalFailure, quote } from './failure.ts';

const context = { host: 'api.example:6443', secrets: [] };
const signal = new AbortController().signal;

function coded(code: string): Error {
	return Object.assign(new Error(code), { code });
}

const table: readonly [what: string, error: unknown, reason: ClusterReason, isReach: boolean, says: RegExp][] = [
	['no answer', new TransientError('silence'), 'Unreachable', true, /api\.example:6443 does not answer: silence/],
	[
		'a certificate of somebody else',
		new TransientError('x', { cause: coded('ERR_TLS_CERT_ALTNAME_INVALID') }),
		'TLSNotVerified',
		true,
		/certificate of the API server at api\.example:6443 was not accepted/,
	],
	[
		'an admission webhook',
		new TransientError('failed calling webhook', { status: 500 }),
		'RemoteApplyFailed',
		false,
		/^failed calling webhook$/,
	],
	['too many requests', new TransientError('later', { status: 429 }), 'RemoteApplyFailed', false, /later/],
	[
		'an unknown user',
		new RequestError('x', { status: 401, reason: 'Unauthorized' }),
		'Unauthorized',
		true,
		/put a new kubeconfig into the Secret/,
	],
	[
		'a missing right',
		new RequestError('forbidden: x', { status: 403, reason: 'Forbidden' }),
		'RemoteApplyFailed',
		false,
		/^forbidden: x$/,
	],
	[
		'a bad object',
		new RequestError('invalid: x', { status: 422, reason: 'Invalid' }),
		'RemoteApplyFailed',
		false,
		/invalid/,
	],
	['a conflict', new ConflictError('changed'), 'RemoteApplyFailed', false, /changed/],
	[
		'a name that leads elsewhere',
		new InvalidError('KubeconfigUnsafe', 'metadata'),
		'KubeconfigUnsafe',
		true,
		/metadata/,
	],
	['a Secret of somebody else', new InvalidError('SecretConflict', 'theirs'), 'SecretConflict', false, /theirs/],
	['an object of somebody else', new InvalidError('ForeignObject', 'theirs'), 'RemoteApplyFailed', false, /theirs/],
	['a namespace that goes', new BlockedError('NamespaceTerminating', 'waits'), 'RemoteApplyFailed', false, /waits/],
	['a token of no use', new UnusableToken('TokenUnusable', 'no end'), 'TokenUnusable', false, /no end/],
	['a token that ends soon', new UnusableToken('TokenTooShort', 'of 5m'), 'TokenTooShort', false, /of 5m/],
	['a deadline', new DOMException('late', 'TimeoutError'), 'Unreachable', true, /did not answer in time/],
];
for (const [what, error, reason, isReach, says] of table) {
	test(`${what} is ${reason}${isReach ? ', and nothing else can be asked' : ''}`, (t) => {
		const failure = clusterFailure(error, context);
		t.is(failure.problem.reason, reason);
		t.is(failure.isReach, isReach);
		t.regex(failure.problem.message, says);
		t.is(failure.message, failure.problem.message);
	});
}

test('a probe asks only whether there is an answer: one that can not serve is not reached', (t) => {
	const failure = clusterFailure(new TransientError('503', { status: 503 }), { ...context, isProbe: true });
	t.true(failure.isReach);
	t.regex(failure.problem.message, /can not serve: 503/);
});

test('of several failures the one that says why all of them came is told', (t) => {
	const refused = new RequestError('422', { status: 422, reason: 'Invalid' });
	const lost = new TransientError('silence');
	t.is(clusterFailure(new AggregateError([refused, lost]), context).problem.reason, 'Unreachable');
	t.is(
		clusterFailure(new AggregateError([refused, new AggregateError([lost])]), context).problem.reason,
		'Unreachable',
	);
	t.is(clusterFailure(new AggregateError([refused]), context).problem.message, '422');
	t.throws(() => clusterFailure(new AggregateError([], 'none'), context), { message: 'none' });
});

test('what was being done, and the reason that fits it, are told', (t) => {
	const { problem } = clusterFailure(new RequestError('403', { status: 403, reason: 'Forbidden' }), {
		...context,
		reason: 'TokenNotProven',
		doing: 'the token was tried',
	});
	t.deepEqual(problem, { reason: 'TokenNotProven', message: 'the token was tried: 403' });
});

test('a failure that is one already stays what it is', (t) => {
	const failure = new ClusterFailure({ reason: 'SecretConflict', message: 'x' }, false);
	t.is(clusterFailure(failure, context), failure);
});

test('what fails there is the cluster’s; an abort and what fails here are not', async (t) => {
	const lost = new TransientError('silence');
	await t.throwsAsync(
		inCluster(context, signal, () => Promise.reject(lost)),
		{ instanceOf: ClusterFailure },
	);
	t.is(await t.throwsAsync(inCluster(context, signal, () => Promise.reject(new LocalFailure(lost)))), lost);
	const reason = new Error('the operator stops');
	t.is(await t.throwsAsync(inCluster(context, AbortSignal.abort(reason), () => Promise.reject(lost))), reason);
	t.is(await inCluster(context, signal, async () => 7), 7);
});

test('a mistake of ours is no failure of a cluster, wherever it is met', async (t) => {
	const lost = new TransientError('silence');
	const mistakes = [new TypeError("can't read x of undefined"), new RangeError('depth'), 'thrown text', undefined];
	for (const mistake of mistakes) {
		const together = new AggregateError([lost, mistake]);
		for (const error of [mistake, together, new LocalFailure(mistake), new AggregateError([together])])
			t.true(isDefect(error));
		for (const work of [mistake, together]) {
			const thrown: unknown = await inCluster(context, signal, () => Promise.reject(work)).catch((error) => error);
			t.is(thrown, mistake);
		}
	}
	for (const [, error] of table) t.false(isDefect(error));
	t.false(isDefect(new LocalFailure(lost)));
	t.false(isDefect(new AggregateError([lost, new ClusterFailure({ reason: 'Unreachable', message: 'x' }, true)])));
});

test('no secret comes out of any message, wherever it stands', (t) => {
	const secret = fc.stringMatching(/^[!-~]{8,60}$/);
	fc.assert(
		fc.property(fc.string({ unit: 'binary' }), secret, fc.string(), (before, token, behind) => {
			const text = `${before}${token}${behind}${token}`;
			const said = quote(text, ['', 'short', token]);
			t.false(said.includes(token));
			for (const error of [
				new TransientError(text),
				new RequestError(text, { status: 422, reason: 'Invalid' }),
				new InvalidError('KubeconfigUnsafe', text),
			])
				t.false(clusterFailure(error, { ...context, secrets: [token] }).message.includes(token));
		}),
	);
	t.is(quote('sent eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln back', []), 'sent [redacted] back');
});

test('a message is short, on one line, and whole characters', (t) => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
			const said = quote(text, []);
			t.true(said.length <= 401);
			t.notRegex(said, /[\p{Cc}\p{Zl}\p{Zp}]/u);
			t.true(said.isWellFormed());
		}),
	);
	t.is(quote('a\r\n\u0000\u001b[31mb\u202ec\u200bd\ufeff', []), 'a [31mb c d');
	t.true(quote('😀'.repeat(400), []).isWellFormed());
	t.is(quote('😀'.repeat(200), []), '😀'.repeat(200));
	t.true(quote('\ud83d', []).isWellFormed());
});
