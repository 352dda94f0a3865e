/** Loopback ports and address ranges for clusters that run side by side. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ephemeral range of Linux (32768) and macOS (49152), so that no outgoing connection takes a port while its server restarts. */
const firstPort = 20_000;
const lastPort = 30_000;

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once('error', () => resolve(false));
		server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
	});
}

/** A port of 127.0.0.1 that nobody listens on at this moment. Whoever takes it must still expect to be second. */
export async function freePort(): Promise<number> {
	for (let attempt = 0; attempt < 200; attempt++) {
		const port = randomInt(firstPort, lastPort);
		if (await isFree(port)) {
			return port;
		}
	}
	throw new Error(`no free port between ${firstPort} and ${lastPort} on 127.0.0.1`);
}

export interface Ranges {
	readonly serviceCIDR: string;
	readonly podCIDR: string;
}

/** How many clusters of one process have ranges that overlap with none of the others'. */
export const disjointClusters = 64;

/** Address ranges of the n-th cluster of a process: Services in 10.64–10.127, Pods in 10.128–10.191, a /16 each. */
export function rangesOf(index: number): Ranges {
	const slot = index % disjointClusters;
	return { serviceCIDR: `10.${64 + slot}.0.0/16`, podCIDR: `10.${128 + slot}.0.0/16` };
}
