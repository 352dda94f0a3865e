/** The manifests alone suffice: scheduler and controllers take the operator's pods, under the rules of its own namespace. */
import test from 'ava';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { startCluster } from './control-plane/cluster.ts';
import { meshwright } from './support/cli.ts';
import { eventually } from './support/eventually.ts';
import { applyInstallation } from './support/installation.ts';
import { operatorAccount } from './support/mesh-cluster.ts';
import { startOperator } from './support/operator.ts';

const namespace = 'meshwright-system';

interface Conditions {
	readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

function isTrue({ status }: KubeObject, type: string): boolean {
	const { conditions = [] } = (status ?? {}) as Conditions;
	return conditions.some((condition) => condition.type === type && condition.status === 'True');
}

test('after install --wait the CRD is Established and the Deployment Available, on two nodes, one pod may be drained, and check finds all well', async (t) => {
	await using cluster = await startCluster({ name: 'install', parts: 'all', nodes: 2 });
	await using api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	const { exitCode, stdout, stderr } = await meshwright([
		'install',
		'--wait',
		'--kubeconfig',
		cluster.adminKubeconfig(),
	]);
	t.is(exitCode, 0, stderr);
	t.regex(stdout, /The operator is available\. Apply a MeshInstallation/);

	t.true(
		isTrue(
			await api.get({ ...kinds.CustomResourceDefinition, name: 'meshinstallations.meshwright.io' }),
			'Established',
		),
	);
	t.true(isTrue(await api.get({ ...kinds.Deployment, namespace, name: 'meshwright' }), 'Available'));
	const pods = await eventually('both pods run', async () => {
		const { items } = await api.list<KubeObject>(kinds.Pod, { namespace });
		return items.length === 2 && items.every((pod) => isTrue(pod, 'Ready')) ? items : undefined;
	});
	t.is(new Set(pods.map(({ spec }) => (spec as { readonly nodeName: string }).nodeName)).size, 2);
	await eventually('the budget lets one of them go', async () => {
		const { status } = await api.get({ ...kinds.PodDisruptionBudget, namespace, name: 'meshwright' });
		return (status as { readonly disruptionsAllowed?: number } | undefined)?.disruptionsAllowed === 1;
	});

	// Nodes are simulated, so the operator's pods do nothing. It works here instead, as its account, and leads.
	const here = { kubeconfig: await cluster.kubeconfigFor(operatorAccount) };
	await using _operator = await startOperator(here, { leaderElect: true });
	await applyInstallation(api, 'default', {});
	const check = await meshwright(['check', '--wait', '2m', '--kubeconfig', cluster.adminKubeconfig()]);
	t.is(check.exitCode, 0, check.stdout + check.stderr);
	t.regex(check.stdout, /^ {2}✔ one of its replicas has the lease, and works: /m);
	t.regex(check.stdout, /^mesh default\n {2}✔ the operator may do what it needs/m);
	t.regex(check.stdout, /^ {2}✔ pilot runs: 1\/1 pods are ready$/m);
	t.regex(check.stdout, /^All \d+ sentences are true\.$/m);
});
