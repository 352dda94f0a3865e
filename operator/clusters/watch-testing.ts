/**
 * A small API server for tests of watches: it serves lists, watches and single objects of the kinds that are put into it.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiServer } from '../runtime/client/api-server.ts';
import { collectionPath, kindOf } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';

export class WatchedServer implements AsyncDisposable {
	readonly api: ApiServer;
	readonly #server: Server;
	readonly #objects = new Map<string, KubeObject>();
	readonly #watches = new Map<ServerResponse, string>();
	readonly #held: (() => void)[] = [];
	#version = 1;
	/** While true, lists are not answered until `release`. */
	isHeld = false;
	/** Number of single objects that were asked for. */
	reads = 0;
	lists = 0;

	static async start(): Promise<WatchedServer> {
		const server = createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		return new WatchedServer(server);
	}

	private constructor(server: Server) {
		this.#server = server;
		const { port } = server.address() as AddressInfo;
		this.api = new ApiServer({ url: `http://127.0.0.1:${port}`, token: 'sesame' });
		server.on('request', ({ url = '' }, response) => {
			const { pathname, searchParams } = new URL(url, 'http://x');
			if (searchParams.get('watch') === 'true') this.#watch(pathname, response);
			else this.#answer(pathname, response);
		});
	}

	put(object: KubeObject): void {
		const path = pathOf(object);
		const type = this.#objects.has(path) ? 'MODIFIED' : 'ADDED';
		this.#set(path, { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } }, type);
	}

	take(object: KubeObject): void {
		const path = pathOf(object);
		const found = this.#objects.get(path) ?? object;
		this.#set(path, { ...found, metadata: { ...found.metadata, resourceVersion: String(++this.#version) } }, 'DELETED');
		this.#objects.delete(path);
	}

	/** Number of open watches: all, or those with this text in their path. */
	watches(part = ''): number {
		return [...this.#watches.values()].filter((path) => path.includes(part)).length;
	}

	release(): void {
		this.isHeld = false;
		for (const go of this.#held.splice(0)) go();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.release();
		await this.api.close();
		this.#server.closeAllConnections();
		this.#server.close();
	}

	#set(path: string, object: KubeObject, type: string): void {
		this.#objects.set(path, object);
		for (const [response, collection] of this.#watches)
			if (isIn(object, collection)) response.write(`${JSON.stringify({ type, object })}\n`);
	}

	#watch(path: string, response: ServerResponse): void {
		this.#watches.set(response, path);
		response.on('close', () => this.#watches.delete(response));
		response.writeHead(200, { 'content-type': 'application/json' });
		response.flushHeaders();
	}

	#answer(path: string, response: ServerResponse): void {
		const reply = (status: number, body: unknown) => {
			response.writeHead(status, { 'content-type': 'application/json' });
			response.end(JSON.stringify(body));
		};
		const found = this.#objects.get(path);
		if (found !== undefined) {
			this.reads++;
			reply(200, found);
			return;
		}
		if (!/s$/.test(path)) {
			reply(404, { kind: 'Status', code: 404, reason: 'NotFound' });
			return;
		}
		const list = () => {
			this.lists++;
			const items = [...this.#objects.values()].filter((object) => isIn(object, path));
			reply(200, { metadata: { resourceVersion: String(this.#version) }, items });
		};
		if (this.isHeld) this.#held.push(list);
		else list();
	}
}

/** Whether a collection, of one namespace or of all, contains this object. */
function isIn(object: KubeObject, collection: string): boolean {
	const kind = kindOf(object);
	return [object.metadata.namespace, undefined].some((namespace) => collectionPath(kind, namespace) === collection);
}

function pathOf(object: KubeObject): string {
	return `${collectionPath(kindOf(object), object.metadata.namespace)}/${object.metadata.name}`;
}
