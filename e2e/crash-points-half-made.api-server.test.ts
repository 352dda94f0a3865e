/** What an operator left half-made can be deleted, even while none runs: the next one removes all of it. */
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import { type Act, CrashStage } from './support/crash-stage.ts';
import { applyInstallation, installationReference, liveChildren } from './support/installation.ts';

const install: Act = (api, name) =>
	applyInstallation(api, name, { namespace: name, pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 } } });

/** Deadline of one round. How many rounds fit into a time depends on the machine. */
const roundMs = 10 * 60_000;

test('an installation that was given up after any of its writes leaves nothing when it is deleted', async (t) => {
	t.timeout(roundMs);
	await using stage = await CrashStage.start();
	await stage.operate();
	await stage.rehearse(stage.nextName(), install);
	const { points } = await stage.rehearse(stage.nextName(), install);
	const complete = await liveChildren(stage.api);

	for (const point of points.filter(({ when }) => when === 'after')) {
		t.timeout(roundMs);
		const name = stage.nextName();
		await stage.breakOff(name, install, point);
		await stage.api.delete(installationReference(name));
		await stage.operate();
		await stage.settle(name);
		t.deepEqual(await liveChildren(stage.api, name), [], `after ${point.write}`);
		t.deepEqual(stage.writesElsewhere(name), []);
	}
	t.is((await stage.api.list(kinds.MeshInstallation)).items.length, 2);
	t.deepEqual(await liveChildren(stage.api), complete, 'installations beside it are as they were');
});
