/** Many installations in one cluster, each in a namespace of its own: written at once, kept apart, quiet, and gone without a trace. */
import test from 'ava';
import { instanceOf } from '../operator/apply/identity.ts';
import { classicReleases } from '../operator/releases/classic/index.ts';
import { objectKey } from '../operator/runtime/object.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	renderedChildren,
	untilInstalled,
	versionsOf,
} from './support/installation.ts';
import { operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { startOperator } from './support/operator.ts';
import { describeWrite, mark, untilCalm, writesOf } from './support/writes.ts';

const perRelease = 5;

test('twenty-five installations of five releases at once: each has what is rendered for it and nothing else, then there is silence, and all go', async (t) => {
	await using mesh = await startMeshCluster();
	await using operator = await startOperator(mesh);
	const { api, cluster } = mesh;
	const all = classicReleases.flatMap(({ version }) =>
		Array.from({ length: perRelease }, (_, index) => {
			const name = `many-${version.replaceAll('.', '-')}-${index}`;
			return { name, spec: { version, namespace: name } };
		}),
	);
	await Promise.all(all.map(({ name, spec }) => applyInstallation(api, name, spec)));
	await Promise.all(all.map(({ name }) => untilInstalled(api, name)));
	const names = all.map(({ name }) => name);
	const live = Map.groupBy(await liveChildren(api, ...names), ({ metadata }) => instanceOf(metadata.labels) ?? '');
	for (const { name, spec } of all) {
		const wanted = renderedChildren(name, spec).map(objectKey).sort();
		t.deepEqual(live.get(name)?.map(objectKey).sort(), wanted, name);
	}
	await untilCalm(cluster, operatorUser);
	const place = await mark(cluster);
	const before = await versionsOf(api, ...names);
	// One that changes is no news to the others.
	const [first] = all;
	if (first === undefined) return t.fail();
	await applyInstallation(api, first.name, { ...first.spec, pilot: { replicas: 2 } });
	await untilInstalled(api, first.name);
	await untilCalm(cluster, operatorUser);
	const writes = (await writesOf(cluster, operatorUser, place)).map(describeWrite);
	t.true(writes.length > 0);
	t.deepEqual(
		writes.filter((write) => !write.includes(first.name)),
		[],
	);
	const after = await versionsOf(api, ...names);
	for (const { name } of all.slice(1)) {
		const of = (versions: typeof before) => Object.entries(versions).filter(([key]) => key.includes(name));
		t.deepEqual(of(after), of(before), name);
	}
	await Promise.all(all.map(({ name }) => deleteInstallation(api, name)));
	t.deepEqual(await liveChildren(api, ...names), []);
	t.is((await operator.ask('/healthz')).status, 200);
});
