/** HTTP/1.1: a connection for each request under way, by undici. */
import type { Socket } from 'node:net';
import { buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { ConnectionBudget } from './budget.ts';
import { connectOptions, type DialOptions, resolverOf } from './dial.ts';
import type { AnswerHandler, Wire, WireRequest } from './wire.ts';

/** Keep idle connections this long. kube-apiserver closes them after 90 s (IdleTimeout of k8s.io/apiserver). */
export const keepAliveMs = 75_000;

export interface Http1WireOptions extends DialOptions {
	/** Most connections. Default: as many as there are requests. */
	readonly connections?: number | undefined;
	readonly budget: ConnectionBudget | undefined;
}

export class Http1Wire implements Wire {
	readonly #origin: string;
	readonly #dispatcher: Dispatcher;

	constructor(options: Http1WireOptions) {
		this.#origin = options.origin;
		this.#dispatcher = newDispatcher(options);
	}

	dispatch({ method, path, headers, body }: WireRequest, handler: AnswerHandler): void {
		this.#dispatcher.dispatch(
			{
				origin: this.#origin,
				method,
				path,
				headers: headers as Record<string, string | string[]>,
				body: body ?? null,
				// The caller's one deadline covers connecting, waiting and reading.
				headersTimeout: 0,
				bodyTimeout: 0,
			},
			handler,
		);
	}

	async destroy(): Promise<void> {
		await this.#dispatcher.destroy();
	}
}

function newDispatcher(options: Http1WireOptions): Dispatcher {
	const { origin, proxyUrl, connectTimeoutMs, connections, budget } = options;
	const connect = connectOptions(options);
	const shared = {
		allowH2: false,
		keepAliveTimeout: keepAliveMs,
		keepAliveMaxTimeout: keepAliveMs,
		headersTimeout: 0,
		bodyTimeout: 0,
		...(connections === undefined ? {} : { connections }),
	};
	return proxyUrl === undefined
		? new Pool(origin, { ...shared, connect: metered(connect, budget) })
		: new ProxyAgent({
				...shared,
				uri: proxyUrl,
				// Only the proxy's name is resolved here.
				proxyTls: resolverOf(options),
				requestTls: connect,
				connectTimeout: connectTimeoutMs,
				factory: (to, pool: Pool.Options) => new Pool(to, { ...pool, connect: metered(pool.connect ?? {}, budget) }),
			});
}

type Connect = NonNullable<Pool.Options['connect']>;

/** Connections whose bytes are counted as they come, where there is a budget. */
function metered(to: Connect, budget: ConnectionBudget | undefined): Connect {
	if (budget === undefined) return to;
	const connect = typeof to === 'function' ? to : buildConnector({ ...to, allowH2: false });
	return (target, callback) =>
		connect(target, (...result) => {
			const [error, socket] = result;
			if (error === null && socket !== null) meter(socket, budget);
			callback(...result);
		});
}

function meter(socket: Socket, budget: ConnectionBudget): void {
	let seen = socket.bytesRead;
	socket.on('readable', () => {
		const more = socket.bytesRead - seen;
		seen += more;
		try {
			budget.received(more);
		} catch (error) {
			socket.destroy(error instanceof Error ? error : new Error(String(error)));
		}
	});
}
