import test from 'ava';
import { z } from 'zod';
import { clusterFor } from './cluster-testing.ts';
import { eventually } from './testing.ts';

const podList = z.object({ items: z.array(z.object({ status: z.object({ podIP: z.string() }) })) });
const deployment = z.object({ status: z.object({ readyReplicas: z.number().optional() }) });
const node = z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ podCIDR: z.string() }) });

test.serial(
	'with all parts nodes have pod ranges, a Deployment gets ready, and its garbage is collected; what can not be pulled waits',
	async (t) => {
		const own = await clusterFor(t, { parts: 'all', nodes: 3, name: 'full', podCIDR: '10.240.0.0/16' });
		const { items: nodes } = z.object({ items: z.array(node) }).parse(await own.request({ path: '/api/v1/nodes' }));
		t.deepEqual(
			nodes.map(({ metadata }) => metadata.name),
			['full-node-1', 'full-node-2', 'full-node-3'],
		);
		t.deepEqual(nodes.map(({ spec }) => spec.podCIDR).toSorted(), ['10.240.0.0/24', '10.240.1.0/24', '10.240.2.0/24']);
		const path = '/apis/apps/v1/namespaces/default/deployments';
		const labels = { app: 'web' };
		await own.request({
			method: 'POST',
			path,
			body: {
				metadata: { name: 'web' },
				spec: {
					replicas: 3,
					selector: { matchLabels: labels },
					template: {
						metadata: { labels },
						spec: {
							initContainers: [{ name: 'prepare', image: 'example.com/prepare' }],
							containers: [{ name: 'web', image: 'example.com/web' }],
						},
					},
				},
			},
		});
		await eventually(
			'the Deployment is ready',
			async () => deployment.parse(await own.request({ path: `${path}/web` })).status.readyReplicas === 3,
		);
		const pods = '/api/v1/namespaces/default/pods';
		for (const { status } of podList.parse(await own.request({ path: pods })).items) {
			t.regex(status.podIP, /^10\.240\.[012]\.\d+$/);
		}
		await own.request({ method: 'DELETE', path: `${path}/web` });
		await eventually(
			'its Pods are gone',
			async () => podList.parse(await own.request({ path: pods })).items.length === 0,
		);
		const container = { name: 'web', image: 'registry.invalid/web:1' };
		const body = { metadata: { name: 'unpulled' }, spec: { containers: [container] } };
		await own.request({ method: 'POST', path: pods, body });
		await eventually('an image of a registry that can not be is not pulled', async () =>
			JSON.stringify(await own.request({ path: `${pods}/unpulled` })).includes('"reason":"ImagePullBackOff"'),
		);
		await own.request({ method: 'DELETE', path: `${pods}/unpulled` });
	},
);
