/** The programs of one cluster: started in order, and ended. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { writeKubeconfig } from './accounts.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import * as components from './components.ts';
import { removeWhenOrphaned } from './guard.ts';
import { egressText } from './network.ts';
import type { Ranges } from './ports.ts';
import { ProgramExitError, type Running, startProgram, waitFor } from './program.ts';
import { servingCertificate } from './serving-certificate.ts';
import { stagesText } from './stages.ts';

/** Several seconds of work for two cores, where other test files start their clusters in the same moment. */
const readyDeadlineMs = 150_000;
/** A graceful end of kube-apiserver waits for running requests, a minute at most. */
const termDeadlineMs = 70_000;
const bindAttempts = 5;
const rebindAttempts = 25;

const nodeList = z.object({
	items: z.array(
		z.object({
			spec: z.object({ podCIDR: z.string().optional(), taints: z.array(z.unknown()).optional() }),
			status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }),
		}),
	),
});

/** Programs that work through the API server, of which a cluster with `parts: 'all'` has one each. */
const controllers = ['kube-controller-manager', 'kube-scheduler', 'kwok'] as const;

/** What a cluster consists of while it runs. Parts are added as they start, so that whatever has started can be ended. */
export class ClusterPrograms {
	readonly name: string;
	readonly programs: string;
	readonly directory: string;
	readonly files: components.Layout;
	readonly tokens = components.newTokens();
	readonly #env: NodeJS.ProcessEnv;
	readonly #running = new Map<string, Running>();
	readonly #removed: () => void;
	#stopped: Promise<void> | undefined;
	#client: ApiClient | undefined;
	#ca = '';

	private constructor(name: string, programs: string, directory: string, env: NodeJS.ProcessEnv, removed: () => void) {
		this.name = name;
		this.programs = programs;
		this.directory = directory;
		this.#env = env;
		this.files = components.layout(directory);
		this.#removed = removed;
	}

	/**
	 * @param programs directory of the programs
	 * @param env variables of the programs, added to those of this process
	 */
	static async create(name: string, programs: string, env: NodeJS.ProcessEnv = {}): Promise<ClusterPrograms> {
		const directory = await mkdtemp(path.join(tmpdir(), `meshwright-${name}-`));
		return new ClusterPrograms(name, programs, directory, env, await removeWhenOrphaned(directory));
	}

	get ca(): string {
		return this.#ca;
	}

	get client(): ApiClient {
		if (this.#client === undefined) {
			throw new Error(`the API server of cluster ${this.name} has not been started`);
		}
		return this.#client;
	}

	async writeFiles(auditLog: boolean): Promise<void> {
		const { publicKey, privateKey } = components.signingKeys();
		const secret = { mode: 0o600 };
		const { certificate, key } = await servingCertificate();
		this.#ca = certificate;
		await mkdir(this.files.certificates);
		await Promise.all([
			writeFile(this.files.certificate, certificate),
			writeFile(this.files.certificateKey, key, secret),
			writeFile(this.files.tokens, components.tokenFileText(this.tokens), secret),
			writeFile(this.files.egress, egressText(this.files.egressSocket)),
			writeFile(this.files.publicKey, publicKey),
			writeFile(this.files.privateKey, privateKey, secret),
			...(auditLog ? [writeFile(this.files.auditPolicy, components.auditPolicyText())] : []),
		]);
	}

	async start(name: string, flags: readonly string[]): Promise<Running> {
		if (this.#stopped !== undefined) {
			throw new Error(`cluster ${this.name} is stopped`);
		}
		const program = await startProgram(this.programs, name, flags, this.files.log(name), this.#env);
		this.#running.set(name, program);
		if (this.#stopped !== undefined) {
			// Stopped while this one was on its way, so that the stop has not seen it.
			await program.end();
			throw new Error(`cluster ${this.name} was stopped while ${name} started`);
		}
		return program;
	}

	running(name: string): Running {
		const program = this.#running.get(name);
		if (program === undefined || program.hasExited()) {
			throw new Error(`${name} of cluster ${this.name} does not run`);
		}
		return program;
	}

	/** Starts kube-apiserver on a port and waits until it is ready. */
	async startApiServer(settings: components.Settings): Promise<void> {
		if (this.#running.get('kube-apiserver')?.hasExited() === false) {
			throw new Error(`the API server of cluster ${this.name} runs already`);
		}
		const flags = components.apiServerFlags(this.files, settings);
		const program = await this.start('kube-apiserver', flags);
		const watched = [program, this.running('etcd')];
		await this.#client?.close();
		const credentials = { url: `https://127.0.0.1:${settings.port}`, ca: this.#ca, token: this.tokens.admin };
		const client = apiClient(credentials);
		this.#client = client;
		await waitFor('kube-apiserver getting ready', watched, readyDeadlineMs, () =>
			client.request({ path: '/readyz', timeoutMs: 5_000 }),
		);
	}

	async stopApiServer(signal: 'KILL' | 'TERM'): Promise<void> {
		const program = this.running('kube-apiserver');
		if (signal === 'TERM') {
			program.signal('SIGTERM');
			const late = Promise.withResolvers<void>();
			const timer = setTimeout(late.resolve, termDeadlineMs);
			await Promise.race([program.exited, late.promise]);
			clearTimeout(timer);
		}
		await program.end();
	}

	/** Ends what `startControllers` started. */
	async endControllers(): Promise<void> {
		await Promise.all(controllers.map((name) => this.#running.get(name)?.end()));
	}

	/** Freezes the API server and its store, which take no processor time until `resumeServers`. */
	pauseServers(): void {
		for (const name of ['kube-apiserver', 'etcd']) this.#running.get(name)?.signal('SIGSTOP');
	}

	resumeServers(): void {
		for (const name of ['etcd', 'kube-apiserver']) this.#running.get(name)?.signal('SIGCONT');
	}

	async stop(): Promise<void> {
		this.#stopped ??= (async () => {
			await this.#client?.close();
			await Promise.all([...this.#running.values()].map((program) => program.end()));
			await rm(this.directory, { recursive: true, force: true });
			this.#removed();
		})();
		return this.#stopped;
	}
}

/** Starts etcd and kube-apiserver; on another port when somebody was quicker to take the first. Returns the port. */
export async function startServers(
	own: ClusterPrograms,
	settings: Omit<components.Settings, 'port'>,
	pickPort: () => Promise<number>,
): Promise<number> {
	await own.start('etcd', components.etcdFlags(own.files, settings));
	for (let attempt = 1; ; attempt++) {
		const port = await pickPort();
		try {
			await own.startApiServer({ ...settings, port });
			return port;
		} catch (error) {
			if (!isPortTaken(error) || attempt === bindAttempts) {
				throw error;
			}
		}
	}
}

function isPortTaken(error: unknown): boolean {
	return error instanceof ProgramExitError && error.log.includes('address already in use');
}

/** On the port that it had: the system may take a moment to free it after the last one was killed. */
export async function startApiServerAgain(own: ClusterPrograms, settings: components.Settings): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		try {
			await own.startApiServer(settings);
			return;
		} catch (error) {
			if (!isPortTaken(error) || attempt === rebindAttempts) {
				throw error;
			}
			await sleep(200);
		}
	}
}

export interface ControllerOptions extends Ranges {
	/** Part of the nodes' names. */
	readonly name: string;
	readonly url: string;
	/** How many simulated nodes there are. */
	readonly nodes: number;
}

/** Starts what works through the API server; settled when the nodes are ready. */
export async function startControllers(
	own: ClusterPrograms,
	{ name, url, nodes, ...ranges }: ControllerOptions,
): Promise<void> {
	const cluster = { name, url, ca: own.ca };
	for (const user of ['controllers', 'scheduler', 'nodes'] as const) {
		await writeKubeconfig(own.files.kubeconfig(user), cluster, user, own.tokens[user]);
	}
	await writeFile(own.files.stages, stagesText());
	await Promise.all([
		own.start('kube-controller-manager', components.controllerManagerFlags(own.files, ranges)),
		own.start('kube-scheduler', components.schedulerFlags(own.files)),
		own.start('kwok', components.kwokFlags(own.files)),
		...Array.from({ length: nodes }, (_, index) =>
			own.client.request({
				method: 'POST',
				path: '/api/v1/nodes',
				body: components.simulatedNode(`${name}-node-${index + 1}`),
			}),
		),
	]);
	const watched = ['kube-apiserver', ...controllers].map((program) => own.running(program));
	await waitFor('the nodes getting ready', watched, readyDeadlineMs, async () => {
		const { items } = nodeList.parse(await own.client.request({ path: '/api/v1/nodes?resourceVersion=0' }));
		const ready = items.filter(
			({ spec, status }) =>
				spec.podCIDR !== undefined &&
				(spec.taints ?? []).length === 0 &&
				status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
		);
		return ready.length >= nodes ? true : undefined;
	});
	await waitFor('the ServiceAccount of namespace default', watched, readyDeadlineMs, () =>
		own.client.request({ path: '/api/v1/namespaces/default/serviceaccounts/default' }),
	);
}
