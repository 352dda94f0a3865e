/** Namespaces that may have no more pods. */
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { isForbidden } from '../../operator/runtime/errors.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { eventually } from './eventually.ts';

const path = (namespace: string) => `/api/v1/namespaces/${namespace}/resourcequotas`;

/**
 * Lets a namespace have so many pods and no more, by ResourceQuota `none`. Waits until another pod is refused: the API server
 * reads quotas from a cache, and whoever is faster than that gets his pods all the same.
 */
export async function limitPods(api: ApiServer, namespace: string, pods: number): Promise<void> {
	const body = {
		apiVersion: 'v1',
		kind: 'ResourceQuota',
		metadata: { name: 'none' },
		spec: { hard: { pods: String(pods) } },
	};
	await api.request({ method: 'POST', path: path(namespace), body });
	const asking = {
		...kinds.Pod,
		metadata: { namespace, name: 'asks-for-quota' },
		spec: { containers: [{ name: 'any', image: 'any' }] },
	};
	await eventually(`namespace ${namespace} has no room for a pod more`, async () => {
		try {
			await api.create(asking, { dryRun: true });
		} catch (error) {
			if (isForbidden(error) && /exceeded quota: none/.test(error.message)) return true;
			throw error;
		}
		return false;
	});
}

/** Takes the limit away again. */
export async function freePods(api: ApiServer, namespace: string): Promise<void> {
	await api.request({ method: 'DELETE', path: `${path(namespace)}/none` });
}
