/**
 * A mesh of several clusters. Each has a control plane of its own, all join each other, and one of them dies and comes
 * back.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { toYaml } from '../../operator/cli/document.ts';
import { changedConditions, isReady, viewOf } from '../../operator/cli/status-view.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import type { Running } from '../control-plane/program.ts';
import { clusterTable, lookAroundMany } from './cluster-summary.ts';
import type { Options } from './options.ts';
import {
	assertRuns,
	describeOperator,
	endOperator,
	installOperator,
	paint,
	program,
	readyDeadlineMs,
	seconds,
	startOperator,
	step,
	untilInterrupted,
} from './steps.ts';

const names = ['east', 'west', 'north', 'south', 'centre'] as const;
const mesh = 'default';

export interface Member {
	readonly name: string;
	readonly cluster: Cluster;
	readonly api: ApiServer;
	readonly operator: Running;
	/** The installation as the demo showed it last. */
	shown: KubeObject | undefined;
}

/** Resolves when the demo is over: whether everything became ready, and ready again. */
export async function demoOfManyClusters(options: Options, signal: AbortSignal): Promise<boolean> {
	const chosen = names.slice(0, options.clusters);
	await using started = new AsyncDisposableStack();
	started.defer(() => step('Ending the operators and the clusters'));
	step(
		`Starting ${chosen.length} Kubernetes clusters on this machine: ${chosen.join(', ')}, each with ${options.nodes} simulated nodes`,
	);
	const members: Member[] = [];
	for (const name of chosen) members.push(await startMember(name, options.nodes, started, signal));

	step('Applying a MeshInstallation in each: a control plane of its own, and a name by which the others know it');
	for (const [index, member] of members.entries()) {
		const wanted = installation(member);
		if (index === 0) console.log(`${toYaml(wanted).trimEnd().replace(/^/gm, '  ')}\n`);
		await member.api.apply(wanted, { fieldManager: 'demo', fieldValidation: 'Strict' });
	}
	if (!(await followUntil(members, signal, (all) => all.every(isMeshReady)))) return false;

	step('Joining each to each, with the least rights that it takes');
	for (const here of members)
		for (const there of members) if (there !== here) await join(here, there, here === members[0]);
	const isJoined = (all: readonly KubeObject[]) =>
		all.every((one) => isMeshReady(one) && joinedOf(one) === all.length - 1);
	if (!(await followUntil(members, signal, isJoined))) return false;
	step(`A full mesh of ${members.length} clusters, by ${await countSecrets(members)} Secrets`);
	for (const member of members) await show(member);

	const isWell = await killAndRevive(members, signal);
	if (isWell && !options.once) {
		step('Look around; the clusters stay until Ctrl-C');
		console.log(lookAroundMany(members, mesh));
		await untilInterrupted(signal);
	}
	return isWell;
}

async function startMember(
	name: string,
	nodes: number,
	started: AsyncDisposableStack,
	signal: AbortSignal,
): Promise<Member> {
	signal.throwIfAborted();
	const cluster = started.use(await startCluster({ own: true, parts: 'all', nodes, name }));
	const api = started.use(new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken }));
	await installOperator(api, { with: ['clusters'] });
	// Without leader election: there is one replica each, and one loses its API server for longer than a lease lasts.
	const operator = await startOperator(cluster, ['--allow-loopback-clusters']);
	started.defer(() => endOperator(operator));
	console.log(
		`  ${paint('bold', name.padEnd(6))} ${cluster.url}, pods ${cluster.podCIDR}, Services ${cluster.serviceCIDR}`,
	);
	console.log(`         kubeconfig ${cluster.adminKubeconfig()}`);
	console.log(`         operator: ${describeOperator(operator)}`);
	return { name, cluster, api, operator, shown: undefined };
}

/** The address is for other clusters: inside a cluster an operator can't know how others reach its API server. */
function installation({ name, cluster }: Member): KubeObject {
	const { apiVersion, kind } = kinds.MeshInstallation;
	const multiCluster = { clusterName: name, server: cluster.url };
	return { apiVersion, kind, metadata: { name: mesh }, spec: { version: '1.4.10', multiCluster } };
}

/** Joins by the command line, as a user does. */
async function join(here: Member, there: Member, isShown: boolean): Promise<void> {
	const given = [
		'clusters',
		'join',
		there.name,
		'--mesh',
		mesh,
		'--role',
		'Primary',
		'--apply',
		'--allow-loopback-clusters',
	];
	const files = [
		...['--kubeconfig', here.cluster.adminKubeconfig()],
		...['--join-kubeconfig', there.cluster.adminKubeconfig(), '--join-context', there.name],
	];
	if (isShown)
		console.log(
			`  ${paint('dim', '$')} meshwright ${given.join(' ')} --kubeconfig ${here.name} --join-kubeconfig ${there.name}`,
		);
	await promisify(execFile)(process.execPath, [program, ...given, ...files], { timeout: readyDeadlineMs }).catch(
		(error: { readonly stderr?: string; readonly message: string }) => {
			throw new Error(`${there.name} could not join ${here.name}: ${error.stderr ?? error.message}`);
		},
	);
	console.log(`  ${here.name} lists ${there.name}`);
}

/** Stops the API server of the last cluster, waits until the others report it, and starts it again. */
async function killAndRevive(members: readonly Member[], signal: AbortSignal): Promise<boolean> {
	const victim = members.at(-1);
	const others = members.filter((member) => member !== victim);
	if (victim === undefined) return false;
	step(`Killing the API server of ${victim.name}`);
	await victim.cluster.stopApiServer();
	const isMissed = (all: readonly KubeObject[]) => all.every((one) => reachableOf(one, victim.name) === false);
	if (!(await followUntil(others, signal, isMissed))) return false;
	step(`The others miss ${victim.name}; their own control planes, and each other, are as they were`);
	for (const member of others) await show(member);

	step(`Starting the API server of ${victim.name} again`);
	await victim.cluster.startApiServer();
	const isHealed = (all: readonly KubeObject[]) =>
		all.every((one) => isMeshReady(one) && joinedOf(one) === members.length - 1 && isAllReachable(one));
	if (!(await followUntil(members, signal, isHealed))) return false;
	step('Healed, without anybody’s help');
	for (const member of members) await show(member);
	return true;
}

function statusOf(one: KubeObject): Partial<ParsedStatus> {
	return (one.status ?? {}) as Partial<ParsedStatus>;
}

function isMeshReady(one: KubeObject): boolean {
	return isReady(viewOf(one));
}

function joinedOf(one: KubeObject): number {
	return (statusOf(one).clusters ?? []).filter(({ conditions = [] }) =>
		conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
	).length;
}

function reachableOf(one: KubeObject, cluster: string): boolean | undefined {
	return statusOf(one).clusters?.find(({ name }) => name === cluster)?.reachable;
}

function isAllReachable(one: KubeObject): boolean {
	return (statusOf(one).clusters ?? []).every(({ reachable }) => reachable === true);
}

async function read({ api }: Member): Promise<KubeObject> {
	return api.get({ ...kinds.MeshInstallation, name: mesh });
}

/** Prints what changes in any cluster, and in which, until all are as wanted. False at the deadline. */
async function followUntil(
	members: readonly Member[],
	signal: AbortSignal,
	isDone: (all: readonly KubeObject[]) => boolean,
): Promise<boolean> {
	const begun = performance.now();
	while (performance.now() - begun < readyDeadlineMs) {
		signal.throwIfAborted();
		for (const { operator } of members) await assertRuns(operator);
		const now = await Promise.all(members.map(read));
		const elapsed = seconds(performance.now() - begun).padStart(7);
		for (const [index, member] of members.entries()) {
			const one = now[index];
			if (one === undefined) continue;
			for (const line of changesOf(member.shown, one))
				console.log(`  ${paint('dim', elapsed)} ${member.name.padEnd(6)} ${line}`);
			member.shown = one;
		}
		if (isDone(now)) return true;
		await sleep(100, undefined, { signal });
	}
	step(`Not as it should be after ${seconds(readyDeadlineMs)}`);
	for (const member of members) await show(member);
	return false;
}

/** Whether the mesh is ready, whether all its clusters have joined, and whether each of them is ready. */
function changesOf(before: KubeObject | undefined, now: KubeObject): readonly string[] {
	const clusters = (statusOf(now).clusters ?? []).flatMap(({ name, conditions = [] }) => {
		const old = before === undefined ? undefined : statusOf(before).clusters?.find((one) => one.name === name);
		const changed = changedConditions(withConditions(now, old?.conditions), withConditions(now, conditions), paint);
		return changed.map((line) => `→ ${name.padEnd(6)} ${line}`);
	});
	const own = (one: KubeObject | undefined) => withConditions(now, one === undefined ? [] : statusOf(one).conditions);
	return [...changedConditions(own(before), own(now), paint), ...clusters];
}

function withConditions(one: KubeObject, conditions: ParsedStatus['conditions'] = []): KubeObject {
	return {
		...one,
		status: { conditions: conditions.filter(({ type }) => type === 'Ready' || type === 'ClustersJoined') },
	};
}

async function show(member: Member): Promise<void> {
	console.log(clusterTable(member.name, await read(member)));
}

async function countSecrets(members: readonly Member[]): Promise<number> {
	const lists = await Promise.all(
		members.map(({ api }) => api.list(kinds.Secret, { labelSelector: 'istio/multiCluster=true', metadataOnly: true })),
	);
	return lists.reduce((sum, { items }) => sum + items.length, 0);
}
