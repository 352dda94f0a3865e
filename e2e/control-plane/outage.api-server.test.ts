import test from 'ava';
import { apiClient } from './api-client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap } from './cluster-testing.ts';
import { readKubeconfig } from './kubeconfig.ts';

let own: Cluster;

test.before(async () => {
	own = await startCluster({ own: true });
});
test.after.always(() => own?.stop());

test.serial(
	'the API server goes away and comes back on the same address with the same objects and tokens',
	async (t) => {
		await own.request(configMap('kept'));
		await own.stopApiServer();
		// On a connection that was open the end may come before the request, with it, or after it.
		await t.throwsAsync(own.request({ path: '/readyz' }), { message: /ECONNRE(FUSED|SET)|other side closed/ });
		await t.throwsAsync(own.stopApiServer(), { message: /kube-apiserver .* does not run/ });
		await own.startApiServer();
		await t.throwsAsync(own.startApiServer(), { message: /runs already/ });
		await own.stopApiServer('TERM');
		await own.startApiServer();
		t.like(await own.request({ path: '/api/v1/namespaces/default/configmaps/kept' }), { data: { key: 'value' } });
		const admin = apiClient(await readKubeconfig(own.adminKubeconfig()));
		t.teardown(() => admin.close());
		t.is(await admin.request({ path: '/readyz' }), 'ok');
	},
);

test.serial('a paused API server keeps connections and answers nothing until it is resumed', async (t) => {
	own.pauseApiServer();
	await t.throwsAsync(own.request({ path: '/readyz', timeoutMs: 300 }), { name: 'TimeoutError' });
	own.resumeApiServer();
	t.is(await own.request({ path: '/readyz' }), 'ok');
});

test.serial('without an audit log, asking for it is an error that says how to get it', async (t) => {
	await t.throwsAsync(own.auditEvents(), { message: /auditLog: true/ });
});
