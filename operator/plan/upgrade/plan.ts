/**
 * The plan of a change of version, for a person to read before it begins: what changes, in which order, what stands against
 * it. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { type UpgradeStage, upgradeStages } from '../../../api/v1/index.ts';
import { isWorkload } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { type ComponentChange, componentChanges } from './changes.ts';
import type { CheckedArea, Rendered } from './check-upgrade.ts';
import type { Looked, SeenProxies } from './gathered.ts';
import { type Judgement, judge } from './insist.ts';

/** A stage that has something to do. */
export interface PlannedStage {
	readonly stage: UpgradeStage;
	/** How many objects are new, differ or go. */
	readonly objects: number;
	/** Deployments whose pods are replaced. */
	readonly rolls: readonly string[];
	/** Joined clusters whose data planes follow. */
	readonly clusters: readonly string[];
	/** Whether it waits for an approval. */
	readonly isPaused: boolean;
}

export interface UpgradePlan {
	/** Name of the MeshInstallation. */
	readonly mesh: string;
	/** Undefined when nothing runs yet. */
	readonly from: string | undefined;
	readonly to: string;
	readonly components: readonly ComponentChange[];
	/** In their order. Empty when the present version can't be told. */
	readonly stages: readonly PlannedStage[];
	readonly proxies: Looked<readonly SeenProxies[]>;
	readonly areas: readonly CheckedArea[];
	readonly judgement: Judgement;
}

export interface PlanInput {
	readonly mesh: string;
	readonly from: string | undefined;
	readonly to: string;
	readonly areas: readonly CheckedArea[];
	readonly findings: Parameters<typeof judge>[0];
	readonly before: Rendered | undefined;
	readonly after: Rendered | undefined;
	readonly proxies: Looked<readonly SeenProxies[]>;
	/** The annotation by which the owner insists. */
	readonly insistence: string | undefined;
	/** The stage of an object. Undefined when nobody can tell. */
	readonly stageOf: ((object: KubeObject) => UpgradeStage) | undefined;
	/** The stages that wait for an approval. */
	readonly pauseBefore: readonly UpgradeStage[];
	/** Names of joined clusters with a data plane. */
	readonly dataPlanes: readonly string[];
}

export function planUpgrade(input: PlanInput): UpgradePlan {
	const { mesh, from, to, areas, findings, before, after, proxies, insistence } = input;
	return {
		mesh,
		from,
		to,
		areas,
		proxies,
		components: after === undefined ? [] : componentChanges(before?.objects ?? [], after.objects),
		stages: before === undefined || after === undefined ? [] : stagesOf(before, after, input),
		judgement: judge(findings, insistence),
	};
}

function stagesOf(
	before: Rendered,
	after: Rendered,
	{ stageOf, pauseBefore, dataPlanes }: PlanInput,
): readonly PlannedStage[] {
	if (stageOf === undefined) return [];
	const changed = Map.groupBy(changedObjects(before, after), stageOf);
	return upgradeStages
		.map((stage): PlannedStage => {
			const objects = changed.get(stage) ?? [];
			return {
				stage,
				objects: objects.length,
				rolls: objects.filter(isWorkload).map(({ metadata }) => metadata.name),
				clusters: stage === 'DataPlanes' ? dataPlanes : [],
				isPaused: pauseBefore.includes(stage),
			};
		})
		.filter(({ objects, clusters }) => objects + clusters.length > 0);
}

/** What is new, differs or goes. Definitions never go. */
function changedObjects(before: Rendered, after: Rendered): readonly KubeObject[] {
	const known = new Map([...before.objects, ...before.definitions].map((object) => [objectKey(object), object]));
	const all = [...after.definitions, ...after.objects];
	const keys = new Set(all.map(objectKey));
	return [
		...all.filter((object) => !isDeepStrictEqual(known.get(objectKey(object)), object)),
		...before.objects.filter((object) => !keys.has(objectKey(object))),
	];
}
