import test from 'ava';
import { z } from 'zod';
import { clusterFor, configMap } from './cluster-testing.ts';
import { useExistingCluster } from './existing-cluster.ts';

test.serial('a cluster that is offered is used under an account of its own, and left as it was', async (t) => {
	const offered = await clusterFor(t, { name: 'offered', own: false });
	const accounts = '/api/v1/namespaces/kube-system/serviceaccounts';
	const before = z.object({ items: z.array(z.unknown()) });
	const count = async () => before.parse(await offered.request({ path: accounts })).items.length;
	const initially = await count();
	const used = await useExistingCluster(offered.adminKubeconfig(), {});
	t.is(used.serviceCIDR, offered.serviceCIDR);
	await used.request(configMap('by-test'));
	t.is(await count(), initially + 1);
	await t.throwsAsync(useExistingCluster(offered.adminKubeconfig(), {}), { message: /a second cluster needs/ });
	await t.throwsAsync(used.stopApiServer(), { message: /unset MESHWRIGHT_TEST_KUBECONFIG/ });
	await used.stop();
	t.is(await count(), initially);
	await t.throwsAsync(useExistingCluster(offered.adminKubeconfig(), { fsync: true }), {
		message: /startCluster\(\{ fsync \}\) needs a control plane of its own/,
	});
});
