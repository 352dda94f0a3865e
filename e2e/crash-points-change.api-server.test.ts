/**
 * As crash-points.api-server.test.ts, for changes of an existing installation: another version, an autoscaler instead of a
 * number of replicas (where a careless order would leave one pod of many), and back (where an object goes).
 */
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import { objectKey } from '../operator/runtime/object.ts';
import { pointsOf } from './support/crash-moments.ts';
import { type Act, CrashStage, type Rehearsal } from './support/crash-stage.ts';
import { applyInstallation } from './support/installation.ts';

const fixed = { replicas: 3, disruptionBudget: { minAvailable: 1 } };
const scaled = { autoscaling: { minReplicas: 3, maxReplicas: 5 }, disruptionBudget: { minAvailable: 1 } };

function ask(version: string, pilot: object): Act {
	return (api, name) => applyInstallation(api, name, { namespace: name, version, pilot });
}

const deploymentKey = objectKey({ ...kinds.Deployment, namespace: '<name>', name: 'istio-pilot' });

interface Change {
	readonly title: string;
	readonly act: Act;
	/** The least number of objects that have to be written, besides the status. */
	readonly writes: number;
}

/** The changes, made one after the other on the same installation. */
const changes: readonly Change[] = [
	{ title: 'version', act: ask('1.4.10', fixed), writes: 7 },
	{ title: 'replicas to autoscaling', act: ask('1.4.10', scaled), writes: 3 },
	{ title: 'autoscaling to replicas', act: ask('1.4.10', fixed), writes: 2 },
];
const begin = ask('1.3.8', fixed);

/** Deadline of one round. How many rounds fit into a time depends on the machine. */
const roundMs = 10 * 60_000;

test('an operator killed at any write of a change is followed by one that completes it', async (t) => {
	t.timeout(roundMs);
	await using stage = await CrashStage.start();
	await stage.operate();
	// This brings the newest CRDs, which serve 1.3.8 as well.
	await stage.rehearse(stage.nextName(), ask('1.4.10', fixed));

	const name = stage.nextName();
	const begun = await stage.rehearse(name, begin);
	const rehearsed: { readonly change: Change; readonly rehearsal: Rehearsal }[] = [];
	for (const change of changes) {
		const rehearsal = await stage.rehearse(name, change.act);
		t.log(`${change.title}: ${rehearsal.points.length} points`);
		t.true(rehearsal.points.length >= pointsOf(change.writes + 1), change.title);
		// Without controllers nobody scales it, so any other number would be the operator's.
		t.like(rehearsal.result[deploymentKey], { spec: { replicas: 3 } }, change.title);
		rehearsed.push({ change, rehearsal });
	}

	const rounds = Math.max(...rehearsed.map(({ rehearsal }) => rehearsal.points.length));
	for (let round = 0; round < rounds; round++) {
		t.timeout(roundMs);
		const mesh = stage.nextName();
		await stage.undisturbed(mesh, begin, begun.result);
		for (const { change, rehearsal } of rehearsed) {
			const point = rehearsal.points[round];
			if (point === undefined) {
				await stage.undisturbed(mesh, change.act, rehearsal.result);
			} else {
				await stage.crash(mesh, change.act, point, rehearsal.result);
				t.deepEqual(stage.writesElsewhere(mesh), [], 'installations that were complete are left alone by a restart');
			}
		}
	}
});
