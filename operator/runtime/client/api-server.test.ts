import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { loopbackCertificate } from '../../../e2e/support/hostile-server.ts';
import { ConflictError, RequestError, TransientError } from '../errors.ts';
import { kinds } from '../kinds.ts';
import { ApiServer } from './api-server.ts';
import type { ApiServerOptions, ObservedRequest } from './requests.ts';

interface Seen {
	readonly method: string;
	readonly url: URL;
	readonly headers: IncomingMessage['headers'];
	readonly body: unknown;
}

type Handler = (
	seen: Seen,
	answer: (status: number, body?: unknown, headers?: Record<string, string | string[]>) => void,
	response: ServerResponse,
) => void;

/**
 * The same as kube-apiserver. Node itself ends idle connections after 5 s, and on a busy machine that may pass between two
 * requests of a test.
 */
const keepAliveMs = 90_000;

type Version = 'HTTP/1.1' | 'HTTP/2';

/** Runs a test over either version of HTTP. */
function overBoth(
	title: string,
	run: (t: ExecutionContext, withServer: ReturnType<typeof serving>) => Promise<void>,
): void {
	test(title, (t) => run(t, serving('HTTP/1.1')));
	test(`over HTTP/2: ${title}`, (t) => run(t, serving('HTTP/2')));
}

const certificate = loopbackCertificate();

/** Starts a server with scripted answers, and a client of it. */
const serving =
	(version: Version) =>
	async (
		handler: Handler,
		options: ApiServerOptions,
		body: (api: ApiServer, seen: readonly Seen[]) => Promise<void>,
	): Promise<void> => {
		const all: Seen[] = [];
		const onRequest = async (incoming: IncomingMessage, response: ServerResponse) => {
			const chunks: Buffer[] = [];
			for await (const chunk of incoming) chunks.push(chunk as Buffer);
			const text = Buffer.concat(chunks).toString();
			const seen: Seen = {
				method: incoming.method ?? '',
				url: new URL(incoming.url ?? '', 'http://x'),
				headers: incoming.headers,
				body: text === '' ? undefined : JSON.parse(text),
			};
			all.push(seen);
			handler(
				seen,
				(status, answer, headers = {}) => {
					response.writeHead(status, headers);
					response.end(typeof answer === 'string' ? answer : answer === undefined ? '' : JSON.stringify(answer));
				},
				response,
			);
		};
		await using server = await listening(version, onRequest);
		await using api = new ApiServer(
			{ url: `${server.origin}/prefix/`, ca: server.ca, token: 'sesame' },
			{ http2: 'everything', ...options },
		);
		await body(api, all);
	};

async function listening(
	version: Version,
	onRequest: (incoming: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<{ readonly origin: string; readonly ca: string } & AsyncDisposable> {
	const { ca, cert, key } = await certificate;
	const sockets = new Set<{ destroy(): void }>();
	const server: Server =
		version === 'HTTP/1.1'
			? createServer({ keepAliveTimeout: keepAliveMs }, onRequest)
			: createSecureServer({ cert, key }, (incoming, response) =>
					// They have all that is used here, though their types don't say so.
					onRequest(incoming as unknown as IncomingMessage, response as unknown as ServerResponse),
				);
	server.on('connection', (socket) => sockets.add(socket));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return {
		origin: `${version === 'HTTP/1.1' ? 'http' : 'https'}://127.0.0.1:${port}`,
		ca,
		async [Symbol.asyncDispose]() {
			for (const socket of sockets) socket.destroy();
			server.close();
		},
	};
}

const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'a', name: 'x' }, data: { k: 'v' } };
const reference = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a', name: 'x' };
const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'a', name: 's' };
const stored = { ...configMap, metadata: { ...configMap.metadata, uid: 'u', resourceVersion: '7' } };

overBoth('server-side apply sends the object as it is and says what came of it', async (t, withServer) => {
	await withServer(
		(_seen, answer) => answer(201, stored, { warning: ['299 - "first, \\"quoted\\""', '299 - "second"'] }),
		{},
		async (api, seen) => {
			const written = await api.apply(configMap, {
				fieldManager: 'me',
				force: true,
				dryRun: true,
				subresource: 'status',
				metadataOnly: true,
			});
			t.deepEqual(written, {
				object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: stored.metadata },
				created: true,
				resourceVersion: '7',
				warnings: ['first, "quoted"', 'second'],
			});
			t.is(seen[0]?.method, 'PATCH');
			t.is(seen[0]?.url.pathname, '/prefix/api/v1/namespaces/a/configmaps/x/status');
			t.is(seen[0]?.url.search, '?fieldManager=me&dryRun=All&force=true');
			t.is(seen[0]?.headers['content-type'], 'application/apply-patch+yaml');
			t.is(seen[0]?.headers.authorization, 'Bearer sesame');
			t.regex(seen[0]?.headers['user-agent'] ?? '', /^meshwright\/\d/);
			t.regex(seen[0]?.headers.accept ?? '', /as=PartialObjectMetadata;/);
			t.deepEqual(seen[0]?.body, configMap);
		},
	);
});

overBoth('a list is gathered from its pages, and its items know their kind', async (t, withServer) => {
	await withServer(
		({ url }, answer) => {
			const isSecond = url.searchParams.get('continue') === 'more';
			answer(200, {
				metadata: { resourceVersion: '9', ...(isSecond ? {} : { continue: 'more' }) },
				items: [{ metadata: { name: isSecond ? 'b' : 'a' } }],
			});
		},
		{},
		async (api, seen) => {
			const list = await api.list(kinds.ConfigMap, { namespace: 'a', labelSelector: 'x=y', limit: 1 });
			t.deepEqual(list, {
				items: ['a', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })),
				resourceVersion: '9',
			});
			t.is(seen[0]?.url.searchParams.get('labelSelector'), 'x=y');
		},
	);
});

for (const [status, expected] of [
	[400, RequestError],
	[401, RequestError],
	[403, RequestError],
	[404, RequestError],
	[409, ConflictError],
	[410, RequestError],
	[422, RequestError],
	[429, TransientError],
	[500, TransientError],
	[503, TransientError],
	[504, TransientError],
] as const) {
	overBoth(`${status} is a ${expected.name}, whatever the body`, async (t, withServer) => {
		for (const body of [
			'',
			'<html>',
			'{"kind":"Status","mess',
			{ kind: 'Status', reason: 'Special', message: 'words' },
		]) {
			await withServer(
				(_seen, answer) => answer(status, body),
				{},
				async (api) => {
					const error = await t.throwsAsync(api.replace(configMap), { instanceOf: expected });
					t.regex(error?.message ?? '', new RegExp(`^PUT ConfigMap a/x: ${status} \\w+`));
					if (typeof body !== 'string') {
						t.regex(error?.message ?? '', /Special: words$/);
					}
				},
			);
		}
	});
}

overBoth('a conflict names each field and its owner', async (t, withServer) => {
	const causes = [{ reason: 'FieldManagerConflict', message: 'conflict with "kubectl"', field: '.data.k' }];
	await withServer(
		(_seen, answer) => answer(409, { kind: 'Status', reason: 'Conflict', message: 'm', details: { causes } }),
		{},
		async (api) => {
			const error = await t.throwsAsync(api.apply(configMap, { fieldManager: 'me' }), { instanceOf: ConflictError });
			t.deepEqual(error?.causes, causes);
			t.is(error?.reason, 'Conflict');
		},
	);
});

overBoth("the server's words about a Secret are not repeated, nor is the token", async (t, withServer) => {
	const details = { causes: [{ reason: 'FieldValueInvalid', message: 'Invalid value: hunter2', field: 'data.k' }] };
	await withServer(
		(_seen, answer) => answer(422, { kind: 'Status', reason: 'Invalid', message: 'hunter2', details }),
		{},
		async (api) => {
			const error = await t.throwsAsync(api.patch(secret, {}, { type: 'merge' }), { instanceOf: RequestError });
			t.false(JSON.stringify([error?.message, error?.causes]).includes('hunter2'));
			t.false(String(error?.stack).includes('sesame'));
			t.is(error?.causes[0]?.field, 'data.k');
		},
	);
});

overBoth(
	'429 and 503 are tried again as the server asks, writes that are not idempotent only after 429',
	async (t, withServer) => {
		await withServer(
			(seen, answer) => answer(seen.url.searchParams.has('labelSelector') ? 503 : 429, '', { 'retry-after': '0' }),
			{},
			async (api, seen) => {
				const count = async (call: Promise<unknown>) => {
					const before = seen.length;
					await t.throwsAsync(call, { instanceOf: TransientError });
					return seen.length - before;
				};
				t.is(await count(api.create(configMap)), 4);
				t.is(await count(api.list(kinds.ConfigMap, { labelSelector: 'x' })), 4);
				t.is(await count(api.request({ method: 'POST', path: '/x', query: { labelSelector: 'x' } })), 1);
				t.is(
					await count(api.request({ method: 'PATCH', path: '/x', query: { labelSelector: 'x' }, isIdempotent: true })),
					4,
				);
			},
		);
	},
);

overBoth('a long Retry-After is handed to the caller, as a minute at most', async (t, withServer) => {
	await withServer(
		(_seen, answer) => answer(429, '', { 'retry-after': '3600' }),
		{},
		async (api, seen) => {
			const error = await t.throwsAsync(api.get(reference), { instanceOf: TransientError });
			t.is(error?.retryAfterMs, 60_000);
			t.is(seen.length, 1);
		},
	);
});

overBoth('a sick server is not buried under retries of everything', async (t, withServer) => {
	await withServer(
		(_seen, answer) => answer(429, '', { 'retry-after': '0' }),
		{},
		async (api, seen) => {
			await Promise.all(Array.from({ length: 30 }, () => t.throwsAsync(api.get(reference))));
			t.is(seen.length, 30 + 20);
		},
	);
});

overBoth(
	'calls that are patient come back as the server asks, however many they are, until it has an answer',
	async (t, withServer) => {
		let refusals = 120;
		await withServer(
			(_seen, answer) =>
				refusals-- > 0
					? answer(429, '', { 'retry-after': '0' })
					: answer(200, JSON.stringify({ kind: 'List', items: [] })),
			{},
			async (api) => {
				const lists = Array.from({ length: 20 }, () => api.list(kinds.ConfigMap, { isPatient: true }));
				for (const { items } of await Promise.all(lists)) t.deepEqual(items, []);
				refusals = Number.POSITIVE_INFINITY;
				await t.throwsAsync(api.list(kinds.ConfigMap, { isPatient: true, timeoutMs: 500 }), {
					instanceOf: TransientError,
				});
			},
		);
	},
);

overBoth('cut-off and foreign answers are transient and do not quote the text', async (t, withServer) => {
	await withServer(
		(_seen, answer) => answer(200, '{"kind":"Secret","data":{"k":"hunter2'),
		{},
		async (api) => {
			const error = await t.throwsAsync(api.get(secret), { instanceOf: TransientError });
			t.false(error?.message.includes('hunter2'));
		},
	);
});

overBoth('an answer that is too long is refused', async (t, withServer) => {
	await withServer(
		(_seen, answer) => answer(200, 'x'.repeat(5000)),
		{ maxResponseBytes: 1000 },
		async (api) => {
			const error = await t.throwsAsync(api.get(reference), { instanceOf: RequestError });
			t.is(error?.reason, 'ResponseTooLarge');
		},
	);
});

overBoth('the deadline covers a server that never answers, and one that never finishes', async (t, withServer) => {
	await withServer(
		(seen, _answer, response) => {
			if (seen.url.pathname.endsWith('/half')) {
				response.writeHead(200);
				response.write('{"kind"');
			}
		},
		{ timeoutMs: 100 },
		async (api) => {
			await t.throwsAsync(api.request({ method: 'GET', path: '/never' }), {
				instanceOf: TransientError,
				message: /no answer within 0.1 s/,
			});
			await t.throwsAsync(api.request({ method: 'POST', path: '/half' }), { instanceOf: TransientError });
		},
	);
});

overBoth(
	'a call that is aborted ends with the reason, waiting or under way, and gives its turn back',
	async (t, withServer) => {
		await withServer(
			(seen, answer) => {
				if (seen.url.pathname.endsWith('/quick')) {
					answer(200, {});
				}
			},
			{ maxInFlight: 1 },
			async (api) => {
				const underWay = new AbortController();
				const waiting = new AbortController();
				const first = api.request({ method: 'GET', path: '/slow', signal: underWay.signal });
				const second = api.request({ method: 'GET', path: '/slow', signal: waiting.signal });
				waiting.abort(new Error('not wanted'));
				await t.throwsAsync(second, { message: 'not wanted' });
				underWay.abort(new Error('enough'));
				await t.throwsAsync(first, { message: 'enough' });
				t.is((await api.request({ method: 'GET', path: '/quick' })).status, 200);
			},
		);
	},
);

overBoth('no more than the given number of requests are in flight', async (t, withServer) => {
	const inFlight: (() => void)[] = [];
	let most = 0;
	await withServer(
		(_seen, answer) => {
			most = Math.max(
				most,
				inFlight.push(() => answer(200, stored)),
			);
			if (inFlight.length < 3) return;
			// Leaves some time in which a fourth would come.
			setTimeout(() => {
				for (const go of inFlight.splice(0)) go();
			}, 5);
		},
		{ maxInFlight: 3 },
		async (api) => {
			await Promise.all(Array.from({ length: 21 }, () => api.get(reference)));
			t.is(most, 3);
		},
	);
});

overBoth(
	'the guard is asked right before each mutating request, and what it throws stops it',
	async (t, withServer) => {
		let asked = 0;
		let isLeader = true;
		const beforeWrite = () => {
			asked++;
			if (!isLeader) {
				throw new Error('not the leader');
			}
		};
		await withServer(
			(_seen, answer) => answer(200, stored),
			{ beforeWrite },
			async (api, seen) => {
				await api.get(reference);
				await api.apply(configMap, { fieldManager: 'me', dryRun: true });
				t.is(asked, 0);
				await api.apply(configMap, { fieldManager: 'me' });
				await api.delete(reference);
				t.is(asked, 2);
				isLeader = false;
				await t.throwsAsync(api.create(configMap), { message: 'not the leader' });
				t.is(seen.length, 4);
			},
		);
	},
);

overBoth('every answer and failure is observed', async (t, withServer) => {
	const observed: ObservedRequest[] = [];
	await withServer(
		(seen, answer, response) => (seen.method === 'GET' ? answer(404) : response.destroy()),
		{ observe: (request) => observed.push(request) },
		async (api) => {
			await t.throwsAsync(api.get(reference));
			await t.throwsAsync(api.create(configMap), { instanceOf: TransientError });
			t.deepEqual(
				observed.map(({ method, code, kind, host }) => [method, code, kind, host === api.host]),
				[
					['GET', '404', 'ConfigMap', true],
					['POST', '<error>', 'ConfigMap', true],
				],
			);
		},
	);
});

overBoth('a read is repeated once when its connection breaks, a write is not', async (t, withServer) => {
	let breaks = 0;
	await withServer(
		(_seen, answer, response) => (breaks-- > 0 ? response.destroy() : answer(200, stored)),
		{},
		async (api, seen) => {
			breaks = 1;
			t.deepEqual(await api.get(reference), stored);
			breaks = 1;
			await t.throwsAsync(api.apply(configMap, { fieldManager: 'me' }), { instanceOf: TransientError });
			t.is(seen.length, 3);
		},
	);
});

test('a token that is refused is read again, once', async (t) => {
	let token = 'old';
	const server = createServer({ keepAliveTimeout: keepAliveMs }, (incoming, response) => {
		response.writeHead(incoming.headers.authorization === 'Bearer new' ? 200 : 401);
		response.end('{}');
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const tls = {};
	await using api = new ApiServer({
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		grant: () => ({ tls, authorization: `Bearer ${token}` }),
		refresh: () => {
			token = 'new';
			return true;
		},
	});
	t.is((await api.request({ method: 'GET', path: '/' })).status, 200);
	server.closeAllConnections();
	server.close();
});

test('an address where nobody listens is a TransientError at once', async (t) => {
	await using api = new ApiServer({ url: 'http://127.0.0.1:1' });
	await t.throwsAsync(api.version(), { instanceOf: TransientError, message: /ECONNREFUSED/ });
});

test('a closed client refuses', async (t) => {
	const api = new ApiServer({ url: 'http://127.0.0.1:1' });
	await api.close();
	await t.throwsAsync(api.version(), { instanceOf: TransientError, message: /closed/ });
});
