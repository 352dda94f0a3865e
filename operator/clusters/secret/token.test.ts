import test from 'ava';
import { RequestError } from '../../runtime/errors.ts';
import { minute, type Script, start, startScript, webToken } from '../testing.ts';
import { issueToken, proveToken, UnusableToken } from './token.ts';

const account = { namespace: 'istio-system', name: 'istio-reader-here' };
const asked = 60 * minute;

async function issue(answer: unknown, now = start) {
	await using server = await startScript(() => ({ status: 201, body: answer }));
	const issued = await issueToken(server.api, account, asked, now, {});
	return { ...issued, asked: server.asked };
}

function status(token: unknown, expirationTimestamp?: unknown) {
	return { kind: 'TokenRequest', status: { token, expirationTimestamp } };
}

test('a token is asked for the account, with the life that is wished', async (t) => {
	const token = webToken({ iat: 1_000, exp: 1_000 + 3_600 });
	const { asked: requests, ...issued } = await issue(status(token));
	t.deepEqual(issued, { token, issued: { issuedAt: start, lifetimeMs: asked, askedMs: asked } });
	const [request] = requests;
	t.is(request?.method, 'POST');
	t.is(request?.path, '/api/v1/namespaces/istio-system/serviceaccounts/istio-reader-here/token');
	t.like(request?.body, { kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } });
});

test('what is granted counts, by the clock of the API server', async (t) => {
	// The API server's clock is 50 years behind.
	const less = webToken({ iat: 100, exp: 100 + 3_600 });
	const { issued } = await issue(status(less, '1970-01-01T01:01:40Z'));
	t.deepEqual(issued, { issuedAt: start, lifetimeMs: 60 * minute, askedMs: asked });
	const more = webToken({ iat: 100, exp: 100 + 365 * 24 * 3_600 });
	t.is((await issue(status(more))).issued.lifetimeMs, 365 * 24 * 60 * minute);
	// The life is in whole seconds, as it is recorded.
	t.is((await issue(status(webToken({ iat: 100.25, exp: 3_701.9 })))).issued.lifetimeMs, 3_601_000);
});

test('of an opaque token the answer says the end', async (t) => {
	const end = new Date(start + 90 * minute).toISOString();
	for (const token of ['opaque', 'a.b.c', 'a.bm90IGpzb24.c', webToken({ exp: 1 }), webToken({ iat: '1', exp: '2' })])
		t.is((await issue(status(token, end))).issued.lifetimeMs, 90 * minute, token);
	// The moment of its issue is not known to the second.
	const hour = new Date(start + 60 * minute - 900).toISOString();
	t.is((await issue(status('opaque', hour))).issued.lifetimeMs, 60 * minute);
});

const hostile: readonly [string, unknown][] = [
	['nothing', undefined],
	['null', null],
	['a list', []],
	['no token', status(undefined, '2030-01-01T00:00:00Z')],
	['an empty token', status('', '2030-01-01T00:00:00Z')],
	['a number', status(7, '2030-01-01T00:00:00Z')],
	['a token with a line break', status('a\r\nHost: x', '2030-01-01T00:00:00Z')],
	['a token with a blank', status('a b', '2030-01-01T00:00:00Z')],
	['a token with other letters', status('tökén', '2030-01-01T00:00:00Z')],
	['a token that fills a Secret', status('x'.repeat(70_000), '2030-01-01T00:00:00Z')],
	['no end', status('opaque')],
	['an end that is none', status('opaque', 'soon')],
	['a token of a megabyte', status('x'.repeat(1024 * 1024), '2030-01-01T00:00:00Z')],
	['an end that is a number', status('opaque', 4_102_444_800)],
	['an end that is a list', status('opaque', ['2030-01-01T00:00:00Z'])],
];
const inHour = '1970-01-01T01:00:00Z';
const short: readonly [what: string, answer: unknown, says: RegExp][] = [
	['an end in the past', status('opaque', '1999-01-01T00:00:00Z'), /has ended already/],
	['an end before its issue', status(webToken({ iat: 7_200, exp: 3_600 })), /has ended already/],
	['a life of nothing', status(webToken({ iat: 0, exp: 1e-9 })), /lasts 0s/],
	['a life of four minutes', status(webToken({ iat: 0, exp: 240 }), inHour), /lasts 4m0s/],
	['a life of a second less', status(webToken({ iat: 0, exp: 3_599 }), inHour), /lasts 59m59s/],
	[
		'an end that the answer says to be sooner',
		status(webToken({ iat: 0, exp: 7_200 }), '1970-01-01T00:05:00Z'),
		/lasts 5m0s/,
	],
	['an opaque token of half an hour', status('opaque', new Date(start + 30 * minute).toISOString()), /lasts 30m0s/],
];
for (const [what, answer, says] of short) {
	test(`${what} is told, with what was given and what to do`, async (t) => {
		const error = await t.throwsAsync(issue(answer), { instanceOf: UnusableToken });
		t.is(error.reason, 'TokenTooShort');
		t.regex(error.message, says);
		t.regex(error.message, /1h or more.*--service-account-max-token-expiration/);
	});
}
for (const [what, answer] of hostile) {
	test(`an answer with ${what} is refused, as no matter of reaching the cluster`, async (t) => {
		const error = await t.throwsAsync(issue(answer), { instanceOf: UnusableToken });
		t.is(error.reason, 'TokenUnusable');
		t.regex(error?.message ?? '', /ServiceAccount istio-system\/istio-reader-here/);
		t.false(error?.message.includes('\n'));
	});
}

test('a life beyond all bounds has a date as its end', async (t) => {
	for (const exp of [1e300, Number.MAX_SAFE_INTEGER]) {
		const { issued } = await issue(status(webToken({ iat: 0, exp })));
		t.false(Number.isNaN(new Date(issued.issuedAt + issued.lifetimeMs).getTime()));
	}
});

test('a refusal comes through as it is', async (t) => {
	await using server = await startScript(() => ({
		status: 404,
		body: { kind: 'Status', code: 404, reason: 'NotFound' },
	}));
	const error = await t.throwsAsync(issueToken(server.api, account, asked, start, {}), { instanceOf: RequestError });
	t.is(error?.status, 404);
});

test('a token is proven by one list of each kind that Pilot lists', async (t) => {
	await using server = await startScript(() => ({ body: { items: [] } }));
	await proveToken(server.connect('new'), {});
	t.deepEqual(
		server.asked.map(({ method, path, token }) => `${method} ${path} ${token}`).sort(),
		['nodes', 'pods', 'services'].map((plural) => `GET /api/v1/${plural}?limit=1 new`),
	);
});

test('a binding that is not known yet is waited for', async (t) => {
	let refusals = 0;
	await using server = await startScript(({ path }) =>
		path.includes('pods') && refusals++ < 2 ? { status: 403, body: { kind: 'Status', code: 403 } } : { body: {} },
	);
	await proveToken(server.api, {});
	t.is(refusals, 3);
});

test('a token that does not read is not waited for longer than its signal lasts', async (t) => {
	const ends = new AbortController();
	const script: Script = () => {
		setImmediate(() => ends.abort(new Error('the operator stops')));
		return { status: 401, body: { kind: 'Status', code: 401 } };
	};
	await using server = await startScript(script);
	await t.throwsAsync(proveToken(server.api, { signal: ends.signal }));
});

test('any other failure is told at once', async (t) => {
	await using server = await startScript(({ path }) =>
		path.includes('nodes') ? { status: 422, body: { kind: 'Status', code: 422 } } : { body: {} },
	);
	await t.throwsAsync(proveToken(server.api, {}), { instanceOf: RequestError });
	t.is(server.asked.filter(({ path }) => path.includes('nodes')).length, 1);
});
