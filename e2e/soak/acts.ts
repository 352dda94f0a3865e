/**
 * What goes on in a soak: users change specs, make and delete meshes, somebody edits and deletes children, replicas are
 * killed, a cluster joins and leaves and is away. Each kind of act has chance and pauses of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError, orAbsent, RequestError } from '../../operator/runtime/errors.ts';
import { type KubeObject, referenceOf } from '../../operator/runtime/object.ts';
import { applyInstallation, installationReference, liveChildren } from '../support/installation.ts';
import { giveKubeconfig } from '../support/joined.ts';
import type { Random } from './random.ts';
import type { Replica } from './replica.ts';
import { specOf, type Wish, wishFor } from './specs.ts';
import { joiner, type Stage } from './stage.ts';

/** What users want at the moment. */
export interface Wanted {
	/** All names, whether there is a mesh or not. */
	readonly names: readonly string[];
	readonly meshes: Map<string, Wish>;
}

/** The mesh that has another cluster. */
export const joinedMesh = 'mesh-0';
/** Share of the meshes that are there at least. */
const leastPresent = 0.6;

interface Act {
	/** Pause between two, milliseconds. */
	readonly everyMs: readonly [number, number];
	readonly does: (random: Random) => Promise<void>;
}

export async function beginWith(stage: Stage, count: number, random: Random): Promise<Wanted> {
	const names = Array.from({ length: count }, (_, index) => `mesh-${index}`);
	const wanted: Wanted = { names, meshes: new Map() };
	await giveKubeconfig(stage.home.mesh.api, joiner, stage.joinKubeconfig);
	for (const name of names) await applyMesh(stage, wanted, wishFor(name, random), random);
	return wanted;
}

/** Goes on until the signal. Rejects with the first failure that is no answer of an API server to what just happened. */
export async function act(
	stage: Stage,
	wanted: Wanted,
	random: Random,
	{ end, mayKill }: { readonly end: AbortSignal; readonly mayKill: (replica: Replica) => boolean },
): Promise<void> {
	const all = actsOf(stage, wanted, end, mayKill);
	await Promise.all(
		Object.entries(all).map(async ([name, { everyMs, does }]) => {
			const own = random.for(name);
			while (await pause(own.whole(...everyMs), end)) await does(own).catch((error) => pass(stage, name, error));
		}),
	);
}

/** Whether the time passed before the end. */
async function pause(ms: number, end: AbortSignal): Promise<boolean> {
	if (end.aborted) return false;
	return sleep(ms, true, { signal: end }).catch(() => false);
}

/** What is deleted or written meanwhile by others is answered with 404, 409 or 422; that is part of the soak. */
function pass({ journal }: Stage, name: string, error: unknown): void {
	if (!(error instanceof RequestError || error instanceof ConflictError)) throw error;
	journal.line(`${name}: ${error.message}`);
}

function actsOf(
	stage: Stage,
	wanted: Wanted,
	end: AbortSignal,
	mayKill: (replica: Replica) => boolean,
): Readonly<Record<string, Act>> {
	const { home, there, replicas, journal } = stage;
	const present = () => [...wanted.meshes.values()];
	// The more meshes, the more happens; few must not be changed all the time, or nothing is ever finished.
	const often = Math.max(1, 6 / wanted.names.length);
	const scaled = (least: number, most: number) => [Math.round(least * often), Math.round(most * often)] as const;
	return {
		spec: {
			everyMs: scaled(500, 3_000),
			does: async (random) => {
				const wish = random.pick(present());
				if (wish !== undefined) await applyMesh(stage, wanted, wish, random);
			},
		},
		mesh: {
			everyMs: scaled(4_000, 15_000),
			does: async (random) => {
				const name = random.pick(wanted.names) ?? joinedMesh;
				if (!wanted.meshes.has(name)) {
					// While the former one is on its way out, what is applied would go with it.
					const former = await orAbsent(home.mesh.api.get(installationReference(name)));
					return former === undefined ? applyMesh(stage, wanted, wishFor(name, random), random) : undefined;
				}
				if (wanted.meshes.size <= leastPresent * wanted.names.length) return;
				wanted.meshes.delete(name);
				journal.note('mesh deleted', name);
				await orAbsent(home.mesh.api.delete(installationReference(name)));
			},
		},
		child: {
			everyMs: scaled(300, 2_000),
			does: async (random) => {
				const side = random.isLucky(0.15) ? there : home;
				const name = side === there ? joinedMesh : random.pick(present())?.name;
				if (name === undefined) return;
				await disturb(stage, side, random, random.pick(await liveChildren(side.mesh.api, name)));
			},
		},
		kill: {
			everyMs: [15_000, 40_000],
			does: async (random) => {
				const replica = random.pick(replicas);
				if (replica === undefined || !mayKill(replica)) return;
				journal.note('kill', replica.name);
				await replica.kill();
				await pause(random.whole(0, 5_000), end);
				await replica.start();
			},
		},
		cluster: {
			everyMs: [5_000, 25_000],
			does: async (random) => {
				const wish = wanted.meshes.get(joinedMesh);
				// It is joined most of the time, because there is little to go wrong with a cluster that is not.
				if (wish !== undefined && (wish.isJoined ? random.isLucky(0.25) : random.isLucky(0.8))) {
					journal.note(wish.isJoined ? 'cluster leaves' : 'cluster joins');
					await applyMesh(stage, wanted, { ...wish, isJoined: !wish.isJoined }, random);
				} else if (random.isLucky(0.6)) {
					journal.note('cluster away');
					there.misbehaviour.isAway = true;
					there.proxy.dropAll();
					await pause(random.whole(3_000, 30_000), end);
					there.misbehaviour.isAway = false;
					journal.line('cluster back');
				} else {
					journal.note('kubeconfig deleted');
					const secret = {
						apiVersion: 'v1',
						kind: 'Secret',
						namespace: 'meshwright-system',
						name: `${joiner}-kubeconfig`,
					};
					await orAbsent(home.mesh.api.delete(secret));
					await pause(random.whole(500, 10_000), end);
					await giveKubeconfig(home.mesh.api, joiner, stage.joinKubeconfig);
				}
			},
		},
		connections: {
			everyMs: [8_000, 40_000],
			does: async (random) => {
				const side = random.isLucky(0.5) ? there : home;
				journal.note('connections cut', side.mesh.cluster.name);
				side.proxy.dropAll();
			},
		},
	};
}

async function applyMesh({ home, journal }: Stage, wanted: Wanted, wish: Wish, random: Random): Promise<void> {
	const { name } = wish;
	journal.note(wanted.meshes.has(name) ? 'spec' : 'mesh made', name);
	wanted.meshes.set(name, wish);
	await applyInstallation(home.mesh.api, name, specOf(wish, name === joinedMesh, random));
}

async function disturb(
	{ journal }: Stage,
	{ mesh }: Stage['home'],
	random: Random,
	child: KubeObject | undefined,
): Promise<void> {
	if (child === undefined) return;
	const about = `${mesh.cluster.name} ${child.kind} ${child.metadata.namespace ?? ''}/${child.metadata.name}`;
	if (random.isLucky(0.5)) {
		journal.note('child deleted', about);
		await mesh.api.delete(referenceOf(child));
	} else {
		journal.note('child edited', about);
		const label = 'app.kubernetes.io/managed-by';
		const labels = random.isLucky(0.5) ? { [label]: 'somebody' } : { 'app.kubernetes.io/version': null };
		await mesh.api.patch(referenceOf(child), { metadata: { labels } }, { type: 'merge' });
	}
}
