/**
 * An API server that has nothing but pods, as many as its path says (`/50000`): it lists them in pages, and its watches are
 * silent. Started by `fork`, tells its address, and ends with who started it. A real one would have to be given all of them
 * first, which takes minutes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { issueCertificate, makeAuthority } from '../support/certificate-authority.ts';
import { podText } from './sample-pods.ts';

export interface PodServerAddress {
	readonly url: string;
	readonly ca: string;
}

const json = { 'content-type': 'application/json' };
const resourceVersion = '999999999';

function pageText(from: number, limit: number, count: number): string {
	const to = limit === 0 ? count : Math.min(count, from + limit);
	const items = Array.from({ length: to - from }, (_, index) => podText(from + index));
	const more = to < count ? { continue: String(to), remainingItemCount: count - to } : {};
	const metadata = JSON.stringify({ resourceVersion, ...more });
	return `{"kind":"PodList","apiVersion":"v1","metadata":${metadata},"items":[${items.join(',')}]}`;
}

function respond({ url = '/' }: IncomingMessage, response: ServerResponse): void {
	const { pathname, searchParams } = new URL(url, 'https://pods');
	const [, count, path] = /^\/(\d+)(\/.*)$/.exec(pathname) ?? [];
	if (path !== '/api/v1/pods') {
		response.writeHead(404, json).end('{"kind":"Status","apiVersion":"v1","status":"Failure","code":404}');
	} else if (searchParams.get('watch') === 'true') {
		response.writeHead(200, json);
		response.flushHeaders();
	} else {
		const from = Number(searchParams.get('continue') ?? 0);
		const text = pageText(from, Number(searchParams.get('limit') ?? 0), Number(count));
		response.writeHead(200, { ...json, 'content-length': Buffer.byteLength(text) }).end(text);
	}
}

const authority = await makeAuthority({ organisation: 'pods' });
const { certChain, key } = await issueCertificate(authority, ['127.0.0.1']);
// It speaks both versions of HTTP, as API servers do. What stands for requests and answers of HTTP/2 has all that is used
// here, though its types don't say so.
const server = createSecureServer({ cert: certChain, key, allowHTTP1: true }, (request, response) =>
	respond(request as unknown as IncomingMessage, response as unknown as ServerResponse),
);
server.setTimeout(0);
server.listen(0, '127.0.0.1', () => {
	const { port } = server.address() as AddressInfo;
	process.send?.({ url: `https://127.0.0.1:${port}`, ca: authority.certificate } satisfies PodServerAddress);
});
process.on('disconnect', () => process.exit());
