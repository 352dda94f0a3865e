/** An API server that lies: a real one behind a proxy that changes some of its answers, or refuses in words of its own. */
import { once } from 'node:events';
import { createServer, type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Cluster } from '../control-plane/cluster.ts';
import { loopbackCertificate } from './hostile-server.ts';

/** The lies of the moment. They may be changed at any time. */
export interface Lies {
	/** UID of `kube-system`. */
	uid?: string;
	/** Blocks of its only Node. */
	podCIDRs?: readonly string[];
	/** The end of each token that it gives. */
	tokenEnds?: () => Date;
	/** Refuses everything with this status, and this text in every place. */
	refusal?: { readonly status: number; readonly text: string } | undefined;
}

export interface LyingServer extends AsyncDisposable {
	readonly url: string;
	readonly ca: string;
	readonly lies: Lies;
}

export async function startLyingServer({ url, ca }: Pick<Cluster, 'url' | 'ca'>, lies: Lies): Promise<LyingServer> {
	const own = await loopbackCertificate();
	const real = new URL(url);
	const server = createServer({ cert: own.cert, key: own.key }, (incoming, response) => {
		const { method = 'GET', url: path = '/', headers } = incoming;
		const { refusal } = lies;
		if (refusal !== undefined) {
			const { status, text } = refusal;
			const details = { name: text, causes: [{ reason: text, message: text, field: text }] };
			response.writeHead(status, {
				'content-type': 'application/json',
				warning: `299 - "${text}"`,
				location: `/${text}`,
			});
			response.end(JSON.stringify({ kind: 'Status', code: status, reason: text, message: text, details }));
			return;
		}
		const lie = lieAbout(lies, method, path);
		const options: RequestOptions = {
			host: real.hostname,
			port: real.port,
			method,
			path,
			ca,
			headers: { ...headers, host: real.host, ...(lie === undefined ? {} : { 'accept-encoding': 'identity' }) },
		};
		const outgoing = request(options, (answer) => {
			if (lie === undefined || answer.statusCode === undefined || answer.statusCode >= 300) {
				response.writeHead(answer.statusCode ?? 500, answer.headers);
				answer.pipe(response);
				return;
			}
			const chunks: Buffer[] = [];
			answer.on('data', (chunk: Buffer) => chunks.push(chunk));
			answer.on('end', () => {
				const { 'content-length': _, ...rest } = answer.headers;
				response.writeHead(answer.statusCode ?? 500, rest);
				response.end(JSON.stringify(lie(JSON.parse(Buffer.concat(chunks).toString()))));
			});
			answer.on('error', () => response.destroy());
		});
		outgoing.on('error', () => response.destroy());
		response.on('close', () => outgoing.destroy());
		incoming.pipe(outgoing);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
		ca: own.ca,
		lies,
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			server.close();
		},
	};
}

type Fields = Record<string, unknown>;

function lieAbout(lies: Lies, method: string, path: string): ((answer: Fields) => unknown) | undefined {
	const { uid, podCIDRs, tokenEnds } = lies;
	if (method === 'GET' && path === '/api/v1/namespaces/kube-system' && uid !== undefined)
		return (answer) => ({ ...answer, metadata: { ...(answer.metadata as Fields), uid } });
	if (method === 'GET' && /^\/api\/v1\/nodes\?/.test(path) && !path.includes('watch=') && podCIDRs !== undefined)
		return (answer) => ({ ...answer, items: [{ metadata: { name: 'node' }, spec: { podCIDRs } }] });
	if (method === 'POST' && path.endsWith('/token') && tokenEnds !== undefined)
		return (answer) => ({
			...answer,
			status: { ...(answer.status as Fields), expirationTimestamp: tokenEnds().toISOString() },
		});
	return undefined;
}
