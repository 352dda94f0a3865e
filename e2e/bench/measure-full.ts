/**
 * Measures a whole mesh of each line against the floor of the same bodies: the profile `production` with injection. A classic one has
 * Citadel and both gateways too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { applySetId } from '../../operator/render/index.ts';
import { isNotFound } from '../../operator/runtime/errors.ts';
import { kindOf, kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { applyCrds, defineFloor, timeFloor } from './floor.ts';
import { renderInstallation } from './measure-apply.ts';
import { asFigures, describePair, inTurns, type Pair, type PairFigures } from './pair.ts';
import {
	installation,
	openStage,
	operatorNamespace,
	operatorToken,
	type Stage,
	startLoader,
	startOperator,
	until,
} from './stage.ts';
import { timeInstallations } from './time-installations.ts';

interface Whole {
	readonly figure: `full.${string}`;
	readonly version: string;
	readonly spec: Readonly<Record<string, unknown>>;
}

/** Gateways of istiod wait for its webhook, which waits for pods that don't run here. */
const wholes = {
	classic: {
		figure: 'full.single',
		version: '1.4.10',
		spec: { profile: 'production', gateways: { ingress: { enabled: true }, egress: { enabled: true } } },
	},
	istiod: { figure: 'full.istiod', version: '1.31.4', spec: { profile: 'production' } },
} as const satisfies Readonly<Record<string, Whole>>;

/** What another operator takes for a like mesh: sail-operator, 17 objects of istiod. Not measured here. */
const quoted =
	'for comparison, quoted and not measured here: sail-operator, 17 objects of istiod, 590 ms and 100 writes';

/**
 * Kinds that don't come here. Nothing runs, so the webhooks, which wait for who answers them, never come, nor what comes after these. And
 * only one mesh can own the one MeshPolicy of a cluster.
 */
const gated: ReadonlySet<string> = new Set([
	'MutatingWebhookConfiguration',
	'ValidatingWebhookConfiguration',
	'MeshPolicy',
]);

let serial = 0;

function wholeMesh(prefix: string, { version, spec }: Whole = wholes.classic): KubeObject {
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

/** Milliseconds that the operator writes for a whole mesh, what has a gate left out. */
async function timeOperator(stage: Stage, whole: Whole): Promise<number> {
	const object = wholeMesh('whole', whole);
	const rendered = ungated(object);
	await stage.seen.children.follow(rendered.map(kindOf));
	await followSecrets(stage, rendered);
	const children = rendered.filter(({ kind }) => kind !== 'Namespace').length;
	const milliseconds = await timeInstallations(stage, [object], children);
	// A cluster has one Citadel for all namespaces, and one istiod for those who name no revision, so the next mesh can't begin before this one is gone.
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
	return milliseconds;
}

function isEstablished(crd: KubeObject): boolean {
	const { conditions } = (crd.status ?? {}) as {
		readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
	};
	return (conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}

export type FullFigures = PairFigures<'full.single'> &
	PairFigures<'full.istiod'> & { readonly notes: readonly string[] };

export async function measureFull(runs: number): Promise<FullFigures> {
	const classic = await measureWhole(wholes.classic, runs);
	const istiod = await measureWhole(wholes.istiod, runs);
	return {
		...asFigures('full.single', classic.pair),
		...asFigures('full.istiod', istiod.pair),
		notes: [classic.note, istiod.note, quoted],
	};
}

/** In a cluster of its own, since CRDs that stand are somebody's. */
async function measureWhole(whole: Whole, runs: number): Promise<{ readonly pair: Pair; readonly note: string }> {
	await using stage = await openStage();
	await using loader = startLoader(stage, await operatorToken(stage));
	await using _ = await startOperator(stage);
	await defineFloor(stage);
	const { crds } = renderInstallation(wholeMesh('crds', whole));
	await applyCrds(loader, crds);
	await until('all of Istio’s kinds are served', async () => {
		const served = await stage.user.list<KubeObject>(kinds.CustomResourceDefinition);
		const established = new Set(served.items.filter(isEstablished).map(({ metadata }) => metadata.name));
		return crds.every(({ metadata }) => established.has(metadata.name));
	});
	let status: unknown;
	const off = stage.seen.onInstallation(({ current }) => {
		status = current?.status ?? status;
	});
	await timeOperator(stage, whole);
	off();
	const floor = () => {
		const mesh = wholeMesh('floor', whole);
		return timeFloor(stage, loader, [{ installation: mesh, objects: ungated(mesh) }], status);
	};
	await floor();
	const pair = await inTurns(runs * 2, floor, () => timeOperator(stage, whole));
	const { length } = ungated(wholeMesh('sample', whole));
	return {
		pair,
		note: `a whole mesh of ${whole.version} (${length} objects, CRDs not counted): ${describePair(pair)}`,
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
