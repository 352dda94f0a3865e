/**
 * The ground of the measurements: a cluster as in production (etcd waits for the disk), the operator's bundle, observers.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { anyNamespace } from '../../operator/cli/install-parts.ts';
import { manifests } from '../../operator/cli/manifests.ts';
import { MeshCaches } from '../../operator/mesh/caches.ts';
import { applySetId } from '../../operator/render/index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { operatorBundle } from '../support/bundle.ts';
import { imageMalloc, nodeFlags, rssMB } from '../support/image.ts';
import type { LoaderAnswer, LoaderJob, LoaderMessage } from './loader.ts';

export const operatorNamespace = 'meshwright-system';

/** Waits for a condition, looking every few milliseconds. At the deadline it rejects and says what it was waiting for. */
export async function until(
	what: string,
	isDone: () => boolean | Promise<boolean>,
	deadlineMs = 60_000,
	everyMs = 5,
): Promise<void> {
	const end = performance.now() + deadlineMs;
	while (!(await isDone())) {
		if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
		await sleep(everyMs);
	}
}

/** A cluster with CRD, operator account and RBAC, but without the operator, and clients to observe it. */
export interface Stage extends AsyncDisposable {
	readonly cluster: Cluster;
	/** The user, who is an administrator. */
	readonly user: ApiServer;
	/** Sees every object of an installation at the moment when it is stored. */
	readonly seen: MeshCaches;
	/** What installs the operator, as it was applied. */
	readonly manifests: readonly KubeObject[];
}

export interface StageOptions {
	readonly auditLog?: boolean;
	/** Whether etcd waits for the disk. True by default, as in production. */
	readonly fsync?: boolean;
	/** `all`: with controllers, a scheduler and simulated nodes. The API server alone by default. */
	readonly parts?: 'api-server' | 'all';
	readonly nodes?: number;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
	const cluster = await startCluster({ parts: 'api-server', fsync: true, ...options });
	const user = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken }, { maxInFlight: 32 });
	// The operator runs as a process here, so its namespace has all it needs but the Deployment.
	const applied = manifests({ meshNamespaces: [anyNamespace], with: ['istiod'] }).filter(
		({ kind }) => kind !== 'Deployment',
	);
	for (const object of applied) {
		await user.apply(object, { fieldManager: 'bench', force: true });
	}
	// The API server serves a new kind only after a while, which must not be measured.
	const probe = installation('probe', '1.4.10');
	await until('MeshInstallations are served', () =>
		user.create(probe, { dryRun: true }).then(
			() => true,
			() => false,
		),
	);
	const seen = new MeshCaches(user, { onError: (error) => console.error(error) });
	seen.start();
	await seen.synced();
	return {
		cluster,
		user,
		seen,
		manifests: applied,
		async [Symbol.asyncDispose]() {
			seen.stop();
			await user.close();
			await cluster.stop();
		},
	};
}

/** A token of the operator's ServiceAccount. It has the operator's rights, and costs the same checks. */
export async function operatorToken({ user }: Stage): Promise<string> {
	const { body } = await user.request<{ status: { token: string } }>({
		method: 'POST',
		path: `/api/v1/namespaces/${operatorNamespace}/serviceaccounts/meshwright/token`,
		body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 86_400 } },
	});
	return body.status.token;
}

export function installation(name: string, version: string, spec: Readonly<Record<string, unknown>> = {}): KubeObject {
	const { apiVersion, kind } = kinds.MeshInstallation;
	return { apiVersion, kind, metadata: { name }, spec: { version, namespace: `${name}-system`, ...spec } };
}

/** Number of stored children of an installation, as the observer sees them. */
export function storedChildren(stage: Stage, name: string): number {
	return stage.seen.children.ofApplySet(applySetId(name)).length;
}

/** The operator's bundle in a process of its own, with the rights of its ServiceAccount and no others. */
export interface RunningOperator extends AsyncDisposable {
	/** Time from the start of the process to the first good answer of `/readyz`. */
	readonly readyMs: number;
	readonly pid: number;
	/** Port of `/healthz`, on 127.0.0.1. */
	readonly healthPort: number;
	readonly hasExited: () => boolean;
	/** What it has printed last. */
	readonly lastLines: readonly string[];
	/** Resident memory now, megabytes (10⁶ bytes). */
	rssMB(): number;
}

/** The operator may take this long to end in order. */
const stopDeadlineMs = 10_000;
/** So many lines that it prints are kept. */
const keptLines = 30;
export async function startOperator(
	stage: Stage,
	options: { readonly resyncMinutes?: number; readonly flags?: readonly string[] } = {},
): Promise<RunningOperator> {
	const kubeconfig = await stage.cluster.kubeconfigFor({ namespace: operatorNamespace, name: 'meshwright' });
	const program = await operatorBundle();
	const port = await freePort();
	const startedAt = performance.now();
	const lastLines: string[] = [];
	const running = await startGuarded(
		process.execPath,
		[
			...nodeFlags,
			program,
			'operator',
			...['--kubeconfig', kubeconfig, '--namespace', operatorNamespace],
			...['--health-address', `127.0.0.1:${port}`, '--metrics-address', '0', '--log-level', 'warn'],
			...(options.resyncMinutes === undefined ? [] : ['--resync-minutes', String(options.resyncMinutes)]),
			...(options.flags ?? []),
		],
		{
			output: (line) => {
				if (lastLines.push(line) > keptLines) lastLines.shift();
			},
			env: { PATH: process.env.PATH, ...imageMalloc },
		},
	);
	const { commandPid: pid } = running;
	if (pid === undefined) throw new Error('the operator did not start');
	await until(
		'the operator is ready',
		async () => {
			if (running.hasExited())
				throw new Error(`the operator ended with ${await running.exited}:\n${lastLines.join('\n')}`);
			return fetch(`http://127.0.0.1:${port}/readyz`).then(
				({ ok }) => ok,
				() => false,
			);
		},
		60_000,
		2,
	);
	const readyMs = performance.now() - startedAt;
	return {
		readyMs,
		pid,
		healthPort: port,
		hasExited: running.hasExited,
		lastLines,
		rssMB: () => rssMB(pid),
		async [Symbol.asyncDispose]() {
			running.signal('SIGTERM');
			const enough = new AbortController();
			// Rejects when the operator was quicker, as it should be.
			const deadline = sleep(stopDeadlineMs, undefined, { signal: enough.signal }).catch(() => undefined);
			await Promise.race([running.exited, deadline]);
			enough.abort();
			await running.end();
		},
	};
}

export function killAtExit(child: ChildProcess): void {
	const kill = (): void => void child.kill('SIGKILL');
	process.once('exit', kill);
	child.once('exit', () => process.off('exit', kill));
}

export async function endChild(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, 'exit');
	child.kill('SIGTERM');
	const timer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
	await ended;
	clearTimeout(timer);
}

/** The loader, in a process of its own. */
export interface Loader extends AsyncDisposable {
	run(job: LoaderJob): Promise<number>;
}

/** @param token of the user with whose rights the floor is measured */
export function startLoader({ cluster }: Stage, token: string): Loader {
	const child = fork(fileURLToPath(new URL('loader.ts', import.meta.url)), { detached: true });
	killAtExit(child);
	const send = (message: LoaderMessage) => child.send(message);
	send({ target: { url: cluster.url, ca: cluster.ca, token } });
	return {
		async run(job) {
			send({ job });
			const [answer] = (await once(child, 'message', { signal: AbortSignal.timeout(120_000) })) as [LoaderAnswer];
			if (answer.error !== undefined) throw new Error(answer.error);
			return answer.milliseconds;
		},
		async [Symbol.asyncDispose]() {
			await endChild(child);
		},
	};
}
