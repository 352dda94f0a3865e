/** Makes the plan of a change of version: of a live mesh, or of a MeshInstallation in a file. By the operator's own functions. */
import {
	fieldsOf,
	isObject,
	namespaceOf,
	timeText,
	type UpgradeStage,
	upgradeDespiteAnnotation,
	upgradeStages,
} from '../../../api/v1/index.ts';
import { toChild } from '../../apply/child.ts';
import { partOfLabel } from '../../apply/identity.ts';
import { lines } from '../../lines/index.ts';
import { type StoredInstallation, toInstallation } from '../../mesh/installation.ts';
import type { PrepareOptions } from '../../mesh/prepare.ts';
import { askUpgrade } from '../../mesh/upgrade/question.ts';
import { standingOf } from '../../mesh/upgrade/standing.ts';
import { targetOf } from '../../mesh/upgrade/target.ts';
import { planUpgrade, type UpgradePlan } from '../../plan/upgrade/plan.ts';
import { formerSpec } from '../../plan/upgrade/settings.ts';
import type { MeshLimits, ResolvedMesh } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';

export interface AskContext {
	/** Undefined without a cluster. */
	readonly api: ApiServer | undefined;
	readonly serverVersion: string | undefined;
	readonly limits: MeshLimits | undefined;
	readonly signal: AbortSignal;
}

/** What was not seen by then is told as not looked at. */
const deadlineMs = 60_000;

/**
 * The version that a live mesh runs, also while it is on its way to another one. Where its status does not say it, as after
 * a restore without one, it is read off the Deployments, as the operator does.
 */
export async function runningVersion(
	object: StoredInstallation,
	api: Pick<ApiServer, 'list'>,
): Promise<string | undefined> {
	const { status, spec, metadata } = object;
	const told = status?.upgrade?.from ?? status?.version;
	if (told !== undefined) return told;
	const labelSelector = `${partOfLabel}=${applySetId(metadata.name)}`;
	const { items } = await api.list<KubeObject>(kinds.Deployment, { labelSelector, namespace: namespaceOf(object) });
	const standing = { ofApplySet: () => items.map(toChild) };
	// What is asked here is the older of two versions alone, which does not depend on their stages.
	const { running } = standingOf(object, standing, () => 'Pilot', timeText(0));
	const asked = isObject(spec) && typeof spec.version === 'string' ? spec.version : undefined;
	return running ?? (status?.inventory === undefined ? undefined : asked);
}

export function asStored(object: KubeObject): StoredInstallation {
	return toInstallation(object, () => undefined);
}

/**
 * @param wanted the MeshInstallation as it shall be
 * @param live the one in the cluster. Undefined when there is none, or no cluster.
 * @param from the version that runs. Undefined when nothing does.
 */
export async function planFor(
	wanted: unknown,
	live: StoredInstallation | undefined,
	from: string | undefined,
	{ api, serverVersion, limits, signal }: AskContext,
): Promise<UpgradePlan> {
	const { metadata, spec } = headerOf(wanted);
	const options = { lines, serverVersion, limits };
	const to = String(spec.version ?? '');
	const former = from === undefined ? undefined : formerMesh(live ?? wanted, from, options);
	const target = targetOf(wanted, options);
	const answer = await askUpgrade(
		{
			from: from === undefined ? undefined : { version: from, mesh: former },
			to: { version: to, ...target },
			status: live?.status,
		},
		{ lines, api, now: new Date(), signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]) },
	);
	const annotations = isObject(metadata.annotations) ? metadata.annotations : {};
	const insistence = annotations[upgradeDespiteAnnotation];
	const releases = [from, to].map((version) => lines.releases.find((release) => release.version === version));
	const [before, after] = releases;
	const isOneLine = before !== undefined && after !== undefined && before.line === after.line;
	const clusters = target.mesh?.multiCluster.clusters ?? [];
	return planUpgrade({
		...answer,
		mesh: String(metadata.name ?? ''),
		from,
		to,
		insistence: typeof insistence === 'string' ? insistence : undefined,
		stageOf: isOneLine ? (object) => lines.of(after).stageOf(object, { from: before, to: after }) : undefined,
		pauseBefore: stagesIn(fieldsOf(spec.upgrade).pauseBefore),
		dataPlanes: clusters.flatMap(({ name, dataPlane }) => (dataPlane === undefined ? [] : [name])),
	});
}

/** The mesh before: with its own settings where they are recorded, otherwise with the present ones. */
function formerMesh(object: unknown, version: string, options: PrepareOptions): ResolvedMesh | undefined {
	const { status, spec } = object as Partial<StoredInstallation>;
	const recorded = status?.upgrade?.previous ?? formerSpec(status?.inventory, version, spec);
	const present = isObject(spec) ? spec : {};
	// Joined clusters come and go in every version, so they are not recorded.
	const settings = isObject(recorded) ? { multiCluster: present.multiCluster, ...recorded } : present;
	return targetOf({ ...(object as object), spec: { ...settings, version } }, options).mesh;
}

function stagesIn(value: unknown): readonly UpgradeStage[] {
	return Array.isArray(value) ? upgradeStages.filter((stage) => value.includes(stage)) : [];
}

function headerOf(object: unknown) {
	const { metadata, spec } = isObject(object) ? object : {};
	return { metadata: isObject(metadata) ? metadata : {}, spec: isObject(spec) ? spec : {} };
}
