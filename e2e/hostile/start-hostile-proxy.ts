/** Starts the hostile proxy in front of a cluster, and tells it what to do. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { loopbackCertificate } from '../support/hostile-server.ts';
import type { Reachable } from '../support/joined.ts';
import type { ProxyOrder, ProxyReport } from './hostile-proxy.ts';
import type { ModeName } from './modes.ts';

export interface HostileProxy extends AsyncDisposable {
	/** The cluster behind it, as it is reached through it. */
	readonly reachable: Reachable;
	/** Ends all connections and goes on in this mode. Returns how many requests the mode before has answered. */
	become(mode: ModeName | 'good'): Promise<number>;
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
		become: async (mode) => (await order({ mode })).answered ?? 0,
		async [Symbol.asyncDispose]() {
			const ended = once(child, 'exit');
			child.disconnect();
			await ended;
		},
	};
}
