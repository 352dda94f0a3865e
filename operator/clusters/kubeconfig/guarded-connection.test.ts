/** The guard and the client together, against real TLS servers on this machine. */
import { once } from 'node:events';
import { createServer as createProxy } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type LookupFunction, type Server } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type Authority, issueCertificate, makeAuthority } from '../../../e2e/support/certificate-authority.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import type { StaticCredentials } from '../../runtime/credentials/grant.ts';
import { InvalidError, isTlsFailure, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { openWatch } from '../../runtime/watch/watch-stream.ts';
import { guardedLookup } from './address-guard.ts';

const host = 'api.example';
const strict = { allowLoopback: false, allowProxies: true };
const loopback = { allowLoopback: true, allowProxies: true };
const token = 'zq7marker-token';

const authority = await makeAuthority({ organisation: 'right' });
const other = await makeAuthority({ organisation: 'other' });
const ended = await makeAuthority({ organisation: 'ended', ageDays: 10, daysLeft: -1 });

/** Every name resolves to this machine. */
const everythingIsHere: LookupFunction = (_hostname, options, callback) => {
	if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
	else callback(null, '127.0.0.1', 4);
};

interface Listening {
	readonly port: number;
	/** Number of connections that were made, used or not. */
	connections(): number;
}

async function listen(t: ExecutionContext, server: Server): Promise<Listening> {
	let connections = 0;
	server.on('connection', () => {
		connections++;
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

async function apiServer(t: ExecutionContext, by: Authority, name = host): Promise<Listening> {
	const { certChain, key } = await issueCertificate(by, [name]);
	return listen(
		t,
		createServer({ cert: certChain, key }, (_request, response) => response.end('{"gitVersion":"v1.33.0"}')),
	);
}

function client(t: ExecutionContext, port: number, given: Partial<StaticCredentials>, settings = loopback): ApiServer {
	const api = new ApiServer(
		{ url: `https://${host}:${port}`, token, ca: authority.certificate, ...given },
		{ lookup: guardedLookup(settings, everythingIsHere) },
	);
	t.teardown(() => api.close());
	return api;
}

const get = (api: ApiServer) => api.request({ method: 'GET', path: '/version' });

test('a name that resolves to an address that is allowed is dialled, and the certificate verified', async (t) => {
	const { port } = await apiServer(t, authority);
	t.like(await get(client(t, port, {})), { status: 200, body: { gitVersion: 'v1.33.0' } });
});

test('tls-server-name is the name that the certificate must have', async (t) => {
	const { port } = await apiServer(t, authority, 'kubernetes');
	t.is((await get(client(t, port, { servername: 'kubernetes' }))).status, 200);
});

for (const [title, by, name, given] of [
	['an authority that is not the one given', other, host, {}],
	['another name', authority, 'else.example', {}],
	['another name than tls-server-name', authority, host, { servername: 'kubernetes' }],
	['an authority that has ended', ended, host, { ca: ended.certificate }],
	["an authority that is not among the system's", authority, host, { ca: undefined }],
] as const) {
	test(`a certificate of ${title} is a failure of TLS, at once`, async (t) => {
		const { port } = await apiServer(t, by, name);
		const error = await t.throwsAsync(get(client(t, port, given)), { instanceOf: TransientError });
		t.true(isTlsFailure(error), String(error));
		t.notRegex(error.message, /no answer within|zq7marker/);
	});
}

test('a server that does not listen, or speaks no TLS, is no failure of TLS verification', async (t) => {
	const closed = createProxy();
	const { port } = await listen(t, closed);
	const plain = await t.throwsAsync(get(client(t, port, {})), { instanceOf: TransientError });
	t.false(isTlsFailure(plain));
	closed.close();
	closed.closeAllConnections();
	const refused = await t.throwsAsync(get(client(t, port, {})), { instanceOf: TransientError });
	t.false(isTlsFailure(refused));
});

test('a name that resolves to a refused address is not dialled, by requests and watches', async (t) => {
	const { port, connections } = await apiServer(t, authority);
	const api = client(t, port, {}, strict);
	const expected = { instanceOf: InvalidError, message: /^api\.example was not dialled: .* a loopback address/ };
	t.is((await t.throwsAsync<InvalidError>(get(api), expected)).reason, 'KubeconfigUnsafe');
	const watched = new Promise<never>((_resolve, reject) => {
		const callbacks = { opened: () => t.fail(), event: () => t.fail() };
		openWatch(
			api,
			kinds.Service,
			{ timeoutSeconds: 60 },
			{
				...callbacks,
				ended: (end) => reject(end.how === 'done' ? new Error('done') : end.error),
			},
		);
	});
	t.is((await t.throwsAsync<InvalidError>(watched, expected)).reason, 'KubeconfigUnsafe');
	t.is(connections(), 0);
});

test('a name is judged anew for each connection: what it resolved to before counts for nothing', async (t) => {
	const { port, connections } = await apiServer(t, authority);
	let isRebound = false;
	const rebinding: LookupFunction = (hostname, options, callback) =>
		isRebound
			? everythingIsHere(hostname, options, callback)
			: callback(null, [{ address: '169.254.169.254', family: 4 }]);
	const api = new ApiServer(
		{ url: `https://${host}:${port}`, token, ca: authority.certificate },
		{ lookup: guardedLookup(loopback, rebinding) },
	);
	t.teardown(() => api.close());
	await t.throwsAsync(get(api), { instanceOf: InvalidError });
	t.is(connections(), 0);
	isRebound = true;
	t.is((await get(api)).status, 200);
});

/** Leads every tunnel to this port, and records where it should have led. */
function proxyTo(port: number): { readonly server: Server; readonly asked: readonly (string | undefined)[] } {
	const asked: (string | undefined)[] = [];
	const server = createProxy().on('connect', (request, socket) => {
		asked.push(request.url);
		const upstream = connect(port, '127.0.0.1', () => {
			socket.write('HTTP/1.1 200 OK\r\n\r\n');
			upstream.pipe(socket).pipe(upstream);
		});
		upstream.on('error', () => socket.destroy());
		socket.on('error', () => upstream.destroy());
	});
	return { server, asked };
}

test("behind a proxy the guard judges the proxy's name, and the server's certificate is verified still", async (t) => {
	const { port } = await apiServer(t, authority);
	const { server, asked } = proxyTo(port);
	const proxy = await listen(t, server);
	const proxyUrl = `http://proxy.example:${proxy.port}`;

	t.is((await get(client(t, 6443, { proxyUrl }))).status, 200);
	t.deepEqual(asked, [`${host}:6443`]);

	const wrong = await t.throwsAsync(get(client(t, 6443, { proxyUrl, ca: other.certificate })), {
		instanceOf: TransientError,
	});
	t.true(isTlsFailure(wrong), String(wrong));
	const named = await t.throwsAsync(get(client(t, 6443, { proxyUrl, servername: 'else.example' })), {
		instanceOf: TransientError,
	});
	t.true(isTlsFailure(named), String(named));

	const before = proxy.connections();
	await t.throwsAsync(get(client(t, 6443, { proxyUrl }, strict)), {
		instanceOf: InvalidError,
		message: /^proxy\.example was not dialled/,
	});
	t.is(proxy.connections(), before);
});
