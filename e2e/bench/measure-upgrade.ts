/**
 * Measures a change of version, on simulated nodes: what it writes, and how long it takes beyond the pods' own roll-outs. The
 * floor is raw server-side apply of the same bodies in the same order of stages, each stage after the roll-outs of the one
 * before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { upgradeStages } from '../../api/v1/index.ts';
import { hasNewPodsOnly } from '../../operator/apply/child.ts';
import { bodyHash } from '../../operator/apply/fingerprint.ts';
import { lines } from '../../operator/lines/index.ts';
import { kindOf, kinds, objectPath } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { isWrite } from '../control-plane/audit.ts';
import { resolvedMesh } from '../support/installation.ts';
import { applyCrds, floorInFlight } from './floor.ts';
import { renderInstallation } from './measure-apply.ts';
import { describePair, inTurns } from './pair.ts';
import {
	installation,
	type Loader,
	openStage,
	operatorNamespace,
	operatorToken,
	type Stage,
	startLoader,
	startOperator,
	until,
} from './stage.ts';
import { median } from './statistics.ts';

const [from, to] = ['1.3.8', '1.4.10'] as const;
/** Nobody answers as an injector on simulated nodes, and nobody signs as Citadel: these are left out. */
const spec = {
	mixer: { policy: { enabled: true }, telemetry: { enabled: true } },
	gateways: { ingress: { enabled: true }, egress: { enabled: true } },
} as const;

let serial = 0;

interface Mesh {
	readonly name: string;
	/** What differs between both versions, as the new one renders it. */
	readonly changed: readonly KubeObject[];
	/** How many objects only the version before has. */
	readonly gone: number;
	/** All of the version before. */
	readonly before: readonly KubeObject[];
	/** Keys of its Deployments. */
	readonly deployments: readonly string[];
}

function meshOf(prefix: string): Mesh {
	const name = `${prefix}-${++serial}`;
	const [before, after] = [from, to].map((version) => renderInstallation(installation(name, version, spec)).objects);
	const hashes = new Map((before ?? []).map((object) => [objectKey(object), bodyHash(object)]));
	const keys = new Set((after ?? []).map(objectKey));
	return {
		name,
		before: before ?? [],
		changed: (after ?? []).filter((object) => hashes.get(objectKey(object)) !== bodyHash(object)),
		gone: [...hashes.keys()].filter((key) => !keys.has(key)).length,
		deployments: (after ?? []).filter(({ kind }) => kind === kinds.Deployment.kind).map(objectKey),
	};
}

function areRolledOut({ seen }: Stage, deployments: readonly string[]): boolean {
	return deployments.every((key) => {
		const workload = seen.children.get(key)?.workload;
		return workload !== undefined && hasNewPodsOnly(workload) && workload.available >= workload.desired;
	});
}

/** Counts the milliseconds during which a roll-out goes on, until it is stopped. */
function countRollOuts(stage: Stage, deployments: readonly string[]): () => number {
	let [rollingMs, lookedAt] = [0, performance.now()];
	const look = () => {
		const now = performance.now();
		if (!areRolledOut(stage, deployments)) rollingMs += now - lookedAt;
		lookedAt = now;
	};
	const timer = setInterval(look, 2);
	return () => {
		clearInterval(timer);
		return rollingMs;
	};
}

async function followOf({ seen }: Stage, mesh: Mesh): Promise<void> {
	await seen.children.follow([...new Set([...mesh.before, ...mesh.changed].map(kindOf))]);
}

interface Upgraded {
	/** Beyond the roll-outs. */
	readonly overheadMs: number;
	readonly rollingMs: number;
}

/** Milliseconds that the operator takes for a change of version. */
async function timeOperator(stage: Stage, mesh: Mesh): Promise<Upgraded> {
	const { user, seen } = stage;
	const isAt = (version: string) => {
		const status = seen.installations.get(mesh.name)?.status;
		const ready = status?.conditions?.find(({ type }) => type === 'Ready');
		return ready?.status === 'True' && status?.version === version && status.upgrade === undefined;
	};
	await followOf(stage, mesh);
	await user.create(installation(mesh.name, from, spec), { fieldManager: 'user' });
	await until(`${mesh.name} runs ${from}`, () => isAt(from), 120_000);
	await sleep(500);
	const rolled = countRollOuts(stage, mesh.deployments);
	const startedAt = performance.now();
	await user.patch({ ...kinds.MeshInstallation, name: mesh.name }, { spec: { version: to } }, { type: 'merge' });
	await until(`${mesh.name} runs ${to}`, () => isAt(to), 120_000, 2);
	const milliseconds = performance.now() - startedAt;
	const rollingMs = rolled();
	return { overheadMs: milliseconds - rollingMs, rollingMs };
}

/** The bodies by stage, in the order of stages. */
function stagesOf({ changed, name }: Mesh): readonly (readonly KubeObject[])[] {
	const release = (version: string) => {
		const found = lines.releases.find((one) => one.version === version);
		if (found === undefined) throw new Error(`${version} is no release`);
		return found;
	};
	const hop = { from: release(from), to: release(to) };
	const line = lines.of(resolvedMesh(name, { version: to, ...spec }));
	const byStage = Map.groupBy(changed, (object) => line.stageOf(object, hop));
	return upgradeStages.flatMap((stage) => {
		const bodies = byStage.get(stage);
		return bodies === undefined ? [] : [bodies];
	});
}

/** Milliseconds that the raw writes take, stage by stage. */
async function timeFloor(stage: Stage, loader: Loader, mesh: Mesh): Promise<Upgraded> {
	const writes = (bodies: readonly KubeObject[]) => bodies.map((body) => ({ path: objectPath(body), body }));
	const isNamespace = ({ kind }: KubeObject) => kind === kinds.Namespace.kind;
	const isBinding = ({ kind }: KubeObject) => kind.endsWith('Binding');
	await followOf(stage, mesh);
	const others = mesh.before.filter((object) => !isNamespace(object));
	const first = [mesh.before.filter(isNamespace), others.filter((o) => !isBinding(o)), others.filter(isBinding)];
	await loader.run({ stages: first.map(writes), inFlight: floorInFlight });
	await until(`${mesh.name} is rolled out`, () => areRolledOut(stage, mesh.deployments), 120_000);
	await sleep(500);
	let overheadMs = 0;
	const rolled = countRollOuts(stage, mesh.deployments);
	for (const bodies of stagesOf(mesh)) {
		const keys = bodies.filter(({ kind }) => kind === kinds.Deployment.kind).map(objectKey);
		const generationOf = (key: string) => stage.seen.children.get(key)?.workload?.generation ?? 0;
		const before = new Map(keys.map((key) => [key, generationOf(key)]));
		overheadMs += await loader.run({ stages: [writes(bodies)], inFlight: floorInFlight });
		// Its write may not have been seen yet, and before it was, the Deployment was rolled out as well.
		const isSeen = () => keys.every((key) => generationOf(key) > (before.get(key) ?? 0));
		await until('the stage is rolled out', () => isSeen() && areRolledOut(stage, keys), 120_000, 2);
	}
	return { overheadMs, rollingMs: rolled() };
}

export interface UpgradeFigures {
	readonly 'upgrade.writes_per_object': number;
	readonly 'upgrade.overhead_ratio': number;
	readonly notes: readonly string[];
}

export async function measureUpgrade(runs: number): Promise<UpgradeFigures> {
	await using stage = await openStage({ parts: 'all', nodes: 3, auditLog: true });
	await using loader = startLoader(stage, await operatorToken(stage));
	await applyCrds(loader, renderInstallation(installation('crds', to, spec)).crds);
	await using _ = await startOperator(stage);
	// The first one makes or takes over the CRDs, and warms up.
	await timeOperator(stage, meshOf('warm'));
	await timeFloor(stage, loader, meshOf('floor'));

	const counted = meshOf('counted');
	const began = (await stage.cluster.auditEvents()).length;
	await timeOperator(stage, counted);
	await sleep(2_000);
	const user = `system:serviceaccount:${operatorNamespace}:meshwright`;
	const events = (await stage.cluster.auditEvents()).slice(began);
	const patched = events.findIndex(
		({ verb, objectRef, user: by }) =>
			verb === 'patch' && objectRef?.resource === kinds.MeshInstallation.plural && by.username !== user,
	);
	const writes = events
		.slice(patched)
		.filter((event) => isWrite(event) && event.user.username === user && isStored(event.requestURI));
	const isOfStatus = ({ objectRef }: (typeof writes)[number]) => objectRef?.resource === kinds.MeshInstallation.plural;
	const ofObjects = writes.filter((event) => !isOfStatus(event) && isOfMesh(event.objectRef?.resource));
	const objects = counted.changed.length + counted.gone;

	const rolling: number[] = [];
	const overhead = async (measured: Promise<Upgraded>) => {
		const { overheadMs, rollingMs } = await measured;
		rolling.push(rollingMs);
		return overheadMs;
	};
	const pair = await inTurns(
		runs,
		() => overhead(timeFloor(stage, loader, meshOf('floor'))),
		() => overhead(timeOperator(stage, meshOf('up'))),
	);
	return {
		'upgrade.writes_per_object': ofObjects.length / objects,
		'upgrade.overhead_ratio': median(pair.operatorMs) / median(pair.floorMs),
		notes: [
			`${from} → ${to}: ${ofObjects.length} writes for ${objects} objects that differ, and ${writes.filter(isOfStatus).length} of the status`,
			`beyond the roll-outs: ${describePair(pair)}; the roll-outs take ${Math.round(median(rolling))} ms`,
		],
	};
}

/** Dry runs and reviews store nothing. */
function isStored(uri: string): boolean {
	return !uri.includes('dryRun=All') && !/accessreviews|rulesreviews/.test(uri);
}

/** Events, leases and tokens are no objects of a mesh. */
function isOfMesh(resource: string | undefined): boolean {
	return resource !== undefined && !['events', 'leases'].includes(resource);
}
