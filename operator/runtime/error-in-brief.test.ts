import test from 'ava';
import { inBrief } from './error-in-brief.ts';
import { ConflictError, RequestError, TransientError } from './errors.ts';

function coded(code: string): Error {
	return Object.assign(new Error('connect 10.0.0.1:443 sesame'), { code });
}

for (const [error, words] of [
	[
		new RequestError('GET /x: sesame', { status: 404, reason: 'sesame' }),
		/^404 Not Found: .*CustomResourceDefinition$/,
	],
	[new RequestError('GET /x: sesame', { status: 401, reason: 'sesame' }), /^401 Unauthorized: the credentials/],
	[new RequestError('GET /x: sesame', { status: 410, reason: 'sesame' }), /^410 Gone$/],
	[new RequestError('GET /x: sesame', { status: 499, reason: 'sesame' }), /^499 unknown status$/],
	[new ConflictError('PUT /x: sesame'), /^409 Conflict$/],
	[new TransientError('GET /x: sesame', { status: 503 }), /^503 Service Unavailable$/],
	[new TransientError('GET /x: sesame', { cause: coded('ECONNREFUSED') }), /^no answer, ECONNREFUSED$/],
	[new TransientError('GET /x: sesame', { cause: coded('CERT_HAS_EXPIRED') }), /not verified, CERT_HAS_EXPIRED$/],
	[new TransientError('GET /x: sesame', { cause: coded('sesame!') }), /^no complete answer$/],
	[new TypeError('sesame'), /^it failed; see the log$/],
	['sesame', /^it failed; see the log$/],
] as const) {
	const what = error instanceof Error ? error.name : `a thrown ${typeof error}`;
	test(`${what} in brief: ${words}`, (t) => {
		t.regex(inBrief(error), words);
		t.notRegex(inBrief(error), /sesame/);
	});
}
