import { readFile, stat } from 'node:fs/promises';
import test from 'ava';
import { z } from 'zod';
import { apiClient } from './api-client.ts';
import { isWrite } from './audit.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap } from './cluster-testing.ts';
import { readKubeconfig } from './kubeconfig.ts';

let cluster: Cluster | undefined;

test.before(async () => {
	cluster = await startCluster({ own: true, name: 'shared', auditLog: true });
});
test.after.always(() => cluster?.stop());

function shared(): Cluster {
	if (cluster === undefined) {
		throw new Error('the cluster was not started');
	}
	return cluster;
}

test('the server says a version that clients can parse', async (t) => {
	const { gitVersion } = z.object({ gitVersion: z.string() }).parse(await shared().request({ path: '/version' }));
	t.regex(gitVersion, /^v1\.\d+\.\d+$/);
});

test('a ServiceAccount has a kubeconfig of its own, with its own rights', async (t) => {
	const own = shared();
	await own.request({
		method: 'POST',
		path: '/api/v1/namespaces/default/serviceaccounts',
		body: { metadata: { name: 'reader' } },
	});
	const file = await own.kubeconfigFor({ namespace: 'default', name: 'reader' });
	t.is((await stat(file)).mode & 0o777, 0o600);
	const reader = apiClient(await readKubeconfig(file));
	t.teardown(() => reader.close());
	const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
	t.like(
		await reader.request({ method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', body: review }),
		{ status: { userInfo: { username: 'system:serviceaccount:default:reader' } } },
	);
	await t.throwsAsync(reader.request({ path: '/api/v1/namespaces/default/secrets' }), { message: /403/ });
	await t.throwsAsync(own.kubeconfigFor({ namespace: 'default', name: 'nobody' }), { message: /404/ });
});

test('the administrator’s kubeconfig is for that cluster', async (t) => {
	const own = shared();
	const { url, ca, adminToken: token } = own;
	t.deepEqual(await readKubeconfig(own.adminKubeconfig()), { url, ca, token });
	t.true((await readFile(own.adminKubeconfig(), 'utf8')).includes('"current-context": "shared"'));
});

test('the audit log shows every request before, by whom and with which program', async (t) => {
	const own = shared();
	await own.request({ ...configMap('audited'), userAgent: 'somebody/1' });
	await t.throwsAsync(own.request({ ...configMap('audited'), userAgent: 'somebody/1' }), { message: /409/ });
	const mine = (await own.auditEvents()).filter((event) => event.userAgent === 'somebody/1');
	t.deepEqual(
		mine.map((event) => [isWrite(event), event.user.username, event.objectRef?.resource, event.responseStatus?.code]),
		[
			[true, 'admin', 'configmaps', 201],
			[true, 'admin', 'configmaps', 409],
		],
	);
	t.is((await own.auditEvents()).filter((event) => event.userAgent === 'somebody/1').length, 2);
});

test('nodes and pod ranges without the parts that make them are refused', async (t) => {
	await t.throwsAsync(startCluster({ nodes: 2 }), { message: /need parts: 'all'/ });
	await t.throwsAsync(startCluster({ podCIDR: '10.1.0.0/16' }), { message: /need parts: 'all'/ });
});
