/** What is not seen is not claimed: without rights to watch Deployments nobody knows whether the mesh is ready. */
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { setAvailable } from './support/injector.ts';
import { applyInstallation, readInstallation, untilCondition, untilReady, untilSaid } from './support/installation.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';

const name = 'unseen';
const namespace = 'istio-unseen';

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
	await applyInstallation(api, name, { namespace });
	await untilCondition(api, name, 'Installed', 'True');
	await setAvailable(api, namespace, 'istio-pilot', true);
	await untilReady(api, name);

	const reference = { ...kinds.ClusterRole, name: 'meshwright' };
	const { rules } = await api.get<Role>(reference);
	const others = rules
		.map((rule) => ({ ...rule, resources: rule.resources.filter((resource) => resource !== 'deployments') }))
		.filter(({ resources }) => resources.length > 0);
	t.notDeepEqual(others, rules);
	await api.patch(reference, { rules: others }, { type: 'merge', fieldManager: 'somebody' });
	// Rights are checked when a watch begins, so this watch has to end.
	await cluster.restartApiServer();
	await untilCondition(api, name, 'Ready', 'Unknown', 'ReadinessUnknown');
	const { status } = await readInstallation(api, name);
	t.like(status?.components?.[0], { name: 'pilot', reason: 'ReadinessUnknown' });
	t.is(status?.components?.[0]?.ready, undefined);

	await setAvailable(api, namespace, 'istio-pilot', false);
	await api.patch(reference, { rules }, { type: 'merge', fieldManager: 'somebody' });
	// Whether that is a beginning or a failure depends on whether a pass came between the watch and its first event.
	await untilSaid(api, name, 'Ready', 'none of 1 pods available');
	await setAvailable(api, namespace, 'istio-pilot', true);
	await untilReady(api, name);
});
