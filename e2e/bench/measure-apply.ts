/**
 * Measures the time from a MeshInstallation to its last object, against the floor of raw parallel applies of the same
 * bodies.
 */
import { parseMeshInstallation } from '../../api/v1/index.ts';
import { asChild } from '../../operator/apply/identity.ts';
import { render, renderCrds, resolve } from '../../operator/lines/testing.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import {
	installation,
	type Loader,
	openStage,
	operatorToken,
	type Stage,
	startLoader,
	startOperator,
	until,
} from './stage.ts';
import { describeSeries, median } from './statistics.ts';

const version = '1.4.10';
export const inFlightTried = [4, 8, 16, 32];

/** The objects of an installation, rendered as the operator renders them. */
export function renderInstallation(object: KubeObject): {
	readonly crds: readonly KubeObject[];
	readonly objects: readonly KubeObject[];
} {
	const parsed = parseMeshInstallation(object);
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	const resolved = resolve(parsed.installation);
	if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
	return { crds: renderCrds(resolved.mesh), objects: render(resolved.mesh) };
}

/**
 * The same bodies as the operator sends, with owner, in the fewest stages in which the API server accepts them from a
 * writer without `bind` and `escalate`: namespaces before what is in them, roles before their bindings.
 */
export function floorStages(objects: readonly KubeObject[]): readonly (readonly KubeObject[])[] {
	const owner = {
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		name: 'floor',
		uid: '00000000-0000-0000-0000-000000000000',
	};
	const stageOf = ({ kind }: KubeObject) => (kind === 'Namespace' ? 0 : kind.endsWith('Binding') ? 2 : 1);
	return [0, 1, 2].map((stage) =>
		objects
			.filter((object) => stageOf(object) === stage)
			.map((object) => (stage === 0 ? object : asChild(object, owner))),
	);
}

let serial = 0;

/** The best median over all numbers of requests in flight, in milliseconds. */
async function measureFloor(
	loader: Loader,
	installations: number,
	runs: number,
): Promise<{ readonly best: number; readonly series: readonly number[]; readonly inFlight: number }> {
	let best: readonly number[] = [Number.POSITIVE_INFINITY];
	let bestInFlight = 0;
	for (const inFlight of inFlightTried) {
		const series: number[] = [];
		for (let run = 0; run < runs; run++) {
			const objects = Array.from(
				{ length: installations },
				() => renderInstallation(installation(`floor-${++serial}`, version)).objects,
			).flat();
			series.push(await loader.run({ stages: floorStages(objects), inFlight }));
		}
		if (median(series) < median(best)) {
			best = series;
			bestInFlight = inFlight;
		}
	}
	return { best: median(best), series: best, inFlight: bestInFlight };
}

/** Milliseconds from the acknowledgement of the first MeshInstallation until the last object of all is stored. */
async function timeInstallations(stage: Stage, count: number): Promise<number> {
	const wanted = Array.from({ length: count }, () => installation(`mesh-${++serial}`, version));
	const [sample] = wanted;
	if (sample === undefined) return 0;
	const children = renderInstallation(sample).objects.length - 1;
	const names = new Set(wanted.map(({ metadata }) => metadata.name));
	const { promise, resolve: done } = Promise.withResolvers<number>();
	let missing = children * count;
	let acknowledgedAt = 0;
	const off = stage.seen.onChild(({ type, current }) => {
		if (type === 'added' && current.instance !== undefined && names.has(current.instance) && --missing === 0)
			done(performance.now());
	});
	await Promise.all(
		wanted.map(async (object) => {
			await stage.user.create(object, { fieldManager: 'user' });
			acknowledgedAt ||= performance.now();
		}),
	);
	await until('all objects are stored', () => missing === 0);
	off();
	return (await promise) - acknowledgedAt;
}

export interface ApplyFigures {
	readonly 'apply.single.ratio': number;
	readonly 'apply.single.ms': number;
	readonly 'apply.single.floor_ms': number;
	readonly 'apply.fifty.ratio': number;
	readonly 'apply.fifty.ms': number;
	readonly 'apply.fifty.floor_ms': number;
	readonly notes: readonly string[];
}

export async function measureApply(runs: number): Promise<ApplyFigures> {
	await using stage = await openStage();
	await using loader = startLoader(stage, await operatorToken(stage));
	await loader.run({ stages: [renderInstallation(installation('warm', version)).crds], inFlight: 8 });
	await using _ = await startOperator(stage);
	// The first installation makes the CRDs or takes them over, and warms both sides up.
	await timeInstallations(stage, 1);
	await timeInstallations(stage, 10);
	await measureFloor(loader, 10, 1);

	const single: number[] = [];
	const singleFloor = await measureFloor(loader, 1, runs * 4);
	for (let run = 0; run < runs * 4; run++) single.push(await timeInstallations(stage, 1));
	const fiftyFloor = await measureFloor(loader, 50, runs);
	const fifty: number[] = [];
	for (let run = 0; run < runs; run++) fifty.push(await timeInstallations(stage, 50));
	await using administrator = startLoader(stage, stage.cluster.adminToken);
	await measureFloor(administrator, 10, 1);
	const singleUnchecked = await measureFloor(administrator, 1, runs);
	const fiftyUnchecked = await measureFloor(administrator, 50, 1);
	const size = renderInstallation(installation('sample', version)).objects.length;
	return {
		'apply.single.ratio': median(single) / singleFloor.best,
		'apply.single.ms': median(single),
		'apply.single.floor_ms': singleFloor.best,
		'apply.fifty.ratio': median(fifty) / fiftyFloor.best,
		'apply.fifty.ms': median(fifty),
		'apply.fifty.floor_ms': fiftyFloor.best,
		notes: [
			`one installation (${size} objects): ${describeSeries(single)} ms, floor ${describeSeries(singleFloor.series)} ms with ${singleFloor.inFlight} in flight`,
			`50 installations: ${describeSeries(fifty)} ms, floor ${describeSeries(fiftyFloor.series)} ms with ${fiftyFloor.inFlight} in flight`,
			`an administrator, whose roles and bindings the API server does not check, would take ${singleUnchecked.best.toFixed(1)} and ${fiftyUnchecked.best.toFixed(1)} ms`,
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
		series.push(await timeInstallations(stage, 1));
	}
	return {
		'apply.first_ms': median(series),
		notes: [`first installation in an empty cluster: ${describeSeries(series)} ms`],
	};
}
