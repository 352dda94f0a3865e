/**
 * As crash-points.api-server.test.ts, with the writes of Istio's CRDs, which all installations share. So there is not one
 * installation for each point, but one that has to get through them all. Each operator gets one write further than the one
 * before it.
 */
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { takeCrdSnapshot } from './support/crash-snapshot.ts';
import { type Act, CrashStage } from './support/crash-stage.ts';
import { applyInstallation, installationReference } from './support/installation.ts';

function ask(version: string): Act {
	return (api, name) => applyInstallation(api, name, { namespace: name, version, pilot: { replicas: 2 } });
}

/** Removes an installation and Istio's CRDs. */
async function clear(stage: CrashStage, name: string): Promise<void> {
	await stage.rehearse(name, (api) => api.delete(installationReference(name)));
	const { items } = await stage.api.list<KubeObject>(kinds.CustomResourceDefinition);
	const istio = items.filter(({ metadata }) => metadata.name.endsWith('.istio.io'));
	await Promise.all(
		istio.map(({ metadata: { name: crd } }) => stage.api.delete({ ...kinds.CustomResourceDefinition, name: crd })),
	);
	await stage.untilNoCrds();
}

/** Deadline of one round. How many rounds fit into a time depends on the machine. */
const roundMs = 10 * 60_000;

test('operators of which each dies one write later than the one before it, from an empty cluster on, get an installation and its next version done', async (t) => {
	t.timeout(roundMs);
	await using stage = await CrashStage.start();
	await stage.operate();
	const example = stage.nextName();
	const [installing, crdsInstalled] = [await stage.rehearse(example, ask('1.3.8')), await takeCrdSnapshot(stage.api)];
	const [changing, crdsChanged] = [await stage.rehearse(example, ask('1.4.10')), await takeCrdSnapshot(stage.api)];
	t.log(`${installing.points.length} points of an installation, ${changing.points.length} of another version`);
	t.notDeepEqual(crdsInstalled, crdsChanged);
	await clear(stage, example);

	const name = stage.nextName();
	const onStep = () => t.timeout(roundMs);
	await stage.crashLoop(name, ask('1.3.8'), installing, onStep);
	t.deepEqual(await takeCrdSnapshot(stage.api), crdsInstalled);
	await stage.crashLoop(name, ask('1.4.10'), changing, onStep);
	t.deepEqual(await takeCrdSnapshot(stage.api), crdsChanged);
});
