/**
 * Every stage of a change of version with everything that can go wrong with it: each kind of its objects is refused in each of
 * several ways, then its pods don't get ready for each of several causes. Stage, object and cause are told in the words of who
 * refuses, nothing of a later stage begins, and all goes on by itself when the fault is over.
 *
 * Pods are played, since how many of them are ready is the business of their Deployments (`faults.cluster.test.ts`).
 */
import test, { type ExecutionContext } from 'ava';
import { type ParsedStatus, type UpgradeStage, upgradeStages } from '../../api/v1/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { objectKey } from '../../operator/runtime/object.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../fault-proxy.ts';
import { playCitadel } from '../support/citadel.ts';
import { kubeconfigThrough } from '../support/crash-kubeconfig.ts';
import { deadlineMs, eventually, longestWaitMs } from '../support/eventually.ts';
import {
	applyInstallation,
	findCondition,
	liveChildren,
	readInstallation,
	renderedChildren,
	type Spec,
} from '../support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from '../support/operator.ts';
import { type PodFault, playPods } from '../support/played-pods.ts';
import { isMatrixWhole, leftOut } from '../support/whole-matrix.ts';

const codes = { 409: 'Conflict', 422: 'Invalid', 500: 'InternalError', 503: 'ServiceUnavailable' } as const;
type Code = keyof typeof codes;
const allCodes = Object.keys(codes).map(Number) as readonly Code[];

/** The words of an API server that refuses a write of this kind. */
function wordsOf(kind: string, code: Code): string {
	return `no ${kind} today, says ${code}`;
}

function answer(kind: string, code: Code): Fault {
	const message = wordsOf(kind, code);
	const status = {
		kind: 'Status',
		apiVersion: 'v1',
		metadata: {},
		status: 'Failure',
		reason: codes[code],
		code,
		message,
	};
	return { type: 'answer', status: code, body: JSON.stringify(status) };
}

/** What becomes of new pods, and how it is told. */
const podFaults: readonly (readonly [fault: PodFault, told: RegExp])[] = [
	[
		{ pod: {}, container: { state: { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } } } },
		/pod \S+, container \S+: its image is not pulled: no such tag/,
	],
	[
		{
			pod: { phase: 'Running' },
			container: {
				state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
				lastState: { terminated: { exitCode: 7, reason: 'Error', message: 'no such flag' } },
			},
		},
		/pod \S+, container \S+ ended with exit code 7 and is started again: no such flag/,
	],
	[{ pod: { phase: 'Running' } }, /Deployment \S+: 1 of 1 pods updated, 1 available, 1 of the version before left/],
	[
		{
			pod: {
				conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node has room' }],
			},
		},
		/pod \S+ is not scheduled: no node has room/,
	],
	[
		{ refused: 'pods "x" is forbidden: exceeded quota: small' },
		/the cluster makes no more pods: .*exceeded quota: small/,
	],
	[
		{ pod: { phase: 'Failed', reason: 'Evicted', message: 'the node is drained' } },
		/pod \S+ failed \(Evicted\): the node is drained/,
	],
];

/** What the proxy does to the writes of one mesh. */
interface Refusal {
	/** Kinds that are let through, by their plural. Undefined while nothing is refused. */
	passing: Set<string> | undefined;
	/** Kinds that were refused, each with how. */
	readonly refused: Map<string, Code>;
	/** Which code is the first. */
	readonly first: number;
}

let mesh: MeshCluster;
let proxy: FaultProxy;
let operator: RunningOperator;
const refusals = new Map<string, Refusal>();

/** Refuses a write of a child of a mesh whose turn it is. Definitions are shared, so they are of the mesh `definitions`. */
function decide({ method, path, query }: ProxiedRequest): Fault | undefined {
	if (method === 'GET' || query.dryRun !== undefined || /meshinstallations|\/events|reviews$/.test(path))
		return undefined;
	const kind = /\/([a-z]+)\/[^/]+$/.exec(path)?.[1] ?? path;
	const owner = kind === kinds.CustomResourceDefinition.plural ? 'definitions' : /istio-(stage\d)\b/.exec(path)?.[1];
	const refusal = refusals.get(owner ?? '');
	if (refusal?.passing === undefined || refusal.passing.has(kind)) return undefined;
	const known = refusal.refused.get(kind);
	const code = known ?? allCodes[(refusal.first + refusal.refused.size) % allCodes.length] ?? 500;
	refusal.refused.set(kind, code);
	return answer(kind, code);
}

test.before(async () => {
	mesh = await startMeshCluster({ auditLog: false });
	proxy = await startFaultProxy(mesh.cluster, undefined, { decide, onRequest: () => undefined });
	const kubeconfig = await kubeconfigThrough(proxy, mesh.cluster, mesh.kubeconfig);
	operator = await startOperator(mesh, { kubeconfig });
});
test.after.always(async () => {
	await operator?.stop();
	await proxy?.stop();
	await mesh?.stop();
});

const common = {
	profile: 'minimal',
	sidecarInjector: { enabled: true },
	// Its policy would be the one of the whole cluster.
	mesh: { mtls: { mode: 'DISABLED' } },
	mixer: { telemetry: { enabled: true }, adapters: [{ prometheus: {} }] },
	gateways: { ingress: { enabled: true, service: { type: 'ClusterIP' } } },
};

/** Its Citadel is for its own namespace, so that several meshes have one. */
function settingsFor(namespace: string): Spec {
	return { ...common, namespace, citadel: { enabled: true, extraArgs: [`--listened-namespaces=${namespace}`] } };
}
const [before, after] = ['1.3.8', '1.4.10'];

interface Seen {
	readonly status: ParsedStatus;
	readonly generation: number | undefined;
}

async function look(name: string): Promise<Seen> {
	const { status, metadata } = await readInstallation(mesh.api, name);
	return { status: status ?? { observedGeneration: 0 }, generation: metadata.generation };
}

/** Waits for a status. Says which one there is when it does not come. */
async function until<T>(
	name: string,
	what: string,
	holds: (seen: Seen) => T | Promise<T>,
): Promise<Exclude<T, undefined | false>> {
	let seen: Seen | undefined;
	try {
		return await eventually(
			`${name}: ${what}`,
			async () => {
				seen = await look(name);
				return holds(seen);
			},
			deadlineMs,
			() => seen,
		);
	} catch (error) {
		throw new Error(
			`${(error as Error).message}: ${JSON.stringify([seen?.status, [...(refusals.get(name)?.refused ?? [])]])}`,
			{ cause: error },
		);
	}
}

function isPatient({ status, generation }: Seen): boolean {
	return status.observedGeneration === generation && status.upgrade?.state === 'WaitingForApproval';
}

/** A mesh that waits before the first stage of its change of version. */
async function atTheStart(t: ExecutionContext, name: string) {
	const { api } = mesh;
	const namespace = `istio-${name}`;
	const spec: Spec = { ...settingsFor(namespace), version: before };
	await applyInstallation(api, name, spec);
	t.teardown(playCitadel(api, namespace));
	const isOver = ({ status, generation }: Seen, version: string) =>
		status.version === version &&
		status.upgrade === undefined &&
		findCondition(status.conditions, generation, 'Ready', 'True') !== undefined;
	const untilVersion = (version: string) =>
		until(name, `it runs ${version}`, async (seen) => {
			if (isOver(seen, version)) return true;
			await playPods(api, namespace);
			return false;
		});
	await untilVersion(before);
	const next = { ...spec, version: after };
	const pauses = { pauseBefore: upgradeStages };
	await applyInstallation(api, name, { ...next, upgrade: pauses });
	await until(name, 'it waits', isPatient);
	const approve = (stage: UpgradeStage) =>
		applyInstallation(api, name, { ...next, upgrade: { ...pauses, approved: { version: after, stage } } });
	return { name, namespace, approve, untilVersion };
}

function saidIn({ conditions }: Pick<ParsedStatus, 'conditions'>): string {
	return conditions?.find(({ type }) => type === 'Installed')?.message ?? '';
}

/** Lets kinds pass once it was told how they are refused, until everything of the stage is written. */
async function refuseEach(t: ExecutionContext, name: string, stage: UpgradeStage, refusal: Refusal): Promise<void> {
	const { refused, passing = new Set() } = refusal;
	await until(name, `stage ${stage} is written`, ({ status, generation }) => {
		if (status.upgrade?.stage !== stage) return false;
		const waiting = [...refused].filter(([kind]) => !passing.has(kind));
		if (waiting.length === 0)
			return refused.size > 0 && findCondition(status.conditions, generation, 'Installed', 'True') !== undefined;
		// Of many objects the first are told, and the others when these are written.
		const told = waiting.filter(([kind, code]) => saidIn(status).includes(wordsOf(kind, code)));
		if (told.length === 0) return false;
		const { waitingFor = '' } = status.upgrade;
		t.true(
			waiting.some(([kind, code]) => waitingFor.includes(wordsOf(kind, code))),
			`${stage}: ${waitingFor}`,
		);
		for (const [kind] of told) passing.add(kind);
		return false;
	});
	t.log(`${stage}: ${[...refused].map(([kind, code]) => `${kind} ${code}`).join(', ')}`);
}

/** Versions of the Deployments of stages that have not begun. */
async function isUntouched(
	t: ExecutionContext,
	name: string,
	stages: readonly UpgradeStage[],
	at: number,
): Promise<void> {
	const later = new Set(stages.slice(at + 1));
	const live = await liveChildren(mesh.api, name);
	for (const [component, stage] of [
		['pilot', 'Pilot'],
		['citadel', 'CA'],
		['telemetry', 'Mixer'],
		['injector', 'Injector'],
		['ingressgateway', 'Gateways'],
	] as const) {
		const found = live.find(
			({ kind, metadata }) => kind === 'Deployment' && metadata.labels?.['app.kubernetes.io/component'] === component,
		);
		t.is(
			found?.metadata.labels?.['app.kubernetes.io/version'],
			later.has(stage) ? before : after,
			`${component} at ${stages[at]}`,
		);
	}
}

test.serial(
	'definitions that are refused in each way: the first stage says so, and begins again by itself',
	async (t) => {
		const name = 'stage0';
		const { approve, untilVersion } = await atTheStart(t, name);
		for (const code of allCodes) {
			const kind = kinds.CustomResourceDefinition.plural;
			const refused = new Map([[kind, code]]);
			refusals.set('definitions', { passing: new Set(), refused, first: 0 });
			if (code === allCodes[0]) await approve('CRDs');
			const waitingFor = await until(
				name,
				`${code} is told`,
				({ status }) =>
					saidIn(status).includes(wordsOf(kind, code)) && status.upgrade?.stage === 'CRDs' && status.upgrade.waitingFor,
			);
			t.true(waitingFor.includes(wordsOf(kind, code)), waitingFor);
		}
		refusals.clear();
		await until(name, 'it waits again', isPatient);
		await approve('Workloads');
		await untilVersion(after);
	},
);

for (const first of allCodes.keys()) {
	const name = `stage${first + 1}`;
	const title = `${name}: each kind of each stage is refused, then pods don’t get ready: told each time, and over when the fault is`;
	// One walk has each stage, each kind, each code and each fault of pods; all four have each kind with each code.
	if (!isMatrixWhole() && first > 0) {
		test.skip(leftOut(title), () => undefined);
		continue;
	}
	test(title, async (t) => {
		const [refusedCodes, toldFaults] = [new Set<Code>(), new Set<PodFault>()];
		t.timeout(longestWaitMs + 60_000);
		const { namespace, approve, untilVersion } = await atTheStart(t, name);
		const stages = (await look(name)).status.upgrade?.plan?.map(({ stage }) => stage) ?? [];
		t.deepEqual(
			stages,
			upgradeStages.filter((stage) => stage !== 'DataPlanes' && stage !== 'Workloads'),
		);
		for (const [at, stage] of stages.entries()) {
			const refusal: Refusal = { passing: new Set(), refused: new Map(), first: first + at };
			// The definitions of the new version are there: another mesh has brought them.
			if (stage !== 'CRDs') refusals.set(name, refusal);
			await approve(stage as UpgradeStage);
			if (stage !== 'CRDs') {
				await refuseEach(t, name, stage as UpgradeStage, refusal);
				refusals.delete(name);
				for (const code of refusal.refused.values()) refusedCodes.add(code);
			}
			await isUntouched(t, name, stages as readonly UpgradeStage[], at);
			if (refusal.refused.has(kinds.Deployment.plural))
				for (const [fault, told] of podFaults.filter(
					(_, index) => index % allCodes.length === (first + at) % allCodes.length,
				)) {
					toldFaults.add(fault);
					await playPods(mesh.api, namespace, fault);
					await until(
						name,
						`stage ${stage} tells ${String(told)}`,
						({ status: { upgrade } }) => upgrade?.stage === stage && told.test(upgrade.waitingFor ?? ''),
					);
				}
			await until(name, `stage ${stage} is over`, async (seen) => {
				await playPods(mesh.api, namespace);
				const { upgrade } = seen.status;
				return (
					upgrade === undefined ||
					(isPatient(seen) && upgrade.plan?.find((one) => one.stage === stage)?.state === 'Done')
				);
			});
		}
		await untilVersion(after);
		t.deepEqual([refusedCodes.size, toldFaults.size], [allCodes.length, podFaults.length], 'each was tried');
		const rendered = renderedChildren(name, { ...settingsFor(namespace), version: after }).map(objectKey);
		t.deepEqual((await liveChildren(mesh.api, name)).map(objectKey).sort(), rendered.toSorted());
	});
}
