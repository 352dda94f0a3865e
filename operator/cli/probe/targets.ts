/** Chooses the targets of probes: the API server of each cluster, and one of its pods. */
import { isIP } from 'node:net';
import { refusedAddress } from '../../clusters/kubeconfig/address-guard.ts';
import type { ClusterSettings } from '../../clusters/settings.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { ProbeTarget } from './script.ts';

/** A target, or why there is none. */
export type TargetResult = ProbeTarget | { readonly why: string };

/**
 * @param server URL by which the mesh reaches it. An address of the user's own machine means something else in a pod, and
 * is refused.
 */
export function apiTarget(cluster: string, server: string, settings: ClusterSettings): TargetResult {
	const why = refusedAddress(new URL(server).hostname, settings);
	return why === undefined
		? { kind: 'api', cluster, url: `${server}/version` }
		: { why: `the API server of ${cluster} is known here by ${why} alone: say how others reach it` };
}

interface PodShape extends KubeObject {
	readonly spec?: {
		readonly hostNetwork?: boolean;
		readonly containers?: readonly {
			readonly ports?: readonly { readonly containerPort?: unknown; readonly protocol?: string }[];
		}[];
	};
	readonly status?: {
		readonly phase?: string;
		readonly podIP?: unknown;
		readonly conditions?: readonly { readonly type: string; readonly status: string }[];
	};
}

/** Pods of these components listen on the ports that they name. */
const known: readonly string[] = ['istio-pilot', 'istio-ingressgateway', 'istio-sidecar-injector', 'istio-citadel'];

const mostPods = 250;

/** A ready pod of a cluster, preferably of its mesh. Rejects when the API server does not answer. */
export async function podTarget(
	api: ApiServer,
	cluster: string,
	namespace: string,
	settings: ClusterSettings,
): Promise<TargetResult> {
	for (const scope of [{ namespace }, {}]) {
		try {
			const { items } = await api.listPage<PodShape>(kinds.Pod, {
				...scope,
				fieldSelector: 'status.phase=Running',
				limit: mostPods,
			});
			const url = podUrl(items, settings);
			if (url !== undefined) return { kind: 'pod', cluster, url };
		} catch (error) {
			if (!isForbidden(error) && !isNotFound(error)) throw error;
		}
	}
	return { why: `no ready pod with an address and a port was found in ${cluster}` };
}

/**
 * Chooses the URL of a pod. Checks the addresses that another cluster names: none may lead to somebody's own machine or
 * cloud. Pure.
 */
export function podUrl(pods: readonly KubeObject[], settings: ClusterSettings): string | undefined {
	const found = (pods as readonly PodShape[])
		.flatMap((pod) => {
			const { podIP, conditions = [] } = pod.status ?? {};
			const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
			const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
			const port = ports.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.containerPort;
			const isUsable = isReady && pod.spec?.hostNetwork !== true && isPort(port) && typeof podIP === 'string';
			return isUsable && isIP(podIP) !== 0 && refusedAddress(podIP, settings) === undefined
				? [{ rank: rankOf(pod), url: `http://${isIP(podIP) === 6 ? `[${podIP}]` : podIP}:${port}/` }]
				: [];
		})
		.sort((a, b) => a.rank - b.rank);
	return found[0]?.url;
}

function isPort(value: unknown): value is number {
	return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

function rankOf({ metadata: { labels } }: KubeObject): number {
	const index = known.indexOf(labels?.['app.kubernetes.io/name'] ?? labels?.istio ?? '');
	return index === -1 ? known.length : index;
}
