/**
 * A change of version, in stages: the mirror that the mesh pulls from has no image of the new version, so the first stage
 * with pods is held, and the pods of the version before serve on. The mirror is replaced, and the upgrade goes on by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isReady, viewOf } from '../../operator/cli/status-view.ts';
import { changeLines, type Progress, progressOf } from '../../operator/cli/upgrade/progress.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { isRecord, recordsIn } from '../../operator/runtime/object-shape.ts';
import { startCluster } from '../control-plane/cluster.ts';
import type { Running } from '../control-plane/program.ts';
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
import { lookAround } from './summary.ts';

const name = 'default';
const namespace = 'istio-system';
const [before, after] = ['1.3.8', '1.4.10'];
/** Has images up to 1.3 alone; simulated nodes know it. */
const oldMirror = 'old-mirror.invalid/istio';

/** Then what is waited for is said again. */
const longestSilenceMs = 15_000;

function mesh(version: string, registry: string): KubeObject {
	const { apiVersion, kind } = kinds.MeshInstallation;
	const spec = {
		version,
		images: { registry },
		pilot: { replicas: 2 },
		gateways: { ingress: { enabled: true, replicas: 2 } },
		// As short as it may be, since somebody is looking.
		upgrade: { progressDeadline: '1m' },
	};
	return { apiVersion, kind, metadata: { name }, spec };
}

async function apply(api: ApiServer, installation: KubeObject): Promise<void> {
	await api.apply(installation, { fieldManager: 'demo', force: true, fieldValidation: 'Strict' });
}

interface Stage {
	readonly api: ApiServer;
	readonly operator: Running;
	readonly signal: AbortSignal;
}

/** The pods of the mesh: how many of each image are ready, and how many are not. */
async function podLine(api: ApiServer): Promise<string> {
	const { items } = await api.list<KubeObject>(kinds.Pod, { namespace });
	const byImage = Map.groupBy(items, ({ spec }) => {
		const [container] = recordsIn(isRecord(spec) ? spec.containers : undefined);
		return String(container?.image).replace(/^.*\/(?=[^/]+$)/, '');
	});
	const isPodReady = ({ status }: KubeObject) =>
		recordsIn(isRecord(status) ? status.conditions : undefined).some(
			({ type, status: value }) => type === 'Ready' && value === 'True',
		);
	return [...byImage]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([image, pods]) => {
			const ready = pods.filter(isPodReady).length;
			const waiting = pods.length - ready;
			return `${image} ${'●'.repeat(ready)}${'○'.repeat(waiting)}`;
		})
		.join('   ');
}

/** Prints each change until the mesh is as wanted. Resolves with what was seen last. Throws at the deadline. */
async function follow(
	{ api, operator, signal }: Stage,
	version: string,
	isOver: (progress: Progress) => boolean,
): Promise<Progress> {
	const started = performance.now();
	let last: Progress | undefined;
	let pods = '';
	let printedAt = started;
	while (performance.now() - started < readyDeadlineMs) {
		signal.throwIfAborted();
		await assertRuns(operator);
		const view = viewOf(await api.get({ ...kinds.MeshInstallation, name }));
		const seen = progressOf(view, { version, generation: view.generation });
		const elapsed = paint('dim', `${((performance.now() - started) / 1000).toFixed(1)} s`.padStart(8));
		const present = await podLine(api);
		const isLong = performance.now() - printedAt > longestSilenceMs;
		const lines = [
			...changeLines(isLong ? undefined : last, seen, paint),
			...(present !== pods || isLong ? [paint('dim', `  pods: ${present}`)] : []),
		];
		for (const line of lines) console.log(`  ${elapsed} ${line}`);
		if (lines.length > 0) printedAt = performance.now();
		[last, pods] = [seen, present];
		if (isOver(seen) && (seen.outcome !== 'done' || isReady(view))) return seen;
		await sleep(200, undefined, { signal });
	}
	throw new Error(`it did not come to it in time: ${last?.message ?? ''}`);
}

/** Resolves when the demo is over: whether the mesh runs the new version. */
export async function demoOfAnUpgrade(options: Options, signal: AbortSignal): Promise<boolean> {
	let operator: Running | undefined;
	step(`Starting Kubernetes on this machine, with ${options.nodes} simulated nodes`);
	await using cluster = await startCluster({ own: true, parts: 'all', nodes: options.nodes, name: 'meshwright-demo' });
	await using api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	try {
		signal.throwIfAborted();
		step('Installing and starting the operator');
		await installOperator(api, {});
		operator = await startOperator(cluster, ['--leader-elect']);
		console.log(`  ${describeOperator(operator)}`);
		const stage = { api, operator, signal };

		step(
			`A mesh of ${before}: two pods of Pilot, two of the ingress gateway, from a mirror that nobody keeps up to date`,
		);
		await apply(api, mesh(before, oldMirror));
		await follow(stage, before, ({ outcome }) => outcome === 'done');

		step(`spec.version: ${after}. The mirror has no such image; after a minute without progress the stage is held`);
		await apply(api, mesh(after, oldMirror));
		const held = await follow(stage, after, ({ outcome }) => outcome !== 'going');
		console.log(`  ${paint('red', '✘')} ${held.outcome}: ${held.message}`);
		console.log(`  The pods of ${before} serve on: ${await podLine(api)}`);
		if (held.outcome !== 'held') return false;

		step('spec.images.registry: docker.io/istio. The upgrade is taken up from where it stands');
		await apply(api, mesh(after, 'docker.io/istio'));
		const end = await follow(stage, after, ({ outcome }) => outcome !== 'going' && outcome !== 'held');
		console.log(`  ${paint('green', '✔')} ${end.message}`);
		if (!options.once) {
			step('Look around; the cluster stays until Ctrl-C');
			console.log(lookAround(cluster.adminKubeconfig(), name, 'classic'));
			await untilInterrupted(signal);
		}
		return end.outcome === 'done';
	} finally {
		step('Ending the operator and the cluster');
		await endOperator(operator);
	}
}
