/** Measures how long the operator writes for new installations, against the floor. */
import { parseMeshInstallation } from '../../api/v1/index.ts';
import { lines } from '../../operator/lines/index.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { applyCrds, defineFloor, type FloorMesh, timeFloor } from './floor.ts';
import { asFigures, describePair, inTurns, type PairFigures } from './pair.ts';
import { installation, openStage, operatorToken, type Stage, startLoader, startOperator } from './stage.ts';
import { describeSeries, median } from './statistics.ts';
import { timeInstallations } from './time-installations.ts';

const version = '1.4.10';

/** The objects of an installation, rendered as the operator renders them. */
export function renderInstallation(object: KubeObject): {
	readonly crds: readonly KubeObject[];
	readonly objects: readonly KubeObject[];
} {
	const parsed = parseMeshInstallation(object);
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	const resolved = lines.resolve(parsed.installation);
	if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
	return { crds: lines.renderCrds(resolved.mesh), objects: lines.render(resolved.mesh, {}) };
}

let serial = 0;

/** New installations, with what is rendered for them. */
function newMeshes(prefix: string, count: number): readonly FloorMesh[] {
	return Array.from({ length: count }, () => {
		const object = installation(`${prefix}-${++serial}`, version);
		return { installation: object, objects: renderInstallation(object).objects };
	});
}

/** Milliseconds that the operator takes for so many new installations. */
function timeOperator(stage: Stage, count: number): Promise<number> {
	const meshes = newMeshes('mesh', count);
	const children = meshes.flatMap(({ objects }) => objects).filter(({ kind }) => kind !== 'Namespace').length;
	return timeInstallations(
		stage,
		meshes.map((mesh) => mesh.installation),
		children,
	);
}

export type ApplyFigures = PairFigures<'apply.single'> &
	PairFigures<'apply.fifty'> & { readonly notes: readonly string[] };

export async function measureApply(runs: number): Promise<ApplyFigures> {
	await using stage = await openStage();
	await using loader = startLoader(stage, await operatorToken(stage));
	await applyCrds(loader, renderInstallation(installation('warm', version)).crds);
	await using _ = await startOperator(stage);
	await defineFloor(stage);
	// The first installation makes the CRDs or takes them over, and warms both sides up.
	await timeOperator(stage, 1);
	await timeOperator(stage, 10);
	const status = stage.seen.installations.get(`mesh-${serial}`)?.status;
	const floor = (count: number, by = loader) => timeFloor(stage, by, newMeshes('floor', count), status);
	await floor(10);

	const single = await inTurns(
		runs * 4,
		() => floor(1),
		() => timeOperator(stage, 1),
	);
	const fifty = await inTurns(
		runs,
		() => floor(50),
		() => timeOperator(stage, 50),
	);
	await using administrator = startLoader(stage, stage.cluster.adminToken);
	await floor(10, administrator);
	const unchecked = [await floor(1, administrator), await floor(50, administrator)];
	const size = renderInstallation(installation('sample', version)).objects.length;
	return {
		...asFigures('apply.single', single),
		...asFigures('apply.fifty', fifty),
		notes: [
			`one installation (${size} objects): ${describePair(single)}`,
			`50 installations: ${describePair(fifty)}`,
			`an administrator, whose roles and bindings the API server does not check, would take ${unchecked.map((ms) => ms.toFixed(1)).join(' and ')} ms`,
		],
	};
}

/** Measures the first installation in an empty cluster, CRDs included, in a new cluster each time. */
export async function measureFirst(
	runs: number,
): Promise<{ readonly 'apply.first_ms': number; readonly notes: readonly string[] }> {
	const series: number[] = [];
	for (let run = 0; run < runs; run++) {
		await using stage = await openStage();
		await using _ = await startOperator(stage);
		series.push(await timeOperator(stage, 1));
	}
	return {
		'apply.first_ms': median(series),
		notes: [`first installation in an empty cluster: ${describeSeries(series)} ms`],
	};
}
