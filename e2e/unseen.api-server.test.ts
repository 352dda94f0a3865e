/** What is not seen is not claimed: without rights to watch Deployments nobody knows whether the mesh is ready. */
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import { setAvailable } from './support/injector.ts';
import { applyInstallation, readInstallation, untilCondition, untilReady, untilSaid } from './support/installation.ts';
import { linesUnderTest } from './support/lines-under-test.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';

/** One of each line, side by side. */
const meshes = linesUnderTest.map(({ line, version, pilot }) => ({
	name: line,
	pilot,
	spec: { version, namespace: `istio-${line}` },
}));

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ own: true });
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

interface Role extends KubeObject {
	readonly rules: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[] }[];
}

test('without a watch of Deployments readiness is unknown, and known again when they are seen', async (t) => {
	const { api, cluster } = mesh;
	const setAllAvailable = async (isAvailable: boolean) => {
		for (const { pilot, spec } of meshes)
			await eventually(`${pilot} is there`, () =>
				setAvailable(api, spec.namespace, pilot, isAvailable).then(() => true),
			);
	};
	for (const { name, spec } of meshes) await applyInstallation(api, name, spec);
	await setAllAvailable(true);
	for (const { name } of meshes) await untilReady(api, name);

	const reference = { ...kinds.ClusterRole, name: 'meshwright' };
	const { rules } = await api.get<Role>(reference);
	const others = rules
		.map((rule) => ({ ...rule, resources: rule.resources.filter((resource) => resource !== 'deployments') }))
		.filter(({ resources }) => resources.length > 0);
	t.notDeepEqual(others, rules);
	await api.patch(reference, { rules: others }, { type: 'merge', fieldManager: 'somebody' });
	// Rights are checked when a watch begins, so this watch has to end.
	await cluster.restartApiServer();
	for (const { name } of meshes) {
		await untilCondition(api, name, 'Ready', 'Unknown', 'ReadinessUnknown');
		const { status } = await readInstallation(api, name);
		t.like(status?.components?.[0], { name: 'pilot', reason: 'ReadinessUnknown' });
		t.is(status?.components?.[0]?.ready, undefined);
	}

	await setAllAvailable(false);
	await api.patch(reference, { rules }, { type: 'merge', fieldManager: 'somebody' });
	// Whether that is a beginning or a failure depends on whether a pass came between the watch and its first event.
	for (const { name } of meshes) await untilSaid(api, name, 'Ready', 'none of 1 pods available');
	await setAllAvailable(true);
	for (const { name } of meshes) await untilReady(api, name);
});
