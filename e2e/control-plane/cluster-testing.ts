/** What every test of clusters starts with. */
import { access } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import type { ApiRequest } from './api-client.ts';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';

/** A cluster of its own that ends with the test. */
export async function clusterFor(t: ExecutionContext, options: ClusterOptions = {}): Promise<Cluster> {
	const started = await startCluster({ own: true, ...options });
	t.teardown(() => started.stop());
	return started;
}

export function isGone(file: string): Promise<boolean> {
	return access(file).then(
		() => false,
		() => true,
	);
}

/** The request that makes a ConfigMap. */
export function configMap(name: string): ApiRequest {
	return {
		method: 'POST',
		path: '/api/v1/namespaces/default/configmaps',
		body: { metadata: { name }, data: { key: 'value' } },
	};
}
