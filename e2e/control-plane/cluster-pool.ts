/**
 * API servers that outlive the test file that uses them. Each is lent to one file at a time, so nobody meets the operator,
 * the CRDs or the audit log of another, and is reset when it comes back (`store-reset.ts`). Controllers, scheduler
 * and nodes are started for each loan that asks for them and end with it: they keep too much in mind to be handed on, and
 * start in half a second.
 *
 * What this saves was measured: etcd and kube-apiserver take 2.5 CPU seconds to start, a reset takes 0.2. Servers that nobody
 * uses take 1 CPU second a minute: those that are not lent are frozen.
 */
import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ClusterPlace } from './cluster-access.ts';
import { ClusterPrograms, startControllers, startServers } from './cluster-programs.ts';
import { type Etcd, etcdAt } from './etcd.ts';
import { freePort, rangesOf } from './ports.ts';
import { readState, resetTo, type StoreState } from './store-reset.ts';

export interface LoanOptions {
	readonly name: string;
	readonly parts: 'api-server' | 'all';
	readonly nodes: number;
}

export interface Loan {
	readonly place: ClusterPlace;
	readonly auditLog: {
		readonly file: string;
		/** Bytes that are of earlier loans. */
		readonly from: number;
	};
	/** May be called again. Never rejects. */
	readonly giveBack: () => Promise<void>;
}

interface Member {
	readonly programs: ClusterPrograms;
	readonly etcd: Etcd;
	readonly url: string;
	readonly serviceCIDR: string;
	readonly podCIDR: string;
	readonly state: StoreState;
}

/** Ranges of addresses from here down: those that a test file starts for itself begin with the first. */
const lastRanges = 40;

export class ClusterPool {
	readonly #programs: string;
	readonly #env: NodeJS.ProcessEnv;
	readonly #say: (line: string) => void;
	readonly #idle: Member[] = [];
	/** Who waits for a cluster that is being reset: undefined where that failed. */
	readonly #waiting: ((member: Member | undefined) => void)[] = [];
	readonly #all = new Set<ClusterPrograms>();
	#resetting = 0;
	#started = 0;
	#loans = 0;
	#isStopped = false;

	/**
	 * @param programs directory of the programs
	 * @param env variables of the servers, added to those of this process
	 */
	constructor(programs: string, say: (line: string) => void, env: NodeJS.ProcessEnv = {}) {
		this.#programs = programs;
		this.#say = say;
		this.#env = env;
	}

	/** How many clusters were started, and how many loans they served. */
	get figures(): { readonly clusters: number; readonly loans: number } {
		return { clusters: this.#started, loans: this.#loans };
	}

	async lend({ name, parts, nodes }: LoanOptions): Promise<Loan> {
		const member = await this.#take();
		const { programs, url, serviceCIDR, podCIDR } = member;
		const directory = path.join(programs.directory, `loan-${++this.#loans}`);
		let given: Promise<void> | undefined;
		const giveBack = () => {
			given ??= this.#takeBack(member, directory);
			return given;
		};
		try {
			await mkdir(directory);
			const from = await stat(programs.files.auditLog).then(
				({ size }) => size,
				() => 0,
			);
			if (parts === 'all') await startControllers(programs, { name, url, nodes, serviceCIDR, podCIDR });
			const place = {
				name,
				url,
				ca: programs.ca,
				adminToken: programs.tokens.admin,
				directory,
				serviceCIDR,
				podCIDR: parts === 'all' ? podCIDR : undefined,
				egressSocket: programs.files.egressSocket,
			};
			return { place, auditLog: { file: programs.files.auditLog, from }, giveBack };
		} catch (error) {
			await giveBack();
			throw error;
		}
	}

	/** Ends all of them, lent ones too. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		await Promise.all([...this.#all].map((programs) => programs.stop()));
	}

	async #take(): Promise<Member> {
		const idle = this.#idle.pop();
		if (idle !== undefined) {
			idle.programs.resumeServers();
			return idle;
		}
		// One that is being reset is there sooner than a new one.
		while (this.#resetting > this.#waiting.length) {
			const member = await new Promise<Member | undefined>((resolve) => this.#waiting.push(resolve));
			if (member !== undefined) return member;
		}
		return this.#start();
	}

	async #start(): Promise<Member> {
		const { serviceCIDR, podCIDR } = rangesOf(lastRanges - (this.#started++ % lastRanges));
		const programs = await ClusterPrograms.create('lent', this.#programs, this.#env);
		this.#all.add(programs);
		try {
			await programs.writeFiles(true);
			const settings = { fsync: false, auditLog: true, serviceCIDR, podCIDR, apiServerFlags: [] };
			const port = await startServers(programs, settings, freePort);
			const etcd = etcdAt(programs.files.etcdSocket);
			const state = await readState(etcd, programs.client);
			return { programs, etcd, url: `https://127.0.0.1:${port}`, serviceCIDR, podCIDR, state };
		} catch (error) {
			await this.#discard(programs);
			throw error;
		}
	}

	async #takeBack(member: Member, directory: string): Promise<void> {
		if (this.#isStopped) return;
		this.#resetting++;
		let reset: Member | undefined;
		try {
			await member.programs.endControllers();
			await resetTo(member.state, member.etcd, member.programs.client);
			await rm(directory, { recursive: true, force: true });
			reset = member;
		} catch (error) {
			if (!this.#isStopped) this.#say(`a cluster is not lent again: ${error instanceof Error ? error.message : error}`);
			await member.etcd.close().catch(() => undefined);
			await this.#discard(member.programs);
		} finally {
			this.#resetting--;
		}
		const next = this.#waiting.shift();
		if (next !== undefined) next(reset);
		else if (reset !== undefined && !this.#isStopped) {
			reset.programs.pauseServers();
			this.#idle.push(reset);
		}
	}

	async #discard(programs: ClusterPrograms): Promise<void> {
		this.#all.delete(programs);
		await programs.stop().catch((error: unknown) => this.#say(`a cluster does not end: ${error}`));
	}
}
