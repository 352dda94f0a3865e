/**
 * Runs many simulated clusters in a process of their own, each on its own port, with one certificate. Started by `fork`. It
 * tells their addresses, counts requests, and lets some of them die in the two ways in which API servers do.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { freePort } from '../control-plane/ports.ts';
import { issueCertificate, makeAuthority } from '../support/certificate-authority.ts';
import { type SimulatedAnswer, SimulatedCluster } from './simulated-cluster.ts';

export interface SimulatedAddress {
	readonly url: string;
	readonly ca: string;
	readonly token: string;
}

/**
 * How a cluster is dead. `refusing`: its port is closed. `silent`: it accepts connections and never answers, not even on
 * open ones.
 */
export type Death = 'refusing' | 'silent';

export type SimulatorCommand =
	| { readonly type: 'start'; readonly count: number }
	| { readonly type: 'count' }
	| { readonly type: 'kill'; readonly deaths: readonly { readonly index: number; readonly how: Death }[] }
	| { readonly type: 'revive' };

/** Number of requests to all clusters together, by method and resource: `GET nodes`. */
export type RequestCounts = Readonly<Record<string, number>>;

export type SimulatorAnswer = { readonly error: string } | { readonly value: unknown };

interface Place {
	readonly cluster: SimulatedCluster;
	readonly server: Server;
	readonly sockets: Set<Socket>;
	readonly port: number;
	death: Death | undefined;
}

const places: Place[] = [];
const byPort = new Map<number, Place>();

function respond(place: Place, request: IncomingMessage, response: ServerResponse): void {
	// A silent cluster does not even acknowledge the request.
	if (place.death !== undefined) return;
	const chunks: Buffer[] = [];
	request.on('data', (chunk: Buffer) => chunks.push(chunk));
	request.on('end', () => {
		const text = Buffer.concat(chunks).toString('utf8');
		const { method = 'GET', url = '/', headers } = request;
		place.cluster.handle(
			{
				method,
				url,
				accept: headers.accept ?? '',
				token: (headers.authorization ?? '').replace(/^Bearer /, ''),
				body: text === '' ? undefined : JSON.parse(text),
			},
			answerTo(place, response),
		);
	});
}

function answerTo(place: Place, response: ServerResponse): SimulatedAnswer {
	const headers = { 'content-type': 'application/json' };
	return {
		json: (status, body) => {
			const text = JSON.stringify(body);
			response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
		},
		stream: () => {
			response.writeHead(200, headers);
			response.flushHeaders();
			return {
				write: (event) => {
					if (place.death === undefined) response.write(`${JSON.stringify(event)}\n`);
				},
				end: () => void response.end(),
				onClosed: (handler) => void response.once('close', handler),
			};
		},
	};
}

function listen({ server, port }: Place): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => {
			server.off('error', reject);
			resolve();
		});
	});
}

async function start(count: number): Promise<readonly SimulatedAddress[]> {
	const authority = await makeAuthority({ organisation: 'simulated' });
	const { certChain, key } = await issueCertificate(authority, ['127.0.0.1']);
	// It speaks both versions of HTTP, as API servers do.
	const tls = createSecureServer({ cert: certChain, key, allowHTTP1: true }, (request, response) => {
		const place = byPort.get(request.socket.localPort ?? 0);
		if (place === undefined) return;
		// What stands for requests and answers of HTTP/2 has all that is used here, though its types don't say so.
		respond(place, request as unknown as IncomingMessage, response as unknown as ServerResponse);
	});
	// Watches are silent while nothing happens.
	tls.setTimeout(0);
	for (let index = 0; index < count; index++) {
		const sockets = new Set<Socket>();
		const server = createTcpServer((socket) => {
			sockets.add(socket);
			socket.once('close', () => sockets.delete(socket));
			socket.on('error', () => socket.destroy());
			if (place.death === undefined) tls.emit('connection', socket);
		});
		const [high, low] = [index >> 8, index & 255];
		const cluster = new SimulatedCluster({
			podCIDR: `100.${70 + high}.${low}.0/24`,
			serviceCIDR: `100.${90 + high}.${low}.0/24`,
		});
		const place: Place = { cluster, server, sockets, port: await freePort(), death: undefined };
		await listen(place);
		byPort.set(place.port, place);
		places.push(place);
	}
	setInterval(() => {
		const now = Date.now();
		for (const { cluster } of places) cluster.tick(now);
	}, 1_000).unref();
	return places.map(({ port, cluster }) => ({
		url: `https://127.0.0.1:${port}`,
		ca: authority.certificate,
		token: cluster.token,
	}));
}

function count(): RequestCounts {
	const counts: Record<string, number> = {};
	for (const { cluster } of places)
		for (const [what, number] of cluster.counts) counts[what] = (counts[what] ?? 0) + number;
	return counts;
}

async function kill(place: Place, how: Death): Promise<void> {
	place.death = how;
	if (how === 'silent') return;
	const closed = new Promise<void>((resolve) => place.server.close(() => resolve()));
	for (const socket of place.sockets) socket.destroy();
	await closed;
}

async function revive(place: Place): Promise<void> {
	const { death, sockets } = place;
	place.death = undefined;
	// Behaves like a restarted machine: it knows nothing of earlier connections.
	for (const socket of sockets) socket.destroy();
	if (death === 'refusing') await listen(place);
}

async function obey(command: SimulatorCommand): Promise<unknown> {
	switch (command.type) {
		case 'start':
			return start(command.count);
		case 'count':
			return count();
		case 'kill':
			await Promise.all(
				command.deaths.map(({ index, how }) => {
					const place = places[index];
					if (place === undefined) throw new Error(`there is no cluster ${index}`);
					return kill(place, how);
				}),
			);
			return undefined;
		case 'revive':
			await Promise.all(places.filter(({ death }) => death !== undefined).map(revive));
			return undefined;
	}
}

// The benchmark has ended, however that happened: nobody will ask any more.
process.on('disconnect', () => process.exit());
process.on('message', (command: SimulatorCommand) => {
	obey(command).then(
		(value) => process.send?.({ value: value ?? null } satisfies SimulatorAnswer),
		(error: unknown) => process.send?.({ error: String(error) } satisfies SimulatorAnswer),
	);
});
