/** Starts the hostile proxy in front of a cluster, and tells it what to do. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { loopbackCertificate } from '../support/hostile-server.ts';
import type { Reachable } from '../support/joined.ts';
import type { ProxyOrder, ProxyReport, Spent } from './hostile-proxy.ts';
import type { ModeName } from './modes.ts';

export interface Deeds {
	readonly answered: number;
	readonly spent: readonly Spent[];
}

export interface HostileProxy extends AsyncDisposable {
	/** The cluster behind it, as it is reached through it. */
	readonly reachable: Reachable;
	/**
	 * Ends all connections and goes on in this mode. Returns how many requests the mode before has answered, and what of the
	 * processor that took.
	 */
	become(mode: ModeName | 'good'): Promise<Deeds>;
	/** How many requests it has answered in its mode so far. */
	answered(): Promise<number>;
	/** Goes on as it does, and takes as much of the processor as it took before. Connections stay. */
	burn(spent: readonly Spent[]): Promise<void>;
}

const orderMs = 30_000;

export async function startHostileProxy(upstream: Reachable): Promise<HostileProxy> {
	const { ca, cert, key } = await loopbackCertificate();
	const child = fork(fileURLToPath(new URL('hostile-proxy.ts', import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'] });
	const order = async (what: ProxyOrder): Promise<ProxyReport> => {
		const reported = once(child, 'message', { signal: AbortSignal.timeout(orderMs) });
		child.send(what);
		return (await reported)[0] as ProxyReport;
	};
	const { port } = await order({ start: { upstream, tls: { cert, key } } });
	return {
		reachable: { url: `https://127.0.0.1:${port}`, ca, token: upstream.token },
		async become(mode) {
			const { answered = 0, spent = [] } = await order({ mode });
			return { answered, spent };
		},
		answered: async () => (await order({})).answered ?? 0,
		burn: async (spent) => void (await order({ burn: spent })),
		async [Symbol.asyncDispose]() {
			const ended = once(child, 'exit');
			child.disconnect();
			await ended;
		},
	};
}
