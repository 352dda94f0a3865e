/**
 * Bounds what clients of an endpoint can hold: connections in all and per address, the time for a request's head, and the
 * time of a connection.
 *
 * A connection carries one request. A full server ends the oldest connections and not the newest, so whoever only holds
 * connections can't keep a probe out.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface GateLimits {
	/** Connections that stay open when there are more. */
	readonly connections: number;
	/** Connections of one remote address that stay open when there are more. */
	readonly perAddress: number;
	/** How many connections may be open between two looks. Whatever comes on top replaces an older one at once. */
	readonly mostConnections: number;
	/** The head of a request has to be here after this time. */
	readonly headersMs: number;
	/** The answer has to be read after this time. */
	readonly lifetimeMs: number;
}

const defaults: GateLimits = {
	connections: 128,
	perAddress: 16,
	mostConnections: 512,
	headersMs: 1_000,
	lifetimeMs: 10_000,
};

/** How long a connection is safe from others, so that a request that is on its way arrives. */
const graceMs = 100;

interface Connection {
	readonly socket: Socket;
	readonly address: string;
	readonly sinceMs: number;
	/** The head of its request has arrived, and the answer is on its way. */
	isAnswered: boolean;
}

export class ConnectionGate {
	readonly #limits: GateLimits;
	/** The oldest first. */
	readonly #connections = new Map<Socket, Connection>();
	readonly #perAddress = new Map<string, number>();
	#looks: NodeJS.Timeout | undefined;

	constructor(limits: Partial<GateLimits> = {}) {
		this.#limits = { ...defaults, ...limits };
	}

	/** How many connections are open. */
	get open(): number {
		return this.#connections.size;
	}

	/** Guards all connections of a server that begin from now on. */
	guard(server: Server): void {
		server.on('connection', (socket: Socket) => this.#opened(socket));
	}

	/** Takes the request of a connection. False when the connection had one before, or is ended. */
	admit(socket: Socket): boolean {
		const connection = this.#connections.get(socket);
		if (connection === undefined || connection.isAnswered) return false;
		connection.isAnswered = true;
		return true;
	}

	#opened(socket: Socket): void {
		if (this.#connections.size >= this.#limits.mostConnections) {
			const [oldest] = this.#connections.values();
			if (oldest !== undefined) this.#end(oldest);
		}
		const address = socket.remoteAddress ?? '';
		this.#connections.set(socket, { socket, address, sinceMs: performance.now(), isAnswered: false });
		this.#perAddress.set(address, this.#openOf(address) + 1);
		socket.once('close', () => this.#forget(socket));
		// A look waits for the sockets to be read: when the process was busy for a while, requests that came in the meantime
		// are no longer unfinished.
		this.#looks ??= setInterval(() => setImmediate(() => this.#look()), graceMs).unref();
	}

	#openOf(address: string): number {
		return this.#perAddress.get(address) ?? 0;
	}

	#forget(socket: Socket): void {
		const connection = this.#connections.get(socket);
		if (connection === undefined) return;
		this.#connections.delete(socket);
		const left = this.#openOf(connection.address) - 1;
		if (left > 0) this.#perAddress.set(connection.address, left);
		else this.#perAddress.delete(connection.address);
		if (this.#connections.size > 0) return;
		clearInterval(this.#looks);
		this.#looks = undefined;
	}

	#end(connection: Connection): void {
		this.#forget(connection.socket);
		connection.socket.destroy();
	}

	/** Ends what is late, then what is too much, and spares connections that have just begun. */
	#look(): void {
		const now = performance.now();
		const { headersMs, lifetimeMs, perAddress, connections } = this.#limits;
		for (const connection of [...this.#connections.values()]) {
			const ageMs = now - connection.sinceMs;
			const isLate = ageMs >= (connection.isAnswered ? lifetimeMs : headersMs);
			const isTooMuch = ageMs >= graceMs && this.#openOf(connection.address) > perAddress;
			if (isLate || isTooMuch) this.#end(connection);
		}
		const excess = this.#connections.size - connections;
		if (excess <= 0) return;
		const known = [...this.#connections.values()].filter(({ sinceMs }) => now - sinceMs >= graceMs);
		const waiting = known.filter(({ isAnswered }) => !isAnswered);
		const answered = known.filter(({ isAnswered }) => isAnswered);
		for (const connection of [...waiting, ...answered].slice(0, excess)) this.#end(connection);
	}
}
