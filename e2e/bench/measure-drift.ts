/** Measures how long a change by others lives: from its acknowledgement until our repair is stored. */
import { setTimeout as sleep } from 'node:timers/promises';
import { applySetId } from '../../operator/render/index.ts';
import { objectPath } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../../operator/runtime/object.ts';
import { renderInstallation } from './measure-apply.ts';
import {
	installation,
	openStage,
	operatorToken,
	type Stage,
	startLoader,
	startOperator,
	storedChildren,
	until,
} from './stage.ts';
import { describeSeries, quantile } from './statistics.ts';
import { timeRepair } from './time-repair.ts';

const name = 'drift';

export interface DriftFigures {
	readonly 'drift.p50_ms': number;
	readonly 'drift.p99_ms': number;
	readonly notes: readonly string[];
}

export async function measureDrift(repairs: number): Promise<DriftFigures> {
	await using stage = await openStage();
	await using _ = await startOperator(stage);
	await stage.user.create(installation(name, '1.4.10'), { fieldManager: 'user' });
	await until('the installation is stored', () => storedChildren(stage, name) === 8);
	await sleep(1_000);
	const children = stage.seen.children
		.ofApplySet(applySetId(name))
		.toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
	const series: number[] = [];
	const byKind = new Map<string, number[]>();
	for (let index = 0; index < repairs; index++) {
		const child = children[index % children.length];
		if (child === undefined) throw new Error('nothing to repair');
		const isDeletion = Math.floor(index / children.length) % 2 === 0;
		const milliseconds = await timeRepair(stage, child, isDeletion);
		series.push(milliseconds);
		byKind.set(child.kind, [...(byKind.get(child.kind) ?? []), milliseconds]);
		// Repairs are timed one by one, each on a quiet server.
		await sleep(15);
	}
	const bindingFloor = await timeBinding(stage);
	const others = [...byKind].flatMap(([kind, values]) => (kind === 'RoleBinding' ? [] : values));
	const kinds = [...byKind].map(([kind, values]) => `${kind} ${quantile(values, 0.5).toFixed(1)}`).join(', ');
	return {
		'drift.p50_ms': quantile(series, 0.5),
		'drift.p99_ms': quantile(series, 0.99),
		notes: [
			`${repairs} deletions and edits, one by one: ${describeSeries(series)} ms; by kind: ${kinds}`,
			`the API server alone takes ${describeSeries(bindingFloor)} ms to repair a RoleBinding for a writer without bind: it lists all bindings first, consistently; without RoleBindings p99 is ${quantile(others, 0.99).toFixed(1)} ms`,
		],
	};
}

/**
 * Milliseconds that a repair of one RoleBinding takes: the user empties it, and a raw client with the operator's rights
 * repairs it.
 */
async function timeBinding(stage: Stage): Promise<readonly number[]> {
	await using loader = startLoader(stage, await operatorToken(stage));
	// A copy that the operator does not know, so that nobody else repairs it.
	const binding = renderInstallation(installation(name, '1.4.10'))
		.objects.filter(({ kind }) => kind === 'RoleBinding')
		.map(
			({ metadata: { namespace = '' }, ...rest }) =>
				({ ...rest, metadata: { name: 'floor', namespace } }) as KubeObject,
		);
	const stages = [binding.map((body) => ({ path: objectPath(body), body }))];
	await loader.run({ stages, inFlight: 1 });
	const series: number[] = [];
	for (let run = 0; run < 10; run++) {
		for (const object of binding) await stage.user.patch(referenceOf(object), { subjects: [] }, { type: 'merge' });
		series.push(await loader.run({ stages, inFlight: 1 }));
		await sleep(15);
	}
	return series;
}
