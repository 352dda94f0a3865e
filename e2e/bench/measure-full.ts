/**
 * Measures a whole mesh: the profile `production` with Citadel, injection and both gateways, against the floor of the same
 * bodies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { applySetId } from '../../operator/render/index.ts';
import { isNotFound } from '../../operator/runtime/errors.ts';
import { kindOf, kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { floorStages, inFlightTried, renderInstallation } from './measure-apply.ts';
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
import { describeSeries, median } from './statistics.ts';

const version = '1.4.10';
const spec = {
	profile: 'production',
	gateways: { ingress: { enabled: true }, egress: { enabled: true } },
} as const;

/**
 * Kinds that don't come here. Nothing runs, so the webhook, which waits for the injector to be ready, never comes. And only
 * one mesh can own the one MeshPolicy of a cluster.
 */
const gated: ReadonlySet<string> = new Set(['MutatingWebhookConfiguration', 'MeshPolicy']);

let serial = 0;

function wholeMesh(prefix: string): KubeObject {
	return installation(`${prefix}-${++serial}`, version, spec);
}

function partOf({ metadata }: KubeObject): string {
	return applySetId(metadata.name);
}

function ungated(object: KubeObject): readonly KubeObject[] {
	return renderInstallation(object).objects.filter(({ kind }) => !gated.has(kind));
}

async function followSecrets(stage: Stage, objects: readonly KubeObject[]): Promise<void> {
	for (const { kind, metadata } of objects)
		if (kind === kinds.Namespace.kind) await stage.seen.children.followNamespace(metadata.name);
}

/** Milliseconds from the acknowledgement of the MeshInstallation until the last object without a gate is stored. */
async function timeInstallation(stage: Stage): Promise<number> {
	const object = wholeMesh('whole');
	const rendered = ungated(object);
	await stage.seen.children.follow(rendered.map(kindOf));
	await followSecrets(stage, rendered);
	let missing = rendered.filter(({ kind }) => kind !== 'Namespace').length;
	let storedAt = 0;
	const off = stage.seen.onChild(({ type, current }) => {
		if (type !== 'added' || current.instance !== object.metadata.name || gated.has(current.kind)) return;
		// The caches of all kinds report it. Namespaces belong to no installation.
		if (current.kind === 'Namespace') return;
		missing--;
		storedAt = performance.now();
	});
	await stage.user.create(object, { fieldManager: 'user' });
	const acknowledgedAt = performance.now();
	await until('the whole mesh is stored', () => missing === 0);
	off();
	// A cluster has one Citadel for all namespaces, so the next mesh can't begin before this one is gone.
	const reference = { ...kinds.MeshInstallation, name: object.metadata.name };
	await stage.user.delete(reference);
	await until('the mesh is gone', () =>
		stage.user.get(reference).then(
			() => false,
			(error: unknown) => {
				if (isNotFound(error)) return true;
				throw error;
			},
		),
	);
	return storedAt - acknowledgedAt;
}

async function measureFloor(loader: Loader, runs: number) {
	const tried: { readonly inFlight: number; readonly series: readonly number[] }[] = [];
	for (const inFlight of inFlightTried) {
		const series: number[] = [];
		for (let run = 0; run < runs; run++) {
			series.push(await loader.run({ stages: floorStages(ungated(wholeMesh('floor'))), inFlight }));
		}
		tried.push({ inFlight, series });
	}
	return tried.reduce((best, other) => (median(other.series) < median(best.series) ? other : best));
}

function isEstablished(crd: KubeObject): boolean {
	const { conditions } = (crd.status ?? {}) as {
		readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
	};
	return (conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}

export interface FullFigures {
	readonly 'full.single.ratio': number;
	readonly 'full.single.ms': number;
	readonly 'full.single.floor_ms': number;
	readonly notes: readonly string[];
}

export async function measureFull(runs: number): Promise<FullFigures> {
	await using stage = await openStage();
	await using loader = startLoader(stage, await operatorToken(stage));
	await using _ = await startOperator(stage);
	const { crds } = renderInstallation(wholeMesh('crds'));
	await loader.run({ stages: [crds], inFlight: 8 });
	await until('all of Istio’s kinds are served', async () => {
		const served = await stage.user.list(kinds.CustomResourceDefinition);
		return served.items.filter(isEstablished).length > crds.length;
	});
	await timeInstallation(stage);
	await measureFloor(loader, 1);
	const floor = await measureFloor(loader, runs);
	const series: number[] = [];
	for (let run = 0; run < runs * 2; run++) series.push(await timeInstallation(stage));
	return {
		'full.single.ratio': median(series) / median(floor.series),
		'full.single.ms': median(series),
		'full.single.floor_ms': median(floor.series),
		notes: [
			`a whole mesh (${ungated(wholeMesh('sample')).length} objects, CRDs not counted): ${describeSeries(series)} ms, floor ${describeSeries(floor.series)} ms with ${floor.inFlight} in flight`,
		],
	};
}

/** The operator's requests for a whole mesh in an empty cluster, per object of the mesh. The audit log counts them. */
export async function measureFullCalls(): Promise<{
	readonly 'full.calls_per_object': number;
	readonly notes: readonly string[];
}> {
	await using stage = await openStage({ auditLog: true });
	await using _ = await startOperator(stage);
	const object = wholeMesh('counted');
	const { crds, objects: rendered } = renderInstallation(object);
	const objects = [...crds, ...rendered].filter(({ kind }) => kind !== 'MutatingWebhookConfiguration');
	const before = (await stage.cluster.auditEvents()).length;
	await stage.user.create(object, { fieldManager: 'user' });
	const children = objects.filter(({ kind }) => kind !== 'Namespace' && kind !== 'CustomResourceDefinition');
	const stored = () => stage.seen.children.ofApplySet(partOf(object));
	// Istio's own objects come last. When there is a Deployment, their kinds are served.
	const deployments = children.filter(({ kind }) => kind === 'Deployment').length;
	await until(
		'its workloads are stored',
		() => stored().filter(({ kind }) => kind === 'Deployment').length === deployments,
	);
	await stage.seen.children.follow(objects.map(kindOf));
	await followSecrets(stage, objects);
	await until('all of it is stored', () => stored().length >= children.length);
	// Later requests, above all for the status, have to be counted too.
	await sleep(3_000);
	const events = (await stage.cluster.auditEvents()).slice(before);
	const calls = events.filter(
		({ user, verb }) =>
			user.username === `system:serviceaccount:${operatorNamespace}:meshwright` && verb !== 'watch' && verb !== 'list',
	);
	const byVerb = Map.groupBy(calls, ({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}`);
	const most = [...byVerb].toSorted(([, a], [, b]) => b.length - a.length);
	return {
		'full.calls_per_object': calls.length / objects.length,
		notes: [
			`${calls.length} calls for ${objects.length} objects, ${crds.length} of them CRDs: ${most.map(([what, { length }]) => `${length} ${what}`).join(', ')}`,
		],
	};
}
