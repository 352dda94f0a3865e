/**
 * Reads off the Deployments that stand which version runs, for a mesh whose status does not say it: a status may be lost, as
 * when a MeshInstallation is restored from a backup without it. So a changed version is walked with its checks all the same,
 * and one that was in the middle goes on in the middle. Pure.
 */
import { compareVersions, readFullVersion, type UpgradeStage, upgradeStages } from '../../../api/v1/index.ts';
import { isWorkloadRunning } from '../../apply/child.ts';
import { componentLabel } from '../../apply/identity.ts';
import type { LiveObjects } from '../../apply/live.ts';
import { stageIndex, type UpgradeRecord } from '../../plan/upgrade/course.ts';
import { applySetId } from '../../render/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';

export interface Standing {
	/** Undefined when nothing runs, or nobody can tell. */
	readonly running: string | undefined;
	/** The change of version that goes on. */
	readonly record: UpgradeRecord | undefined;
}

/**
 * What the status says, and otherwise what stands.
 * @param now RFC 3339
 */
export function standingOf(
	{ metadata, status }: StoredInstallation,
	live: Pick<LiveObjects, 'ofApplySet'>,
	stageOf: (object: KubeObject) => UpgradeStage,
	now: string,
): Standing {
	const { version: running, upgrade: record } = status ?? {};
	if (running !== undefined || record !== undefined) return { running, record };
	const deployments = live.ofApplySet(applySetId(metadata.name)).flatMap(({ workload, ...child }) => {
		const version = readFullVersion(workload?.version ?? '')?.version;
		return workload === undefined || version === undefined ? [] : [{ ...child, workload, version }];
	});
	if (!deployments.some(({ workload }) => isWorkloadRunning(workload)))
		return { running: undefined, record: undefined };
	const indexOf = ({ apiVersion, kind, metadata: { name }, component = '' }: (typeof deployments)[number]) =>
		stageIndex(stageOf({ apiVersion, kind, metadata: { name, labels: { [componentLabel]: component } } }));
	const versions = [...new Set(deployments.map(({ version }) => version))].sort((a, b) =>
		compareVersions(readFullVersion(a), readFullVersion(b)),
	);
	const [from = '', to = from] = [versions[0], versions.at(-1)];
	if (from === to) return { running: from, record: undefined };
	const stage = upgradeStages[reachedBy(deployments.map((one) => ({ isOld: one.version === from, at: indexOf(one) })))];
	const middle: UpgradeRecord = { from, to, state: 'Progressing', since: now, startedAt: now };
	return { running: from, record: stage === undefined ? middle : { ...middle, reached: stage } };
}

/**
 * Up to which stage objects of another version than the oldest may stand. Stages without a Deployment may have been written
 * as well, up to the next one whose Deployment is of the oldest version.
 */
function reachedBy(deployments: readonly { readonly isOld: boolean; readonly at: number }[]): number {
	const furthest = Math.max(...deployments.flatMap(({ isOld, at }) => (isOld ? [] : [at])));
	return (
		Math.min(upgradeStages.length, ...deployments.flatMap(({ isOld, at }) => (isOld && at > furthest ? [at] : []))) - 1
	);
}
