/**
 * Lists pods into the operator's index of proxies, and tells what that takes. `measure-pods.ts` forks it with --expose-gc:
 * in a process of its own nothing else comes and goes on the heap.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { ProxyIndex } from '../../operator/mesh/proxies/proxy-index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import type { PodServerAddress } from './pod-server.ts';

export interface IndexPodsJob {
	readonly server: PodServerAddress;
	readonly pods: number;
}

export interface IndexPodsAnswer {
	/** Bytes of heap that the index takes, after a collection of garbage. */
	readonly heapBytes: number;
	/** From the start of the index until it has all pods. */
	readonly listMs: number;
	/** The same pages, read one after the other and parsed, with nothing around it. */
	readonly floorMs: number;
	/** Most memory that was resident while it listed, beyond what was before, in bytes. */
	readonly peakBytes: number;
}

const mesh = { namespace: 'istio-system', version: '1.4.10', pilot: '1.4.10', images: [], isAlone: true };
const deadlineMs = 120_000;
/** So many pods are listed first, so that code is compiled and what is made once is there. */
const warmUp = 1_000;
/** Pods in a page of the floor: as many as the index asks for. */
const pageSize = 250;

async function listed({ url, ca }: PodServerAddress, pods: number): Promise<AsyncDisposable & { readonly ms: number }> {
	const api = new ApiServer({ url: `${url}/${pods}`, ca, token: 'x' }, { http2: 'watches' });
	const errors: unknown[] = [];
	const index = new ProxyIndex({ api, onChange: () => {}, onError: (error) => errors.push(error) });
	const startedAt = performance.now();
	await index.expect(deadlineMs, AbortSignal.timeout(deadlineMs));
	const ms = performance.now() - startedAt;
	index.of('mesh', mesh, true);
	const kept = [...index.proxies()].length;
	if (kept !== pods) throw new Error(`the index has ${kept} of ${pods} pods`, { cause: errors[0] });
	return {
		ms,
		async [Symbol.asyncDispose]() {
			index.stop();
			await api[Symbol.asyncDispose]();
		},
	};
}

/** Heap in use once everything that nobody holds is gone, in bytes. */
async function heapInUse(): Promise<number> {
	const { gc } = globalThis;
	if (gc === undefined) throw new Error('run with --expose-gc');
	for (let round = 0; round < 3; round++) {
		gc();
		await sleep(50);
	}
	return process.memoryUsage().heapUsed;
}

async function readPages({ url, ca }: PodServerAddress, pods: number): Promise<number> {
	const pool = new Pool(url, { connections: 1, allowH2: false, connect: { ca } });
	const startedAt = performance.now();
	let next: string | undefined = '0';
	while (next !== undefined) {
		const path = `/${pods}/api/v1/pods?limit=${pageSize}&continue=${next}`;
		const { body } = await pool.request({ method: 'GET', path });
		const page = JSON.parse(await body.text()) as { readonly metadata: { readonly continue?: string } };
		next = page.metadata.continue;
	}
	const ms = performance.now() - startedAt;
	await pool.close();
	return ms;
}

async function measure({ server, pods }: IndexPodsJob): Promise<IndexPodsAnswer> {
	await (await listed(server, warmUp))[Symbol.asyncDispose]();
	const heapBefore = await heapInUse();
	const residentBefore = process.memoryUsage().rss;
	await using index = await listed(server, pods);
	// Node tells it in KiB.
	const peakBytes = process.resourceUsage().maxRSS * 1_024 - residentBefore;
	const heapBytes = (await heapInUse()) - heapBefore;
	const floorMs = await readPages(server, pods);
	return { heapBytes, listMs: index.ms, floorMs, peakBytes };
}

process.on('disconnect', () => process.exit());
process.once('message', (job: IndexPodsJob) => {
	measure(job).then(
		(answer) => process.send?.(answer),
		(error: unknown) => {
			console.error(error);
			process.exit(1);
		},
	);
});
