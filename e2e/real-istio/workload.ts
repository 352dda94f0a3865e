/** Workloads of a mesh that really run here: pods that the API server has, injected by istiod, with their proxies as processes. */
import { randomInt } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import { person } from '../support/mesh-cluster.ts';
import { podOf } from './istiod-process.ts';
import type { PodObject } from './mounted-pod.ts';

/** A server on the loopback, an application without TLS, that answers with the headers of the request. */
export async function serveHeaders(): Promise<{ readonly port: number } & AsyncDisposable> {
	const server = createServer((incoming, answer) => answer.end(JSON.stringify(incoming.headers)));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		port: (server.address() as AddressInfo).port,
		[Symbol.asyncDispose]: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

/** What a server of `serveHeaders` saw of a request that was sent to a port of the loopback. Throws where no answer comes, or another one than 200. */
export async function headersSeen(port: number, host: string, address = '127.0.0.1'): Promise<IncomingHttpHeaders> {
	const { statusCode, body } = await request(`http://${address}:${port}/`, { headers: { host } });
	const text = await body.text();
	if (statusCode !== 200) throw new Error(`${statusCode} ${text}`);
	return JSON.parse(text) as IncomingHttpHeaders;
}

/** An address of the loopback that no other pod of this machine has, as far as chance goes. */
function podAddress(): string {
	return `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
}

/** Traffic is redirected by iptables alone, so the proxies here are told on which ports they listen. */
export const notRedirected = { 'sidecar.istio.io/interceptionMode': 'NONE' } as const;

export interface Workload {
	readonly name: string;
	readonly namespace: string;
	readonly annotations?: Readonly<Record<string, string>>;
	readonly labels?: Readonly<Record<string, string>>;
	/** The image of its one container `app`; or `auto`, where the container is the proxy itself. */
	readonly image?: string;
	readonly nodeName?: string;
}

/** Makes the pod of an istiod that runs already, as its ReplicaSet would. */
export async function istiodPod(api: ApiServer, deployment: KubeObject, nodeName: string): Promise<PodObject> {
	const pod = podOf(deployment);
	await api.create({ ...pod, spec: { ...pod.spec, nodeName } } as KubeObject);
	return setAddress(api, pod);
}

/** Makes a pod that istiod injects, and gives it an address. */
export async function makePod(api: ApiServer, workload: Workload): Promise<PodObject> {
	return setAddress(api, await createInjected(api, workload));
}

/** Makes a pod with an account of its own, once istiod injects it. */
export async function createInjected(api: ApiServer, workload: Workload): Promise<KubeObject> {
	const { name, namespace, annotations = {}, labels = {}, image = 'example.com/app:1', nodeName } = workload;
	const { apiVersion, kind } = kinds.Pod;
	await api.apply(
		{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
		{ fieldManager: person, force: true },
	);
	const container = { name: image === 'auto' ? 'istio-proxy' : 'app', image };
	const pod = {
		apiVersion,
		kind,
		metadata: { name, namespace, labels: { app: name, ...labels }, annotations },
		spec: { serviceAccountName: name, containers: [container], ...(nodeName === undefined ? {} : { nodeName }) },
	} as KubeObject;
	await eventually(`pod ${name} is injected`, async () => {
		const { object } = await api.create<PodObject>(pod);
		const all = [...(object.spec.initContainers ?? []), ...object.spec.containers];
		if (all.some(({ name, image: of }) => name === 'istio-proxy' && of !== 'auto')) return true;
		await api.delete({ apiVersion, kind, namespace, name } as never, { gracePeriodSeconds: 0 });
		return false;
	});
	return pod;
}

/** The pod runs and is ready, at an address of its own. */
async function setAddress(
	api: ApiServer,
	{ metadata: { namespace = '', name }, spec }: KubeObject,
): Promise<PodObject> {
	const podIP = podAddress();
	const { containers } = spec as PodObject['spec'];
	const reference = { ...kinds.Pod, namespace, name };
	const isReady = { ready: true, restartCount: 0, imageID: '', state: { running: {} } };
	const status = {
		phase: 'Running',
		podIP,
		podIPs: [{ ip: podIP }],
		conditions: ['Ready', 'ContainersReady'].map((type) => ({ type, status: 'True' })),
		containerStatuses: containers.map(({ name, image = '' }) => ({ name, image, ...isReady })),
	};
	await api.patch(reference, { status }, { fieldManager: person, type: 'merge', subresource: 'status' });
	return (await api.get(reference)) as PodObject;
}
