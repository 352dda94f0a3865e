import { readFile, stat } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import test from 'ava';
import { z } from 'zod';
import { apiClient } from './api-client.ts';
import { isWrite } from './audit.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap } from './cluster-testing.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { playNetwork, type Taker } from './network.ts';
import { servingCertificate } from './serving-certificate.ts';
import { eventually } from './testing.ts';

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

test('whoever plays the network answers for Services and pods; where nobody does, connections are refused at once', async (t) => {
	const own = shared();
	const services = '/api/v1/namespaces/default/services';
	const service = z.object({ spec: z.object({ clusterIP: z.string() }) }).parse(
		await own.request({
			method: 'POST',
			path: services,
			body: { metadata: { name: 'hook' }, spec: { ports: [{ name: 'https', port: 443 }] } },
		}),
	);
	const { certificate, key } = await servingCertificate(['hook.default.svc']);
	const asked: string[] = [];
	const hook = createServer({ cert: certificate, key }, (incoming, outgoing) => {
		asked.push(incoming.url ?? '');
		outgoing.statusCode = 418;
		outgoing.end();
	});
	await own.request({
		method: 'POST',
		path: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
		body: {
			metadata: { name: 'hook' },
			webhooks: [
				{
					name: 'hook.example.com',
					sideEffects: 'None',
					admissionReviewVersions: ['v1'],
					clientConfig: {
						service: { namespace: 'default', name: 'hook', path: '/hook' },
						caBundle: Buffer.from(certificate).toString('base64'),
					},
					rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['limitranges'], operations: ['CREATE'] }],
				},
			],
		},
	});
	const refusal = () =>
		own
			.request({ method: 'POST', path: '/api/v1/namespaces/default/limitranges', body: { metadata: { name: 'any' } } })
			.then(
				async () => {
					await own.request({ method: 'DELETE', path: '/api/v1/namespaces/default/limitranges/any' });
					return '';
				},
				(error: Error) => error.message,
			);
	await eventually('the webhook is in force', async () => /egress\.sock.*no such file/.test(await refusal()));
	const pods = '/api/v1/namespaces/default/pods';
	await own.request({
		method: 'POST',
		path: '/api/v1/namespaces/default/serviceaccounts',
		body: { metadata: { name: 'default' } },
	});
	await own.request({
		method: 'POST',
		path: pods,
		body: { metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'example.com/web' }] } },
	});
	await own.request({
		method: 'PATCH',
		path: `${pods}/web/status`,
		contentType: 'application/merge-patch+json',
		body: { status: { podIP: '10.128.0.7', podIPs: [{ ip: '10.128.0.7' }] } },
	});
	const web = createHttpServer((_, outgoing) => {
		outgoing.setHeader('content-type', 'application/json');
		outgoing.end('"hello"');
	});
	const takers: Readonly<Record<string, Taker>> = {
		[`${service.spec.clusterIP}:443`]: (connection) => hook.emit('connection', connection),
		'10.128.0.7:8080': (connection) => web.emit('connection', connection),
	};
	const network = await playNetwork(own, ({ host, port }) => takers[`${host}:${port}`]);
	t.teardown(network.stop);
	t.regex(await refusal(), /hook\.example\.com.*418/);
	t.regex(asked[0] ?? '', /^\/hook/);
	t.is(await own.request({ path: `${pods}/web:8080/proxy/` }), 'hello');
	await t.throwsAsync(own.request({ path: `${pods}/web:8081/proxy/` }), { message: /502 Connection refused/ });
	await network.stop();
	t.regex(await refusal(), /egress\.sock/);
});
