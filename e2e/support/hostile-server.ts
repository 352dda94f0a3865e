/** Servers that are no API servers: what a kubeconfig may lead to, by mistake or on purpose. */
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { issueCertificate, makeAuthority } from './certificate-authority.ts';

export interface HostileServer extends AsyncDisposable {
	readonly url: string;
	/** PEM; empty where it speaks no TLS. */
	readonly ca: string;
	/** Paths that were asked for; of a silent one, which hears none, something for each connection. */
	readonly asked: readonly string[];
	readonly stop: () => Promise<void>;
}

export type Behaviour = 'page' | 'wrong JSON' | 'endless' | 'failing' | 'redirect';

/** A certificate for 127.0.0.1 and the authority that it is signed by, PEM. */
export async function loopbackCertificate(): Promise<{
	readonly ca: string;
	readonly cert: string;
	readonly key: string;
}> {
	const authority = await makeAuthority({ organisation: 'loopback' });
	const { certChain, key } = await issueCertificate(authority, ['127.0.0.1']);
	return { ca: authority.certificate, cert: certChain, key };
}

/** Takes connections and says nothing. */
export async function startSilentServer(): Promise<HostileServer> {
	const sockets = new Set<Socket>();
	const asked: string[] = [];
	const server = createServer((socket) => {
		asked.push('');
		sockets.add(socket);
		socket.on('error', () => undefined);
		socket.on('close', () => sockets.delete(socket));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const stop = async () => {
		for (const socket of sockets) socket.destroy();
		server.close();
	};
	const { port } = server.address() as AddressInfo;
	return { url: `https://127.0.0.1:${port}`, ca: '', asked, stop, [Symbol.asyncDispose]: stop };
}

/** @param elsewhere where redirections lead */
export async function startHostileServer(behaviour: Behaviour, elsewhere = ''): Promise<HostileServer> {
	const { ca, cert, key } = await loopbackCertificate();
	const asked: string[] = [];
	const server = createTlsServer({ cert, key }, (request, response) => {
		asked.push(request.url ?? '');
		switch (behaviour) {
			case 'page':
				response.writeHead(200, { 'content-type': 'text/html' }).end('<html><h1>Welcome</h1></html>');
				break;
			case 'wrong JSON':
				response.writeHead(200, { 'content-type': 'application/json' }).end('{"kind":["x"],"metadata":7,"items":"y"}');
				break;
			case 'failing':
				response.writeHead(500, { 'content-type': 'text/plain' }).end('out of order');
				break;
			case 'redirect':
				response.writeHead(307, { location: `${elsewhere}${request.url}` }).end();
				break;
			case 'endless': {
				response.writeHead(200, { 'content-type': 'application/json' });
				const more = () => {
					while (!response.destroyed && response.write(' '.repeat(65_536)));
				};
				response.on('drain', more);
				response.on('error', () => undefined);
				more();
				break;
			}
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const stop = async () => {
		server.closeAllConnections();
		server.close();
	};
	const { port } = server.address() as AddressInfo;
	return { url: `https://127.0.0.1:${port}`, ca, asked, stop, [Symbol.asyncDispose]: stop };
}
