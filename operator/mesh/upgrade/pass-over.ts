/**
 * Passes over stages in which there is nothing to do: no object of them differs, and they wait for nothing. Each record of a stage costs
 * a write before its first object. Where no object follows, none is needed.
 */
import { type UpgradeStage, upgradeStages } from '../../../api/v1/index.ts';
import type { Step } from '../../plan/upgrade/advance.ts';
import type { UpgradeRecord } from '../../plan/upgrade/course.ts';

/** What belongs to these stages is not among the objects of the mesh, so that a plan of them says nothing. */
const elsewhere: ReadonlySet<UpgradeStage> = new Set(['DataPlanes', 'Workloads']);

/**
 * The step that leads to the next stage in which there is something to do.
 * @param step what the pass has come to
 * @param stepAfter the step that a pass would come to that finds this record. Undefined when it would write objects
 */
export async function passOver(
	step: Step | undefined,
	stepAfter: (record: UpgradeRecord) => Promise<Step | undefined>,
): Promise<Step | undefined> {
	let current = step;
	for (const _ of upgradeStages) {
		const { record, isFurther } = current ?? {};
		if (record?.stage === undefined || isFurther !== true || elsewhere.has(record.stage as UpgradeStage)) break;
		const next = await stepAfter(record);
		if (next?.isFurther !== true) break;
		current = next;
	}
	return current;
}
