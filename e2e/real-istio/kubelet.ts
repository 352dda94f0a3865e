/**
 * Plays the kubelet of a node whose pods really run, as processes: istiod, and proxies. Each is started from its pod as it stands, is
 * ready when its probe says so, and is told to end as a kubelet would, after the `preStop` of its container. Whatever else is
 * scheduled there is ready at once.
 *
 * It plays the network of Services as well. The rest of a cluster learns some time later that a pod is on its way out, and asks it until
 * then: who has closed its door by then refuses.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { simulatedNode } from '../control-plane/components.ts';
import { forwardTo, type Network, type Taker } from '../control-plane/network.ts';
import { nodeOfProcesses } from '../control-plane/stages.ts';
import { observe } from '../support/observing.ts';
import { locateAll } from './locate.ts';
import type { PodObject } from './mounted-pod.ts';
import { PodProcess, type Surroundings } from './pod-process.ts';

interface Service extends KubeObject {
	readonly spec: {
		readonly clusterIP?: string;
		readonly selector?: Readonly<Record<string, string>>;
		readonly ports: readonly { readonly port: number; readonly targetPort?: number | string }[];
	};
}

export interface PlayedKubelet extends AsyncDisposable {
	readonly network: Network;
	/** Where the proxy of a pod is reached; undefined while there is no such pod. */
	readonly addressOf: (namespace: string, pod: string) => string | undefined;
	/** What went wrong, such as programs that ended by themselves. */
	readonly troubles: readonly string[];
	/** What pods say, and have said that are gone, by name. */
	readonly said: () => ReadonlyMap<string, readonly string[]>;
}

/** Makes the node, and runs what comes to it in these namespaces, which may not be there yet. */
export async function playKubelet(
	{ cluster, api }: { readonly cluster: Cluster; readonly api: ApiServer },
	namespaces: readonly string[],
): Promise<PlayedKubelet> {
	/** By uid. */
	const pods = new Map<string, PodProcess>();
	const said = new Map<string, readonly string[]>();
	const services = new Map<string, Service>();
	const troubles: string[] = [];
	const endings = new Set<Promise<void>>();
	const doors = new AsyncDisposableStack();

	/** Leads to a port of a pod behind a Service; undefined where none serves. */
	const behind = (service: Service | undefined, asked: number): Taker | undefined => {
		const { selector = {}, ports = [] } = service?.spec ?? {};
		const target = ports.find(({ port }) => port === asked);
		const serving = [...pods.values()].filter(
			({ pod: { metadata }, isServing }) =>
				isServing &&
				metadata.namespace === service?.metadata.namespace &&
				Object.entries(selector).every(([key, value]) => metadata.labels?.[key] === value),
		);
		return into(serving[randomInt(Math.max(1, serving.length))], Number(target?.targetPort ?? asked));
	};
	const openDoor = async (address: string): Promise<number> => {
		const [, name, namespace, port] = /^([^.]+)\.([^.:]+)[^:]*:(\d+)$/.exec(address) ?? [];
		const server = createServer((connection) => {
			const to = behind(services.get(`${namespace}/${name}`), Number(port));
			if (to === undefined) connection.destroy();
			else to(connection);
		});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		server.unref();
		doors.defer(() => void server.close());
		return (server.address() as AddressInfo).port;
	};
	const open = new Map<string, Promise<number>>();
	const around: Surroundings = {
		cluster,
		api,
		reals: await locateAll(() => undefined),
		doorTo: (address) => {
			const port = open.get(address) ?? openDoor(address);
			open.set(address, port);
			return port;
		},
		tell: (trouble) => void troubles.push(trouble),
	};
	const end = async (uid: string, process: PodProcess): Promise<void> => {
		await process.end();
		said.set(process.pod.metadata.name, process.lines);
		pods.delete(uid);
	};

	await cluster.request({ method: 'POST', path: '/api/v1/nodes', body: simulatedNode(nodeOfProcesses) });
	const watches = await Promise.all(
		namespaces.flatMap((namespace) => [
			observe<PodObject>(api, kinds.Pod, namespace, ({ type, object: { metadata, ...pod } }) => {
				const { uid = '', deletionTimestamp } = metadata;
				const isLeaving = type === 'gone' || deletionTimestamp !== undefined;
				const known = pods.get(uid);
				if (known === undefined && !isLeaving && pod.spec.nodeName === nodeOfProcesses) {
					pods.set(uid, new PodProcess({ ...pod, metadata }, around));
				} else if (known !== undefined && isLeaving && !known.isEnding) {
					const ending: Promise<void> = end(uid, known)
						.catch((error: unknown) => around.tell(`${metadata.name}: ${error}`))
						.finally(() => endings.delete(ending));
					endings.add(ending);
				}
			}),
			observe<Service>(api, kinds.Service, namespace, ({ type, object }) => {
				const key = `${namespace}/${object.metadata.name}`;
				if (type === 'gone') services.delete(key);
				else services.set(key, object);
			}),
		]),
	);
	return {
		troubles,
		said: () => new Map([...said, ...[...pods.values()].map(({ pod, lines }) => [pod.metadata.name, lines] as const)]),
		network: ({ host, port }) => {
			const service = [...services.values()].find(({ spec }) => spec.clusterIP === host);
			const pod = [...pods.values()].find(({ pod: { status } }) => status?.podIP === host);
			return service === undefined ? into(pod, port) : behind(service, port);
		},
		addressOf: (namespace, name) =>
			[...pods.values()].find(({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name)
				?.pod.status?.podIP,
		[Symbol.asyncDispose]: async () => {
			for (const watch of watches) watch.stop();
			await Promise.all([...pods.values()].map((process) => process.kill()));
			await Promise.all(endings);
			await doors.disposeAsync();
		},
	};
}

function into(pod: PodProcess | undefined, asked: number): Taker | undefined {
	const port = pod?.portOf(asked);
	if (port === undefined) return undefined;
	return (connection) => {
		pod?.note(connection, asked);
		forwardTo({ host: '127.0.0.1', port })(connection);
	};
}
