/** A replica of the operator: the bundle in a process of its own, which is killed at random and started again. */
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Guarded, startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { operatorBundle } from '../support/bundle.ts';
import { imageMalloc, nodeFlags } from '../support/image.ts';
import type { Journal } from './journal.ts';

export interface Memory {
	/** Age of the process. */
	readonly ageMs: number;
	/** Resident memory, megabytes. */
	readonly mb: number;
	/** What of it JavaScript's heap uses. Much of that may be garbage that is not collected yet. */
	readonly heapMB: number;
}

/** A replica that ended by itself is started again after this time, as the kubelet does, only that its pause grows. */
const restartMs = 1_000;
/** Its endpoints are asked this long. */
const askMs = 5_000;
/** The end of a log that is told. */
const toldLines = 15;

export class Replica implements AsyncDisposable {
	readonly name: string;
	readonly logFile: string;
	readonly #kubeconfig: string;
	readonly #journal: Journal;
	/** Says how a process ended that nobody had ended, unless it gave up its lease. */
	readonly #onEnded: (words: string) => void;
	#process: Guarded | undefined;
	#startedAt = 0;
	#healthPort = 0;
	#metricsPort = 0;
	#isWanted = true;
	#samples: Memory[] = [];

	constructor(name: string, folder: string, kubeconfig: string, journal: Journal, onEnded: (words: string) => void) {
		this.name = name;
		this.logFile = path.join(folder, `operator-${name}.log`);
		this.#kubeconfig = kubeconfig;
		this.#journal = journal;
		this.#onEnded = onEnded;
	}

	async start(): Promise<void> {
		if (!this.#isWanted || this.#process !== undefined) return;
		this.#healthPort = await freePort();
		this.#metricsPort = await freePort();
		const log = await open(this.logFile, 'a');
		const { size } = await log.stat();
		const flags = [
			...['--kubeconfig', this.#kubeconfig, '--namespace', 'meshwright-system', '--leader-elect'],
			...['--health-address', `127.0.0.1:${this.#healthPort}`, '--metrics-address', `127.0.0.1:${this.#metricsPort}`],
			'--allow-loopback-clusters',
		];
		try {
			const running = await startGuarded(
				process.execPath,
				[...nodeFlags, await operatorBundle(), 'operator', ...flags],
				{
					output: log.fd,
					env: { PATH: process.env.PATH, ...imageMalloc },
				},
			);
			this.#process = running;
			this.#startedAt = performance.now();
			this.#samples = [];
			void running.exited.then((code) => this.#ended(running, code, size));
		} finally {
			await log.close();
		}
	}

	/** SIGKILL: nothing of it ends in order. */
	async kill(): Promise<void> {
		const running = this.#process;
		this.#process = undefined;
		await running?.end();
	}

	/** Whether its start is over. */
	async isReady(): Promise<boolean> {
		return (await this.#ask(this.#healthPort, '/readyz')) !== undefined;
	}

	/** Measures the memory of the process that runs now. */
	async measure(): Promise<void> {
		const measured = this.#process;
		if (measured === undefined) return;
		const ageMs = performance.now() - this.#startedAt;
		const text = await this.#ask(this.#metricsPort, '/metrics');
		const [mb, heapMB] = ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes'].map(
			(name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text ?? '')?.[1]) / 1e6,
		);
		// It may not listen yet, or have ended a moment ago: the next one is measured.
		if (mb !== undefined && heapMB !== undefined && mb > 0 && measured === this.#process) {
			this.#samples.push({ ageMs, mb, heapMB });
		}
	}

	/** The answer of an endpoint. Undefined when it is none, or not a good one. */
	async #ask(port: number, path: string): Promise<string | undefined> {
		if (this.#process === undefined) return undefined;
		try {
			const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(askMs) });
			return answer.ok ? await answer.text() : undefined;
		} catch {
			return undefined;
		}
	}

	/** Of the process that runs now. */
	get memory(): readonly Memory[] {
		return this.#samples;
	}

	async log(): Promise<string> {
		return readFile(this.logFile, 'utf8').catch(() => '');
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#isWanted = false;
		await this.kill();
	}

	/** @param from where in the log its life began */
	async #ended(running: Guarded, code: number, from: number): Promise<void> {
		// It was killed on purpose.
		if (this.#process !== running) return;
		this.#process = undefined;
		const life = (await readFile(this.logFile)).subarray(from).toString();
		// That is what a leader has to do that could not renew its lease.
		const hasLostLease = code === 1 && /the lease \S+ is lost/.test(life);
		this.#journal.note(hasLostLease ? 'lease lost' : 'ended by itself', `${this.name}, exit code ${code}`);
		if (!hasLostLease) {
			const end = life.trimEnd().split('\n').slice(-toldLines).join('\n');
			this.#onEnded(`Operator ${this.name} ended by itself with exit code ${code}:\n${end}`);
		}
		await sleep(restartMs);
		await this.start();
	}
}
