/**
 * Measures how long a change by others lives: from its acknowledgement until our repair is stored. Beside it, in turns, stands
 * what the API server alone takes: while the operator stands still, the same objects are damaged in the same way, and a raw
 * client with the operator's rights applies the same bodies, which knows when and what. A RoleBinding costs the API server
 * some 80 ms for a writer without `bind`, because it lists all bindings first, consistently.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asChild, fieldManager } from '../../operator/apply/identity.ts';
import { applySetId } from '../../operator/render/index.ts';
import { kinds, objectPath } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { renderInstallation } from './measure-apply.ts';
import {
	installation,
	type Loader,
	openStage,
	operatorToken,
	type Stage,
	startLoader,
	startOperator,
	storedChildren,
	until,
} from './stage.ts';
import { median, quantile } from './statistics.ts';
import { damage, timeRepair } from './time-repair.ts';

const name = 'drift';
/** Nothing runs here, so webhooks never come. */
const gated: ReadonlySet<string> = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);
/** Repairs are timed one by one, each on a quiet server. */
const pauseMs = 15;
const settleMs = 200;

export interface DriftFigures {
	readonly 'drift.p50_ms': number;
	readonly 'drift.p99_ms': number;
	/** Of the kind whose repairs take longest beside the API server alone. */
	readonly 'drift.p50_ratio': number;
	/** Of all kinds together, each measured by what the API server takes for it. */
	readonly 'drift.p99_ratio': number;
	readonly notes: readonly string[];
}

/** The same for a mesh of istiod. */
export type DriftFiguresOfIstiod = Readonly<
	Record<`drift.istiod.${'p50_ms' | 'p99_ms' | 'p50_ratio' | 'p99_ratio'}`, number>
>;

/** Milliseconds, of one kind. */
interface Series {
	readonly operator: number[];
	readonly floor: number[];
}

/** @param repairs by each side. More than some 120 at this pace would be slowed down as a loop. */
export async function measureDrift(repairs: number): Promise<DriftFigures & DriftFiguresOfIstiod> {
	const classic = await measureLine('1.4.10', repairs);
	const istiod = await measureLine('1.31.4', repairs);
	return {
		...classic,
		'drift.istiod.p50_ms': istiod['drift.p50_ms'],
		'drift.istiod.p99_ms': istiod['drift.p99_ms'],
		'drift.istiod.p50_ratio': istiod['drift.p50_ratio'],
		'drift.istiod.p99_ratio': istiod['drift.p99_ratio'],
		notes: [...classic.notes, ...istiod.notes.map((note) => `istiod, ${note}`)],
	};
}

async function measureLine(version: string, repairs: number): Promise<DriftFigures> {
	await using stage = await openStage();
	await using operator = await startOperator(stage);
	await using loader = startLoader(stage, await operatorToken(stage));
	const object = installation(name, version);
	const count = renderInstallation(object).objects.filter(
		({ kind }) => kind !== 'Namespace' && !gated.has(kind),
	).length;
	await stage.user.create(object, { fieldManager: 'user' });
	await until('the installation is stored', () => storedChildren(stage, name) === count);
	await sleep(1_000);
	const children = stage.seen.children
		.ofApplySet(applySetId(name))
		.toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
	const bodies = bodiesOf(stage, object);
	const byKind = new Map(children.map(({ kind }) => [kind, { operator: [], floor: [] } as Series]));
	for (let turn = 0; turn * children.length < repairs; turn++) {
		const isDeletion = turn % 2 === 0;
		for (const child of children) {
			byKind.get(child.kind)?.operator.push(await timeRepair(stage, child, isDeletion));
			await sleep(pauseMs);
		}
		process.kill(operator.pid, 'SIGSTOP');
		for (const child of children) {
			byKind.get(child.kind)?.floor.push(await timeFloor(stage, loader, bodies.get(objectKey(child)), isDeletion));
			await sleep(pauseMs);
		}
		process.kill(operator.pid, 'SIGCONT');
		// It takes in what it has missed, and finds all as it should be.
		await sleep(settleMs);
	}
	return figuresOf([...byKind]);
}

/** What the operator applies, by key. */
function bodiesOf({ seen }: Stage, mesh: KubeObject): ReadonlyMap<string, KubeObject> {
	const { apiVersion, kind } = kinds.MeshInstallation;
	const uid = seen.installations.get(name)?.metadata.uid ?? '';
	const { objects } = renderInstallation(mesh);
	return new Map(objects.map((object) => [objectKey(object), asChild(object, { apiVersion, kind, name, uid })]));
}

async function timeFloor(
	stage: Stage,
	loader: Loader,
	body: KubeObject | undefined,
	isDeletion: boolean,
): Promise<number> {
	if (body === undefined) throw new Error('an object is stored that is not rendered');
	await damage(stage.user, body, isDeletion);
	return loader.run({ stages: [[{ path: objectPath(body), body, fieldManager }]], inFlight: 1 });
}

function figuresOf(byKind: readonly (readonly [kind: string, Series])[]): DriftFigures {
	const all = byKind.flatMap(([, { operator }]) => operator);
	const inFloors = (of: (series: Series) => readonly number[]) =>
		byKind.flatMap(([, series]) => of(series).map((milliseconds) => milliseconds / median(series.floor)));
	const ratios = byKind.map(([, { operator, floor }]) => median(operator) / median(floor));
	return {
		'drift.p50_ms': quantile(all, 0.5),
		'drift.p99_ms': quantile(all, 0.99),
		'drift.p50_ratio': Math.max(...ratios),
		'drift.p99_ratio':
			quantile(
				inFloors(({ operator }) => operator),
				0.99,
			) /
			quantile(
				inFloors(({ floor }) => floor),
				0.99,
			),
		notes: byKind.map(([kind, { operator, floor }]) => {
			const [p50, p99] = [0.5, 0.99].map((share) => [quantile(operator, share), quantile(floor, share)] as const);
			const shown = ([ours, theirs]: readonly [number, number] = [Number.NaN, Number.NaN]) =>
				`${ours.toFixed(1)} ms, the API server alone ${theirs.toFixed(1)}: ${(ours / theirs).toFixed(2)}`;
			return `${kind}: p50 ${shown(p50)}; p99 of ${operator.length} ${shown(p99)}`;
		}),
	};
}
