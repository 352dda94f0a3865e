/** Measures the index of proxies with very many pods: the memory that it takes, and how long its first list takes. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { IndexPodsAnswer, IndexPodsJob } from './index-pods.ts';
import type { PodServerAddress } from './pod-server.ts';
import { endChild, killAtExit } from './stage.ts';
import { describeSeries, median } from './statistics.ts';

export interface PodFigures {
	readonly 'pods.fifty_thousand.mb': number;
	readonly 'pods.fifty_thousand.list_s': number;
	readonly notes: readonly string[];
}

const pods = 50_000;
/** With them Node runs in the image (`deploy/Dockerfile`). */
const imageSettings = ['--max-semi-space-size=2'];
const deadlineMs = 180_000;
const bytesPerMB = 1_000_000;

export async function measurePods(runs: number): Promise<PodFigures> {
	const child = start('pod-server.ts');
	try {
		const server = await told<PodServerAddress>(child);
		const answers: IndexPodsAnswer[] = [];
		for (let run = 0; run < runs; run++) answers.push(await indexed({ server, pods }));
		const memory = answers.map(({ heapBytes }) => heapBytes / bytesPerMB);
		const lists = answers.map(({ listMs }) => listMs / 1_000);
		const floors = answers.map(({ floorMs }) => floorMs / 1_000);
		const peaks = answers.map(({ peakBytes }) => peakBytes / bytesPerMB);
		return {
			'pods.fifty_thousand.mb': median(memory),
			'pods.fifty_thousand.list_s': median(lists),
			notes: [
				`heap of the index with ${pods} proxies: ${describeSeries(memory)} MB; most resident while it lists: ${describeSeries(peaks)} MB more than before`,
				`first list: ${describeSeries(lists, 2)} s; the same pages read and parsed by the barest client: ${describeSeries(floors, 2)} s`,
			],
		};
	} finally {
		await endChild(child);
	}
}

async function indexed(job: IndexPodsJob): Promise<IndexPodsAnswer> {
	const child = start('index-pods.ts', ['--expose-gc', ...imageSettings]);
	try {
		child.send(job);
		return await told<IndexPodsAnswer>(child);
	} finally {
		await endChild(child);
	}
}

function start(file: string, execArgv: readonly string[] = []): ChildProcess {
	const child = fork(fileURLToPath(new URL(file, import.meta.url)), { detached: true, execArgv: [...execArgv] });
	killAtExit(child);
	return child;
}

/** The first message of a process. Throws when it ends without one. */
async function told<T>(child: ChildProcess): Promise<T> {
	const settled = new AbortController();
	const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(deadlineMs)]);
	try {
		const exited = once(child, 'exit', { signal }).then(([code]) => {
			throw new Error(`${child.spawnargs.at(-1)} ended with ${code}`);
		});
		const [message] = (await Promise.race([once(child, 'message', { signal }), exited])) as [T];
		return message;
	} finally {
		settled.abort();
	}
}
