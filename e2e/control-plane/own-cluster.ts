/** Starts the programs of a cluster, in order, and ends them. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { requestToken, writeKubeconfig } from './accounts.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import { readAuditLog } from './audit.ts';
import type { Cluster, ClusterOptions } from './cluster-types.ts';
import * as components from './components.ts';
import { removeWhenOrphaned } from './guard.ts';
import { freePort, rangesOf } from './ports.ts';
import { ProgramExitError, type Running, startProgram, waitFor } from './program.ts';
import { stagesText } from './stages.ts';

/** Several seconds of work for two cores, where other test files start their clusters in the same moment. */
const readyDeadlineMs = 150_000;
/** A graceful end of kube-apiserver waits for running requests, a minute at most. */
const termDeadlineMs = 70_000;
const bindAttempts = 5;
const rebindAttempts = 25;

let started = 0;

const nodeList = z.object({
	items: z.array(
		z.object({
			spec: z.object({ podCIDR: z.string().optional(), taints: z.array(z.unknown()).optional() }),
			status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }),
		}),
	),
});

/** What a cluster consists of while it runs. Parts are added as they start, so that whatever has started can be ended. */
class OwnCluster {
	readonly name: string;
	readonly programs: string;
	readonly directory: string;
	readonly files: components.Layout;
	readonly tokens = components.newTokens();
	readonly #running = new Map<string, Running>();
	readonly #removed: () => void;
	#stopped: Promise<void> | undefined;
	#client: ApiClient | undefined;
	#ca = '';

	constructor(name: string, programs: string, directory: string, removed: () => void) {
		this.name = name;
		this.programs = programs;
		this.directory = directory;
		this.files = components.layout(directory);
		this.#removed = removed;
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
		await Promise.all([
			writeFile(this.files.tokens, components.tokenFileText(this.tokens), secret),
			writeFile(this.files.publicKey, publicKey),
			writeFile(this.files.privateKey, privateKey, secret),
			mkdir(this.files.certificates),
			...(auditLog ? [writeFile(this.files.auditPolicy, components.auditPolicyText())] : []),
		]);
	}

	async start(name: string, flags: readonly string[]): Promise<Running> {
		if (this.#stopped !== undefined) {
			throw new Error(`cluster ${this.name} is stopped`);
		}
		const program = await startProgram(this.programs, name, flags, this.files.log(name));
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
		// Its certificate is there before it listens.
		this.#ca = await waitFor('the certificate of kube-apiserver', watched, readyDeadlineMs, async () => {
			const text = await readFile(this.files.certificate, 'utf8');
			return text.endsWith('-----END CERTIFICATE-----\n') ? text : undefined;
		});
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
async function startServers(
	own: OwnCluster,
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
async function startApiServerAgain(own: OwnCluster, settings: components.Settings): Promise<void> {
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

async function startControllers(
	own: OwnCluster,
	url: string,
	settings: components.Settings,
	nodes: number,
): Promise<void> {
	const cluster = { name: own.name, url, ca: own.ca };
	for (const user of ['controllers', 'scheduler', 'nodes'] as const) {
		await writeKubeconfig(own.files.kubeconfig(user), cluster, user, own.tokens[user]);
	}
	await writeFile(own.files.stages, stagesText());
	await Promise.all([
		own.start('kube-controller-manager', components.controllerManagerFlags(own.files, settings)),
		own.start('kube-scheduler', components.schedulerFlags(own.files)),
		own.start('kwok', components.kwokFlags(own.files)),
		...Array.from({ length: nodes }, (_, index) =>
			own.client.request({
				method: 'POST',
				path: '/api/v1/nodes',
				body: components.simulatedNode(`${own.name}-node-${index + 1}`),
			}),
		),
	]);
	const watched = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'].map((name) =>
		own.running(name),
	);
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

/** Starts a cluster from a directory of programs. See `startCluster`, which chooses the directory. */
export async function startOwnCluster(
	programs: string,
	options: ClusterOptions,
	pickPort: () => Promise<number> = freePort,
): Promise<Cluster> {
	const { name = 'meshwright', parts = 'api-server', auditLog = false, fsync = false, nodes = 1 } = options;
	const ranges = rangesOf(started++);
	const { serviceCIDR = ranges.serviceCIDR, podCIDR = ranges.podCIDR } = options;
	const directory = await mkdtemp(path.join(tmpdir(), `meshwright-${name}-`));
	const own = new OwnCluster(name, programs, directory, await removeWhenOrphaned(directory));
	const flags = options.apiServerFlags ?? [];
	try {
		await own.writeFiles(auditLog);
		const unbound = { parts, fsync, auditLog, serviceCIDR, podCIDR, apiServerFlags: flags };
		const settings = { ...unbound, port: await startServers(own, unbound, pickPort) };
		const url = `https://127.0.0.1:${settings.port}`;
		const { ca } = own;
		await writeKubeconfig(own.files.kubeconfig('admin'), { name, url, ca }, 'admin', own.tokens.admin);
		if (parts === 'all') {
			await startControllers(own, url, settings, nodes);
		}
		const stop = () => own.stop();
		const stopApiServer = (signal: 'KILL' | 'TERM' = 'KILL') => own.stopApiServer(signal);
		const startApiServer = () => startApiServerAgain(own, settings);
		return {
			name,
			url,
			ca,
			adminToken: own.tokens.admin,
			directory,
			serviceCIDR,
			podCIDR: parts === 'all' ? podCIDR : undefined,
			adminKubeconfig: () => own.files.kubeconfig('admin'),
			kubeconfigFor: async (account) => {
				const token = await requestToken(own.client, account);
				const file = own.files.kubeconfig(`${account.namespace}.${account.name}`);
				return writeKubeconfig(file, { name, url, ca }, account.name, token);
			},
			request: (what) => own.client.request(what),
			stopApiServer,
			startApiServer,
			restartApiServer: async () => {
				await stopApiServer();
				await startApiServer();
			},
			pauseApiServer: () => own.running('kube-apiserver').signal('SIGSTOP'),
			resumeApiServer: () => own.running('kube-apiserver').signal('SIGCONT'),
			auditEvents: async () => {
				if (!auditLog) {
					throw new Error(`cluster ${name} keeps no audit log: start it with auditLog: true`);
				}
				return readAuditLog(own.files.auditLog, own.client);
			},
			stop,
			[Symbol.asyncDispose]: stop,
		};
	} catch (error) {
		await own.stop();
		throw error;
	}
}
