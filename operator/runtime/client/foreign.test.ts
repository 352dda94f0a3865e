import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { inspect } from 'node:util';
import test from 'ava';
import { issueCertificate, makeAuthority } from '../../../e2e/support/certificate-authority.ts';
import { formsOf, traceOf } from '../../../e2e/support/credential-forms.ts';
import { loopbackCertificate } from '../../../e2e/support/hostile-server.ts';
import { ConflictError, isTlsFailure, RequestError, TransientError } from '../errors.ts';
import { kinds } from '../kinds.ts';
import { describeError } from '../log/error.ts';
import { openWatch, type WatchEnd } from '../watch/watch-stream.ts';
import { ApiServer } from './api-server.ts';

/** As API servers make them, but nobody's. */
const credential =
	'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06bm9ib2R5In0.Zm9yIG5vYm9keSBhdCBhbGwsIGFuZCBzaWduZWQgYnkgbm9ib2R5';
const object = {
	apiVersion: 'v1',
	kind: 'ConfigMap',
	metadata: { namespace: 'a', name: 'x' },
	spec: { ipFamilies: ['IPv6'] },
};

interface Echo {
	readonly status: number;
	readonly headers?: OutgoingHttpHeaders;
	readonly body: string;
}

/** All that a stranger can say of a refusal, with a form of the credential in each place. */
function echo(status: number, form: string): Echo {
	const said = {
		kind: 'Status',
		apiVersion: form,
		status: form,
		code: status,
		reason: form,
		message: `${form} is forbidden: ${form}`,
		metadata: { name: form, continue: form },
		details: {
			name: form,
			kind: form,
			causes: [
				{ reason: form, message: form, field: form },
				{ reason: 'FieldValueInvalid', message: form, field: 'spec.ipFamilies[0]' },
			],
		},
	};
	return {
		status,
		headers: {
			location: `/${encodeURIComponent(form)}`,
			warning: `299 - "${form}"`,
			'x-form': encodeURIComponent(form),
		},
		body: JSON.stringify(said),
	};
}

async function stranger(
	answer: () => Echo,
	http2: 'everything' | 'nothing' = 'nothing',
): Promise<{ readonly api: ApiServer } & AsyncDisposable> {
	const { ca, cert, key } = await certificate;
	const server =
		http2 === 'nothing'
			? createServer({ cert, key }, (_request, response) => {
					const { status, headers = {}, body } = answer();
					response.writeHead(status, encodeURIComponent(credential).slice(0, 60), headers).end(body);
				})
			: createSecureServer({ cert, key }, (_request, response) => {
					const { status, headers = {}, body } = answer();
					response.writeHead(status, headers).end(body);
				});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	const api = new ApiServer({ url: `https://127.0.0.1:${port}`, ca, token: credential }, { isForeign: true, http2 });
	return {
		api,
		async [Symbol.asyncDispose]() {
			await api.close();
			if ('closeAllConnections' in server) server.closeAllConnections();
			server.close();
		},
	};
}

const certificate = loopbackCertificate();

/** All that anybody could print of an error. */
function printed(error: unknown): string {
	const { message, stack, cause } = error as Error;
	return [
		message,
		stack,
		inspect(error, { depth: 9, showHidden: true }),
		inspect(cause),
		JSON.stringify(describeError(error)),
	].join('\n');
}

function watchEnd(api: ApiServer): Promise<WatchEnd> {
	const ignored = () => undefined;
	return new Promise((resolve) => {
		openWatch(api, kinds.Service, { timeoutSeconds: 60 }, { opened: ignored, event: ignored, ended: resolve });
	});
}

/** Both versions of HTTP, each for some of them. */
for (const status of [301, 400, 401, 403, 404, 409, 410, 418, 422, 429, 500, 503]) {
	test(`a stranger's ${status} is told by status and reason alone, in whatever form it sends the credential back`, async (t) => {
		let form = '';
		await using server = await stranger(() => echo(status, form), status % 2 === 0 ? 'everything' : 'nothing');
		for (form of formsOf(credential)) {
			const error = await t.throwsAsync<Error>(server.api.apply(object, { fieldManager: 'test' }));
			t.true(error instanceof RequestError || error instanceof ConflictError || error instanceof TransientError);
			t.regex(error.message, new RegExp(`^PATCH ConfigMap a/x: ${status} [A-Z][A-Za-z]+$`));
			t.is(traceOf(credential, printed(error)), undefined, form);
		}
		const end = await watchEnd(server.api);
		t.true(end.how === 'refused');
		t.is(traceOf(credential, printed('error' in end ? end.error : undefined)), undefined);
	});
}

test('an error in the middle of a watch is told in the same way', async (t) => {
	let form = '';
	let code: unknown = 410;
	await using server = await stranger(() => ({
		status: 200,
		body: `${JSON.stringify({ type: 'ERROR', object: { ...JSON.parse(echo(410, form).body), code } })}\n`,
	}));
	for (form of formsOf(credential)) {
		const end = await watchEnd(server.api);
		t.true(end.how === 'refused');
		t.is(traceOf(credential, printed('error' in end ? end.error : undefined)), undefined);
	}
	for (code of [Number(Buffer.from(credential).readBigUInt64BE()), 410.123456789, -1, credential]) {
		const end = await watchEnd(server.api);
		t.true('error' in end && / 500 InternalError$/.test(end.error.message));
	}
});

test('reasons that Kubernetes has, and fields that were sent, are known; the words can be searched, not printed', async (t) => {
	const range = 'the provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/12';
	const causes = [
		{ reason: 'FieldValueInvalid', message: range, field: 'spec.ipFamilies[0]' },
		{ reason: 'FieldValueInvalid', message: 'x', field: 'spec.ipFamilies[1]' },
		{ reason: 'FieldValueInvalid', message: 'x', field: 'metadata.name' },
		{ reason: 'Made', message: 'x', field: 'spec.clusterIP' },
	];
	const said = { code: 422, reason: 'Invalid', message: 'Service is invalid', details: { causes } };
	await using server = await stranger(() => ({ status: 422, body: JSON.stringify(said) }));
	const error = await t.throwsAsync(server.api.create(object), { instanceOf: RequestError });
	t.is(error.message, 'POST ConfigMap a/x: 422 Invalid');
	t.deepEqual(
		error.causes.map(({ reason, message, field }) => [reason, message, field]),
		[
			['FieldValueInvalid', '', 'spec.ipFamilies[0]'],
			['FieldValueInvalid', '', ''],
			['FieldValueInvalid', '', 'metadata.name'],
			['', '', ''],
		],
	);
	t.is(error.withheld?.match(/range of valid IPs is ([\d./]+)/)?.[1], '10.96.0.0/12');
	t.false(inspect(error, { depth: 9, showHidden: true }).includes('10.96'));
});

test('warnings of a stranger are not repeated', async (t) => {
	const stored = { ...object, metadata: { ...object.metadata, resourceVersion: '1' } };
	await using server = await stranger(() => ({ ...echo(200, credential), body: JSON.stringify(stored) }));
	t.deepEqual((await server.api.apply(object, { fieldManager: 'test' })).warnings, []);
});

test('names in a certificate that is not accepted are not repeated, and the failure is known as one of TLS', async (t) => {
	const authority = await makeAuthority({ organisation: credential.slice(0, 60) });
	const names = formsOf(credential).flatMap((form) => form.match(/[a-z0-9]{14,40}/gi) ?? []);
	const { certChain, key } = await issueCertificate(
		authority,
		names.map((name) => `${name}.example`),
	);
	const server = createServer({ cert: certChain, key }, (_request, response) => response.end('{}'));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
	for (const [ca, code] of [
		[authority.certificate, 'ERR_TLS_CERT_ALTNAME_INVALID'],
		[
			(await certificate).ca,
			'UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
		],
	] as const) {
		await using api = new ApiServer({ url, ca, token: credential }, { isForeign: true });
		const error = await t.throwsAsync(api.version(), { instanceOf: TransientError });
		t.true(isTlsFailure(error));
		t.regex(error.message, new RegExp(`^GET /version: it is .+ \\((${code})\\)$`));
		t.is(traceOf(credential, printed(error)), undefined);
	}
	server.closeAllConnections();
	server.close();
});

test('bytes that are no HTTP, and no TLS, are not repeated', async (t) => {
	for (const scheme of ['http', 'https']) {
		const server = createTcpServer((socket) => {
			socket.on('error', () => undefined);
			socket.end(formsOf(credential).join('\r\n'));
		});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
		await using api = new ApiServer({ url, token: credential }, { isForeign: true });
		const error = await t.throwsAsync(api.version(), { instanceOf: TransientError });
		t.is(traceOf(credential, printed(error)), undefined);
		t.regex(error.message, /^GET \/version: [\w ]+( \([A-Z0-9_]+\))?$/);
		server.close();
	}
});

test('the search finds each form, and nothing in what has none', (t) => {
	for (const form of formsOf(credential)) t.not(traceOf(credential, `said: ${form.slice(3, 60)}`), undefined, form);
	t.is(traceOf(credential, 'PATCH ConfigMap a/x: 422 Invalid'), undefined);
});
