import test from 'ava';
import { type UpgradeStage, upgradeStages } from '../../../api/v1/index.ts';
import type { Step } from '../../plan/upgrade/advance.ts';
import { passOver } from './pass-over.ts';

function entering(stage: UpgradeStage): Step {
	const record = { from: '1.3.8', to: '1.4.10', state: 'Progressing', since: 'now', startedAt: 'now', stage } as const;
	return { record, isFurther: true, againInMs: 0, trouble: undefined };
}

/** What is recorded where only these stages have something to write. */
async function recorded(first: UpgradeStage, busy: readonly UpgradeStage[]) {
	const step = await passOver(entering(first), async ({ stage }) => {
		if (busy.some((one) => one === stage)) return undefined;
		const next = upgradeStages[upgradeStages.indexOf(stage as UpgradeStage) + 1];
		return next === undefined ? undefined : entering(next);
	});
	return step?.record?.stage;
}

test('stages without anything to write are passed over, up to the first one that has', async (t) => {
	t.is(await recorded('CRDs', ['Configuration', 'Gateways']), 'Configuration');
	t.is(await recorded('CRDs', ['Pilot']), 'Pilot');
	t.is(await recorded('Pilot', ['Pilot']), 'Pilot');
});

test('joined clusters and workloads are never passed over: what is written there is no object of the mesh', async (t) => {
	t.is(await recorded('Gateways', []), 'DataPlanes');
	t.is(await recorded('Workloads', []), 'Workloads');
});

test('a stage that waits is recorded, and so is the end', async (t) => {
	const waits: Step = { ...entering('Mixer'), isFurther: false };
	const step = entering('Pilot');
	t.is(await passOver(step, async () => waits), step);
	t.is(await passOver(step, async () => ({ ...waits, record: undefined })), step);
	t.is(await passOver(waits, () => t.fail() as never), waits);
	t.is(await passOver(undefined, () => t.fail() as never), undefined);
});
