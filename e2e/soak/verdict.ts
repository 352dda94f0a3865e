/** What must hold when everything goes well again after a soak. Each finding is a sentence. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createPatch } from 'rfc6902';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { orAbsent } from '../../operator/runtime/errors.ts';
import { objectKey } from '../../operator/runtime/object.ts';
import { seconds } from '../demo/steps.ts';
import { diffOfStored } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import {
	findCondition,
	installationReference,
	liveChildren,
	readInstallation,
	untilGone,
} from '../support/installation.ts';
import type { Wanted } from './acts.ts';
import { findDefects } from './defects.ts';
import type { Memory, Replica } from './replica.ts';
import { joiner, type Stage } from './stage.ts';

export interface Bounds {
	/** All is ready within this time. */
	readonly readyMs: number;
	/** Nothing is written for this time. */
	readonly restMs: number;
	/** Further waits end after this time. */
	readonly deadlineMs: number;
}

/** No write for this time is the beginning of the rest. */
const calmMs = 3_000;
/** Caches and heap of a process have their size after this time. */
const warmMs = 60_000;
/** By this much the heap may have grown since: other meshes are there at the end than at the beginning. */
const mostGrowthMB = 20;
/** Limit of the Deployment, which is 256 MiB, with some room for what is not seen between two samples. */
const mostMB = 230;
const toldLines = 12;

export interface Verdict {
	readonly problems: readonly string[];
	readonly readyAfterMs: number | undefined;
}

export async function judge(
	stage: Stage,
	wanted: Wanted,
	bounds: Bounds,
	say: (text: string) => void,
): Promise<Verdict> {
	say('Waiting until every mesh is ready');
	const begun = performance.now();
	const never = await untilAllReady(stage, wanted, bounds.readyMs + bounds.deadlineMs);
	if (never.length > 0) return { problems: never, readyAfterMs: undefined };
	const readyAfterMs = performance.now() - begun;
	const late = `It took ${seconds(readyAfterMs)} until all was ready, more than ${seconds(bounds.readyMs)}.`;
	say('Looking for differences, for what is left over, and for writes at rest');
	const problems = [
		...(readyAfterMs > bounds.readyMs ? [late] : []),
		...(await findLeftovers(stage, wanted, bounds)),
		...(await findDifferences(stage, wanted)),
		...(await findWrites(stage, wanted, bounds)),
		...(await findMistakes(stage)),
	];
	say('Deleting every mesh');
	return { problems: [...problems, ...(await findRemains(stage, wanted, bounds))], readyAfterMs };
}

/** Why a mesh is not ready; undefined when it is. */
async function reasonAgainst({ home }: Stage, name: string): Promise<string | undefined> {
	const found = await orAbsent(readInstallation(home.mesh.api, name));
	if (found === undefined) return `${name} is gone, although nobody has deleted it`;
	const { metadata, status } = found;
	const { conditions, clusters = [] } = status ?? {};
	const waiting = clusters.filter(
		(one) => findCondition(one.conditions, metadata.generation, 'Ready', 'True') === undefined,
	);
	if (findCondition(conditions, metadata.generation, 'Ready', 'True') !== undefined && waiting.length === 0)
		return undefined;
	const told = [conditions, ...waiting.map((one) => one.conditions)].flatMap((list = []) =>
		list.filter((one) => one.status !== 'True').map(({ type, reason, message }) => `${type} ${reason}: ${message}`),
	);
	return `${name} is not ready (generation ${metadata.generation}): ${told.join('; ') || 'its status is outdated'}`;
}

async function untilAllReady(stage: Stage, { meshes }: Wanted, withinMs: number): Promise<readonly string[]> {
	let against: readonly string[] = [];
	const look = async () => {
		const found = await Promise.all([...meshes.keys()].map((name) => reasonAgainst(stage, name)));
		against = found.filter((reason) => reason !== undefined);
		return against.length === 0;
	};
	await eventually('every mesh is ready', look, withinMs).catch((error) => {
		if (against.length === 0) throw error;
	});
	return against.map((reason) => `After ${withinMs / 1_000} s without misbehaviour ${reason}.`);
}

/** What is left of meshes that were deleted. */
async function findLeftovers(
	stage: Stage,
	{ names, meshes }: Wanted,
	{ deadlineMs }: Bounds,
): Promise<readonly string[]> {
	const gone = names.filter((name) => !meshes.has(name));
	return (await Promise.all(gone.map((name) => leftOf(stage, name, deadlineMs)))).flat();
}

async function leftOf({ home, there }: Stage, name: string, deadlineMs: number): Promise<readonly string[]> {
	let left: readonly string[] = [];
	const look = async () => {
		const lists = await Promise.all([home, there].map(({ mesh }) => liveChildren(mesh.api, name)));
		left = lists.flatMap((list, index) =>
			list.map((object) => `${objectKey(object)} ${index === 0 ? 'at home' : `in cluster ${joiner}`}`),
		);
		return left.length === 0;
	};
	try {
		await untilGone(home.mesh.api, installationReference(name));
		// Controllers of the cluster collect what pods and Services leave.
		await eventually(`nothing is left of ${name}`, look, deadlineMs);
		return [];
	} catch (error) {
		const words = left.length === 0 ? (error as Error).message : left.slice(0, toldLines).join(', ');
		return [`${name} was deleted and left ${words}.`];
	}
}

async function findDifferences({ home }: Stage, { meshes }: Wanted): Promise<readonly string[]> {
	const problems: string[] = [];
	for (const name of meshes.keys()) {
		const { exitCode, stdout, stderr } = await diffOfStored(home.mesh, name);
		if (exitCode !== 0) {
			const lines = `${stdout}${stderr}`.trim().split('\n').slice(0, toldLines).join('\n');
			problems.push(`diff of ${name} is not empty:\n${lines}`);
		}
	}
	return problems;
}

async function findWrites(stage: Stage, wanted: Wanted, { restMs, deadlineMs }: Bounds): Promise<readonly string[]> {
	const { home, there, journal } = stage;
	const take = () => [...home.takeWrites(), ...there.takeWrites()];
	const uncounted = await untilCounted(stage, wanted, deadlineMs);
	if (uncounted.length > 0) return uncounted;
	take();
	let last: readonly string[] = [];
	try {
		await eventually(
			'nothing more is written',
			async () => {
				await sleep(calmMs);
				last = take();
				for (const write of last) journal.line(`late write ${write}`);
				return last.length === 0;
			},
			deadlineMs,
		);
	} catch {
		return [`The operator does not stop writing: ${last.slice(0, toldLines).join(', ')}.`];
	}
	const before = await statusesOf(stage, wanted);
	await sleep(restMs);
	const writes = take();
	if (writes.length === 0) return [];
	const changes = createPatch(before, await statusesOf(stage, wanted));
	const told = `${writes.slice(0, toldLines).join(', ')}; of the statuses it changed ${JSON.stringify(changes)}`;
	return [`At rest, the operator wrote ${writes.length} times: ${told}.`];
}

/** Proxies of joined clusters are counted some time after these have joined, which is one more write. */
async function untilCounted(stage: Stage, wanted: Wanted, deadlineMs: number): Promise<readonly string[]> {
	let left: readonly string[] = [];
	const look = async (): Promise<boolean> => {
		const statuses = Object.entries(await statusesOf(stage, wanted));
		left = statuses.flatMap(([name, status]) =>
			(status?.clusters ?? []).flatMap((one) => (one.proxies === undefined ? `${name}, cluster ${one.name}` : [])),
		);
		return left.length === 0;
	};
	try {
		await eventually('proxies of joined clusters are counted', look, deadlineMs);
		return [];
	} catch (error) {
		return [left.length === 0 ? (error as Error).message : `The proxies of ${left.join('; ')} are not counted.`];
	}
}

/** By the names of the meshes. */
async function statusesOf(
	{ home }: Stage,
	{ meshes }: Wanted,
): Promise<Readonly<Record<string, ParsedStatus | undefined>>> {
	const found = [...meshes.keys()].map(async (name) => {
		return [name, (await readInstallation(home.mesh.api, name)).status] as const;
	});
	return Object.fromEntries(await Promise.all(found));
}

async function findMistakes({ replicas }: Stage): Promise<readonly string[]> {
	const found = (await Promise.all(replicas.map((replica) => replica.log()))).flatMap(findDefects);
	return found.length === 0
		? []
		: [`The log has ${found.length} errors that nobody foresaw:\n${found.slice(0, toldLines).join('\n')}`];
}

async function findRemains(stage: Stage, { meshes }: Wanted, { deadlineMs }: Bounds): Promise<readonly string[]> {
	const { api } = stage.home.mesh;
	for (const name of meshes.keys()) await api.delete(installationReference(name));
	return (await Promise.all([...meshes.keys()].map((name) => leftOf(stage, name, deadlineMs)))).flat();
}

/** Says where the memory of a process that lived on did not stay as it was. */
export function judgeMemory({ name, memory }: Pick<Replica, 'name' | 'memory'>): readonly string[] {
	const [first, last] = growthOf(memory);
	const most = Math.max(0, ...memory.map(({ mb }) => mb));
	return [
		...(most > mostMB ? [`Operator ${name} had ${most.toFixed(0)} MB of memory, more than ${mostMB} MB.`] : []),
		...(first !== undefined && last !== undefined && last - first > mostGrowthMB
			? [`The heap of operator ${name} grew from ${first.toFixed(0)} MB to ${last.toFixed(0)} MB.`]
			: []),
	];
}

/**
 * The heap after warming up and at the end, without garbage: each the least of a third of the samples since then. The
 * collector lets garbage pile up to some times of what is in use, so resident memory alone tells little.
 */
export function growthOf(memory: readonly Memory[]): readonly [number | undefined, number | undefined] {
	const warm = memory.filter(({ ageMs }) => ageMs > warmMs).map(({ heapMB }) => heapMB);
	const third = Math.floor(warm.length / 3);
	if (third < 3) return [undefined, undefined];
	return [Math.min(...warm.slice(0, third)), Math.min(...warm.slice(-third))];
}
