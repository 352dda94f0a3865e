/**
 * Measures a whole mesh: the profile `production` with Citadel, injection and both gateways, against the floor of the same
 * bodies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { applySetId } from '../../operator/render/index.ts';
import { isNotFound } from '../../operator/runtime/errors.ts';
import { kindOf, kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { applyCrds, defineFloor, timeFloor } from './floor.ts';
import { renderInstallation } from './measure-apply.ts';
import { asFigures, describePair, inTurns, type PairFigures } from './pair.ts';
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

/** Milliseconds that the operator writes for a whole mesh, what has a gate left out. */
async function timeOperator(stage: Stage): Promise<number> {
	const object = wholeMesh('whole');
	const rendered = ungated(object);
	await stage.seen.children.follow(rendered.map(kindOf));
	await followSecrets(stage, rendered);
	const children = rendered.filter(({ kind }) => kind !== 'Namespace').length;
	const milliseconds = await timeInstallations(stage, [object], children);
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
	return milliseconds;
}

function isEstablished(crd: KubeObject): boolean {
	const { conditions } = (crd.status ?? {}) as {
		readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
	};
	return (conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}

export type FullFigures = PairFigures<'full.single'> & { readonly notes: readonly string[] };

export async function measureFull(runs: number): Promise<FullFigures> {
	await using stage = await openStage();
	await using loader = startLoader(stage, await operatorToken(stage));
	await using _ = await startOperator(stage);
	const { crds } = renderInstallation(wholeMesh('crds'));
	await applyCrds(loader, crds);
	await until('all of Istio’s kinds are served', async () => {
		const served = await stage.user.list(kinds.CustomResourceDefinition);
		return served.items.filter(isEstablished).length > crds.length;
	});
	await defineFloor(stage);
	let status: unknown;
	const off = stage.seen.onInstallation(({ current }) => {
		status = current?.status ?? status;
	});
	await timeOperator(stage);
	off();
	const floor = () => {
		const mesh = wholeMesh('floor');
		return timeFloor(stage, loader, [{ installation: mesh, objects: ungated(mesh) }], status);
	};
	await floor();
	const pair = await inTurns(runs * 2, floor, () => timeOperator(stage));
	return {
		...asFigures('full.single', pair),
		notes: [`a whole mesh (${ungated(wholeMesh('sample')).length} objects, CRDs not counted): ${describePair(pair)}`],
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
