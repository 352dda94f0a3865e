/**
 * `npm run demo`: one MeshInstallation becomes a running mesh, before your eyes. A Kubernetes control plane with simulated
 * nodes is started on this machine, the operator runs against it with its own rights, and an installation of Pilot alone
 * (`deploy/examples/minimal.yaml`) is applied, which then grows to a whole mesh (`deploy/examples/default.yaml`). The cluster
 * stays until Ctrl-C, and nothing stays after it.
 *
 *     npm run demo                  # look around until Ctrl-C
 *     npm run demo -- --once        # end at once; exit code 0 when the mesh became ready
 *     npm run demo -- -f mesh.yaml  # another installation
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { manifests } from '../../operator/cli/manifests.ts';
import { painter } from '../../operator/cli/output.ts';
import { changedConditions, isReady, viewOf } from '../../operator/cli/status-view.ts';
import { ApiServer } from '../../operator/runtime/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { freePort } from '../control-plane/ports.ts';
import { type Running, startProgram, waitFor } from '../control-plane/program.ts';
import { lookAround, summary } from './summary.ts';

const root = path.resolve(import.meta.dirname, '../..');
const account = { namespace: 'meshwright-system', name: 'meshwright' } as const;
const paint = painter(process.stdout);
/** How long the mesh may take to become ready, milliseconds. With nobody else on the machine it takes three seconds. */
const readyDeadlineMs = 180_000;
const stopDeadlineMs = 20_000;

interface Options {
	readonly once: boolean;
	/** Applied one after the other, each when the one before is ready. */
	readonly files: readonly string[];
	readonly nodes: number;
}

function readOptions(): Options {
	const { values } = parseArgs({
		options: {
			once: { type: 'boolean', default: false },
			filename: { type: 'string', short: 'f' },
			nodes: { type: 'string', default: '3' },
		},
	});
	const nodes = Number(values.nodes);
	if (!Number.isInteger(nodes) || nodes < 1 || nodes > 50) {
		throw new Error('--nodes must be a whole number from 1 to 50');
	}
	const examples = ['minimal', 'default'].map((name) => path.join(root, `deploy/examples/${name}.yaml`));
	const files = values.filename === undefined ? examples : [path.resolve(values.filename)];
	return { once: values.once, files, nodes };
}

function step(text: string): void {
	console.log(`\n${paint('bold', `▸ ${text}`)}`);
}

/** CRD, namespace, account and rights; the operator itself runs here and not in a pod, since no node is real. */
async function installOperator(api: ApiServer): Promise<void> {
	const wanted = manifests().filter(
		({ kind }) => !['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'].includes(kind),
	);
	for (const object of wanted) {
		await api.apply(object, { fieldManager: 'meshwright-install', fieldValidation: 'Strict' });
	}
	console.log(`  ${wanted.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ')}`);
}

async function startOperator(cluster: Cluster): Promise<Running> {
	const health = `127.0.0.1:${await freePort()}`;
	const operator = await startProgram(
		path.dirname(process.execPath),
		path.basename(process.execPath),
		[
			path.join(root, 'operator/cli/meshwright.ts'),
			'operator',
			`--kubeconfig=${await cluster.kubeconfigFor(account)}`,
			`--namespace=${account.namespace}`,
			'--leader-elect',
			'--metrics-address=0',
			`--health-address=${health}`,
		],
		path.join(cluster.directory, 'operator.log'),
	);
	await waitFor('the operator is ready', [operator], 60_000, async () =>
		(await fetch(`http://${health}/readyz`)).ok ? true : undefined,
	);
	console.log(
		`  process ${operator.pid}, as ServiceAccount ${account.namespace}/${account.name}, log ${operator.logFile}`,
	);
	return operator;
}

/** Shows an installation and applies it. Returns its name. */
async function apply(api: ApiServer, file: string): Promise<string> {
	const text = await readFile(file, 'utf8');
	step(`Applying ${path.relative(process.cwd(), file)}`);
	console.log(text.replace(/^/gm, '  ').trimEnd());
	const installation = parse(text) as KubeObject;
	await api.apply(installation, { fieldManager: 'demo', fieldValidation: 'Strict' });
	console.log('');
	return installation.metadata.name;
}

/** Prints each condition as it changes. Settled when the installation is ready; false at the deadline. */
async function followUntilReady(
	api: ApiServer,
	name: string,
	operator: Running,
	signal: AbortSignal,
): Promise<boolean> {
	const started = performance.now();
	let before: KubeObject | undefined = await api.get({ ...kinds.MeshInstallation, name });
	while (performance.now() - started < readyDeadlineMs) {
		signal.throwIfAborted();
		if (operator.hasExited()) {
			throw new Error(`the operator ended; its log: ${await readFile(operator.logFile, 'utf8')}`);
		}
		const now = await api.get({ ...kinds.MeshInstallation, name });
		const elapsed = `${((performance.now() - started) / 1000).toFixed(2)} s`.padStart(8);
		for (const line of changedConditions(before, now, paint)) {
			console.log(`  ${paint('dim', elapsed)} ${line}`);
		}
		if (isReady(viewOf(now))) {
			return true;
		}
		before = now;
		await sleep(50, undefined, { signal });
	}
	return false;
}

/** Also keeps this process alive: what it started does not. */
async function untilInterrupted(signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		await sleep(60_000, undefined, { signal }).catch(() => undefined); // Rejected by the signal.
	}
}

async function endOperator(operator: Running | undefined): Promise<void> {
	if (operator === undefined || operator.hasExited()) {
		return;
	}
	operator.signal('SIGTERM');
	const enough = new AbortController();
	// Rejected when the operator was quicker, which is what we hope for.
	const deadline = sleep(stopDeadlineMs, undefined, { signal: enough.signal }).catch(() => undefined);
	await Promise.race([operator.exited, deadline]);
	enough.abort();
	await operator.end();
}

async function demo(options: Options, signal: AbortSignal): Promise<boolean> {
	let operator: Running | undefined;

	step(
		`Starting Kubernetes on this machine: etcd, API server, controllers, scheduler and ${options.nodes} simulated nodes`,
	);
	await using cluster = await startCluster({ parts: 'all', nodes: options.nodes, name: 'meshwright-demo' });
	console.log(`  ${cluster.url}`);
	await using api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	try {
		signal.throwIfAborted();
		step('Installing the CustomResourceDefinition, and the operator with its own rights');
		await installOperator(api);
		step('Starting the operator');
		operator = await startOperator(cluster);
		signal.throwIfAborted();

		let name = '';
		let ready = true;
		for (const file of options.files) {
			name = await apply(api, file);
			const started = performance.now();
			ready = await followUntilReady(api, name, operator, signal);
			const seconds = (performance.now() - started) / 1000;
			step(ready ? `Ready after ${seconds.toFixed(1)} s` : `Not ready after ${seconds.toFixed(0)} s`);
			console.log(await summary(api, name));
			if (!ready) break;
		}
		if (!options.once) {
			step('Look around; the cluster stays until Ctrl-C');
			console.log(lookAround(cluster.adminKubeconfig(), name));
			await untilInterrupted(signal);
		}
		return ready;
	} finally {
		step('Ending the operator and the cluster');
		await endOperator(operator);
	}
}

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.on(name, () => {
		if (interrupt.signal.aborted) {
			process.exit(130); // Asked twice: the guards end what is left.
		}
		interrupt.abort();
	});
}
try {
	process.exitCode = (await demo(readOptions(), interrupt.signal)) ? 0 : 1;
} catch (error) {
	if (interrupt.signal.aborted) {
		process.exitCode = 130;
	} else {
		console.error(`\n${paint('red', 'The demo failed:')} ${error instanceof Error ? error.message : String(error)}`);
		process.exitCode = 1;
	}
}
