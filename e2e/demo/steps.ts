/** What every demo does: announces each step, installs and starts operators, ends them, waits for Ctrl-C. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { type ManifestOptions, manifests, meshNamespaces } from '../../operator/cli/manifests.ts';
import type { Paint } from '../../operator/cli/terminal.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { freePort } from '../control-plane/ports.ts';
import { type Running, startProgram, waitFor } from '../control-plane/program.ts';
import { setting } from '../control-plane/source.ts';
import { bundleVariable } from '../support/bundle.ts';

export const root = path.resolve(import.meta.dirname, '../..');
/** What the demo runs: the sources as they are; in a run of all tests its bundle, which takes half the CPU time. */
export const program = setting(process.env, bundleVariable) ?? path.join(root, 'operator/cli/meshwright.ts');
/** Colours, where the demo runs in a terminal. */
export const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout });
/** Deadline for something to become ready. With nobody else on the machine a mesh takes three seconds. */
export const readyDeadlineMs = 180_000;
const account = { namespace: 'meshwright-system', name: 'meshwright' } as const;
const stopDeadlineMs = 20_000;

export function step(text: string): void {
	console.log(`\n${paint('bold', `▸ ${text}`)}`);
}

export function seconds(milliseconds: number): string {
	return `${(milliseconds / 1_000).toFixed(1)} s`;
}

/**
 * Applies CRD, namespaces, account and rights, as `meshwright install` does. The operator itself runs here and not in a pod,
 * because no node is real.
 */
export async function installOperator(api: ApiServer, options: ManifestOptions = {}): Promise<string> {
	const wanted = [...meshNamespaces(options), ...manifests(options)].filter(
		({ kind }) => !['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'].includes(kind),
	);
	for (const object of wanted) {
		await api.apply(object, { fieldManager: 'meshwright-install', fieldValidation: 'Strict' });
	}
	return wanted.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ');
}

/** Resolves when the operator is ready. */
export async function startOperator(cluster: Cluster, flags: readonly string[]): Promise<Running> {
	const health = `127.0.0.1:${await freePort()}`;
	const operator = await startProgram(
		path.dirname(process.execPath),
		path.basename(process.execPath),
		[
			program,
			'operator',
			`--kubeconfig=${await cluster.kubeconfigFor(account)}`,
			`--namespace=${account.namespace}`,
			'--metrics-address=0',
			`--health-address=${health}`,
			...flags,
		],
		path.join(cluster.directory, 'operator.log'),
	);
	await waitFor('the operator is ready', [operator], readyDeadlineMs, async () =>
		(await fetch(`http://${health}/readyz`)).ok ? true : undefined,
	);
	return operator;
}

export function describeOperator(operator: Running): string {
	return `process ${operator.pid}, as ServiceAccount ${account.namespace}/${account.name}, log ${operator.logFile}`;
}

/** Throws, with the operator's log, when the operator has ended by itself. */
export async function assertRuns(operator: Running): Promise<void> {
	if (operator.hasExited()) {
		throw new Error(`the operator ended; its log: ${await readFile(operator.logFile, 'utf8')}`);
	}
}

export async function endOperator(operator: Running | undefined): Promise<void> {
	if (operator === undefined || operator.hasExited()) {
		return;
	}
	operator.signal('SIGTERM');
	const enough = new AbortController();
	// Rejects when the operator was quicker, which is what we hope for.
	const deadline = sleep(stopDeadlineMs, undefined, { signal: enough.signal }).catch(() => undefined);
	await Promise.race([operator.exited, deadline]);
	enough.abort();
	await operator.end();
}

/** Waits for the signal, and keeps this process alive: what it started does not. */
export async function untilInterrupted(signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		await sleep(60_000, undefined, { signal }).catch(() => undefined); // The signal rejects it.
	}
}
