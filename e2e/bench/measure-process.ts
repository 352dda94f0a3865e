/**
 * Measures what the operator needs of a machine: time to be ready, resident memory, memory per object, time of a rendering.
 */

import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { renderInstallation } from './measure-apply.ts';
import { installation, openStage, startOperator, storedChildren, until } from './stage.ts';
import { describeSeries, median } from './statistics.ts';

export interface ProcessFigures {
	readonly rss_mb: number;
	readonly ready_s: number;
	readonly notes: readonly string[];
}

/** Measures the bundle on plain Node, with one installation that it made itself. */
export async function measureProcess(runs: number): Promise<ProcessFigures> {
	await using stage = await openStage();
	const memory: number[] = [];
	const ready: number[] = [];
	for (let run = 0; run < runs; run++) {
		await using operator = await startOperator(stage);
		ready.push(operator.readyMs / 1_000);
		const name = `process-${run}`;
		await stage.user.create(installation(name, '1.4.10'), { fieldManager: 'user' });
		await until('the installation is stored', () => storedChildren(stage, name) === 8);
		await sleep(2_000);
		memory.push(operator.rssMB());
	}
	return {
		rss_mb: median(memory),
		ready_s: median(ready),
		notes: [`resident memory: ${describeSeries(memory)} MB; process start to ready: ${describeSeries(ready, 2)} s`],
	};
}

/** The KiB of heap that a watched child takes, measured with 20,000 in a process that can collect its garbage on demand. */
export async function measureChild(): Promise<{ readonly child_kib: number; readonly notes: readonly string[] }> {
	const { stdout } = await promisify(execFile)(
		process.execPath,
		['--expose-gc', fileURLToPath(new URL('child-memory.ts', import.meta.url))],
		{ timeout: 120_000 },
	);
	const kib = Number(stdout);
	return { child_kib: kib, notes: [`heap per watched child: ${kib.toFixed(2)} KiB, of 20,000 with all kinds mixed`] };
}

/** Milliseconds from a MeshInstallation to all of its rendered objects, when the code is warm. */
export function measureRender(runs: number): { readonly render_ms: number; readonly notes: readonly string[] } {
	const series: number[] = [];
	for (let run = 0; run < runs * 40; run++) {
		const object = installation(`render-${run}`, '1.4.10');
		const startedAt = performance.now();
		renderInstallation(object);
		series.push(performance.now() - startedAt);
	}
	const warm = series.slice(series.length / 2);
	return {
		render_ms: median(warm),
		notes: [`parse, resolve and render of one mesh, CRDs included: ${describeSeries(warm, 2)} ms`],
	};
}
