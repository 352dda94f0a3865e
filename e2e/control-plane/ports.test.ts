import { createServer } from 'node:net';
import test from 'ava';
import { disjointClusters, freePort, rangesOf } from './ports.ts';

test('the ranges of clusters in one process do not overlap', (t) => {
	const ranges = Array.from({ length: disjointClusters }, (_, index) => rangesOf(index)).flatMap(
		({ serviceCIDR, podCIDR }) => [serviceCIDR, podCIDR],
	);
	t.is(new Set(ranges).size, 2 * disjointClusters);
	t.true(ranges.every((range) => /^10\.\d+\.0\.0\/16$/.test(range)));
});

test('a free port can be listened on, unless somebody was faster', async (t) => {
	const listen = async () => {
		const port = await freePort();
		const server = createServer();
		const isListening = await new Promise<boolean>((resolve) => {
			server.once('error', () => resolve(false));
			server.listen(port, '127.0.0.1', () => resolve(true));
		});
		server.close();
		return isListening;
	};
	// Other tests start servers at the same time.
	const attempts = [await listen(), await listen(), await listen(), await listen(), await listen()];
	t.true(attempts.filter(Boolean).length >= 3);
});
