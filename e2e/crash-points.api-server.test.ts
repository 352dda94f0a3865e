/**
 * Kills the operator process (SIGKILL) at every write of an installation and of its deletion (`crash-moments.ts`). The
 * next process leaves the cluster as an undisturbed one would have: same objects, same owners of fields, same generations,
 * same status.
 */
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import { objectKey } from '../operator/runtime/object.ts';
import { pointsOf } from './support/crash-moments.ts';
import { type Act, CrashStage } from './support/crash-stage.ts';
import {
	applyInstallation,
	installationReference,
	liveChildren,
	renderedChildren,
	type Spec,
} from './support/installation.ts';
import { versionUnderTest } from './support/lines-under-test.ts';
import { playIstiods } from './support/played-istiod.ts';

function spec(namespace: string): Spec {
	return { namespace, pilot: { replicas: 2, disruptionBudget: { minAvailable: 1 } } };
}

const install: Act = (api, name) => applyInstallation(api, name, spec(name));
const installationKey = objectKey({ ...kinds.MeshInstallation, name: '<name>' });
const remove: Act = (api, name) => api.delete(installationReference(name));

/** Deadline of one round. How many rounds fit into a time depends on the machine. */
const roundMs = 10 * 60_000;

test('an operator killed at any write of an installation or of a deletion leaves nothing that a restart does not put right', async (t) => {
	t.timeout(roundMs);
	await using stage = await CrashStage.start({ isProcess: true });
	await stage.operate();
	// The first installation brings Istio's CRDs. crash-points-crds.api-server.test.ts is about those.
	const first = stage.nextName();
	await stage.rehearse(first, install);
	await stage.rehearse(first, remove);
	const crds = await stage.crdVersions();

	const name = stage.nextName();
	const installing = await stage.rehearse(name, install);
	const removing = await stage.rehearse(name, remove);
	t.log(`${installing.points.length} points of an installation, ${removing.points.length} of a deletion`);
	const everything = renderedChildren(name, spec(name)).map((object) => objectKey(object).replaceAll(name, '<name>'));
	const kept = 'Namespace <name>';
	t.deepEqual(Object.keys(installing.result).toSorted(), [...everything, kept, installationKey].toSorted());
	t.deepEqual(Object.keys(removing.result), [kept]);
	// Plus finalizer and status, and a namespace that is made or a finalizer that goes.
	t.true(installing.points.length >= pointsOf(everything.length + 3));
	t.true(removing.points.length >= pointsOf(everything.length + 2));

	const rounds = Math.max(installing.points.length, removing.points.length);
	for (let round = 0; round < rounds; round++) {
		t.timeout(roundMs);
		const mesh = stage.nextName();
		const [installPoint, removePoint] = [installing.points[round], removing.points[round]];
		await (installPoint === undefined
			? stage.undisturbed(mesh, install, installing.result)
			: stage.crash(mesh, install, installPoint, installing.result));
		await (removePoint === undefined
			? stage.undisturbed(mesh, remove, removing.result)
			: stage.crash(mesh, remove, removePoint, removing.result));
	}

	t.deepEqual(await liveChildren(stage.api), [], 'nothing of any of them is left');
	t.deepEqual((await stage.api.list(kinds.MeshInstallation)).items, []);
	t.deepEqual(await stage.crdVersions(), crds, 'restarts did not write the CRDs anew');
});

const strict: Act = (api, name) =>
	applyInstallation(api, name, {
		...spec(name),
		version: versionUnderTest('istiod'),
		sidecarInjector: { enabled: true, namespaces: [`${name}-app`] },
		mesh: { mtls: { mode: 'STRICT' } },
	});

test('operators that live for one write each install a mesh of istiod with its webhooks, and delete it, as one that lives', async (t) => {
	t.timeout(roundMs);
	await using stage = await CrashStage.start();
	await using _istiods = await playIstiods(stage.api, stage.cluster, { rollsOut: true });
	await stage.operate();
	// The first one brings Istio's CRDs.
	const first = stage.nextName();
	await stage.rehearse(first, strict);
	await stage.rehearse(first, remove);

	const name = stage.nextName();
	const installing = await stage.rehearse(name, strict);
	const removing = await stage.rehearse(name, remove);
	const onStep = () => t.timeout(roundMs);
	const mesh = stage.nextName();
	const making = await stage.inLives(mesh, strict, installing, onStep);
	const leaving = await stage.inLives(mesh, remove, removing, onStep);
	t.log(`${making} operators died of an installation, ${leaving} of a deletion`);
	const objects = Object.keys(installing.result).length - Object.keys(removing.result).length;
	t.true(making >= objects && leaving >= objects - 1, 'each write is one life');
	t.deepEqual(await liveChildren(stage.api), []);
});
