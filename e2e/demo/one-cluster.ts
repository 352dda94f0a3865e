/** A mesh in one cluster: first Pilot alone, then all of it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { defaultNamespace } from '../../api/v1/constants.ts';
import { addedComponents } from '../../operator/cli/install-parts.ts';
import type { ManifestOptions } from '../../operator/cli/manifests.ts';
import { changedConditions, isReady, viewOf } from '../../operator/cli/status-view.ts';
import { lines } from '../../operator/lines/index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { startCluster } from '../control-plane/cluster.ts';
import type { Running } from '../control-plane/program.ts';
import { playIstiods } from '../support/played-istiod.ts';
import type { Options } from './options.ts';
import {
	assertRuns,
	describeOperator,
	endOperator,
	installOperator,
	paint,
	readyDeadlineMs,
	startOperator,
	step,
	untilInterrupted,
} from './steps.ts';
import { lookAround, summary } from './summary.ts';

/** The namespaces of the meshes in these files. A file of the user's may need anything, so it gets all components. */
async function rightsOf(files: readonly string[]): Promise<ManifestOptions> {
	const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
	const all = texts.map((text) => parse(text) as KubeObject & { readonly spec?: { readonly namespace?: string } });
	const meshNamespaces = [...new Set(all.map(({ spec }) => spec?.namespace ?? defaultNamespace))];
	return { meshNamespaces, with: files.length > 1 ? ['istiod'] : addedComponents };
}

async function lineOf(api: ApiServer, name: string): Promise<'classic' | 'istiod'> {
	const { spec } = await api.get<KubeObject>({ ...kinds.MeshInstallation, name });
	const { version } = spec as { readonly version: string };
	return lines.releases.find((release) => release.version === version)?.line === 'classic' ? 'classic' : 'istiod';
}

/** Shows an installation and applies it. Returns its name. */
async function apply(api: ApiServer, file: string, version: string | undefined): Promise<string> {
	const written = await readFile(file, 'utf8');
	const text = version === undefined ? written : written.replace(/^( {2}version: ).*$/m, `$1${version}`);
	step(`Applying ${path.relative(process.cwd(), file)}`);
	console.log(text.replace(/^/gm, '  ').trimEnd());
	const installation = parse(text) as KubeObject;
	await api.apply(installation, { fieldManager: 'demo', fieldValidation: 'Strict' });
	console.log('');
	return installation.metadata.name;
}

/** Prints each condition when it changes. Resolves when the installation is ready; false at the deadline. */
export async function followUntilReady(
	api: ApiServer,
	name: string,
	operator: Running,
	signal: AbortSignal,
): Promise<boolean> {
	const started = performance.now();
	let before: KubeObject | undefined = await api.get({ ...kinds.MeshInstallation, name });
	while (performance.now() - started < readyDeadlineMs) {
		signal.throwIfAborted();
		await assertRuns(operator);
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

/** Resolves when the demo is over: whether the mesh became ready. */
export async function demoOfOneCluster(options: Options, signal: AbortSignal): Promise<boolean> {
	let operator: Running | undefined;

	step(
		`Starting Kubernetes on this machine: etcd, API server, controllers, scheduler and ${options.nodes} simulated nodes`,
	);
	await using cluster = await startCluster({ own: true, parts: 'all', nodes: options.nodes, name: 'meshwright-demo' });
	console.log(`  ${cluster.url}`);
	await using api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	// Pods are simulated: what istiod does beside its pods is played.
	await using _istiods = await playIstiods(api, cluster);
	try {
		signal.throwIfAborted();
		step('Installing the CustomResourceDefinition, and the operator with its own rights');
		console.log(`  ${await installOperator(api, await rightsOf(options.files))}`);
		step('Starting the operator');
		operator = await startOperator(cluster, ['--leader-elect']);
		console.log(`  ${describeOperator(operator)}`);
		signal.throwIfAborted();

		let name = '';
		let ready = true;
		for (const file of options.files) {
			name = await apply(api, file, options.version);
			const started = performance.now();
			ready = await followUntilReady(api, name, operator, signal);
			const seconds = (performance.now() - started) / 1000;
			step(ready ? `Ready after ${seconds.toFixed(1)} s` : `Not ready after ${seconds.toFixed(0)} s`);
			console.log(await summary(api, name));
			if (!ready) break;
		}
		if (!options.once) {
			step('Look around; the cluster stays until Ctrl-C');
			console.log(lookAround(cluster.adminKubeconfig(), name, await lineOf(api, name)));
			await untilInterrupted(signal);
		}
		return ready;
	} finally {
		step('Ending the operator and the cluster');
		await endOperator(operator);
	}
}
