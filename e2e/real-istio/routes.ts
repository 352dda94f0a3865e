/** Objects of users in namespace `shop`: a server in the mesh, a client of it, and a way to it from a gateway. */
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { freePort } from '../control-plane/ports.ts';

const apiVersion = 'networking.istio.io/v1';
const namespace = 'shop';

export const serverHost = 'server.shop.example.com';
export const gatewayHost = 'shop.example.com';

export interface Ports {
	/** Of the service, which clients use. */
	readonly service: number;
	/** On which the proxy of the server listens. */
	readonly proxy: number;
	/** Of the application behind that proxy. */
	readonly application: number;
	/** Of the gateway. */
	readonly gateway: number;
}

/** Ports of this machine that nobody uses. */
export async function portsFor(application: number): Promise<Ports> {
	return { service: await freePort(), proxy: await freePort(), application, gateway: await freePort() };
}

/** The mesh knows the server by the address and the account of the pods that carry its label. */
export function serverService({ service, proxy }: Ports): KubeObject {
	return {
		apiVersion,
		kind: 'ServiceEntry',
		metadata: { name: 'server', namespace },
		spec: {
			hosts: [serverHost],
			location: 'MESH_INTERNAL',
			resolution: 'STATIC',
			ports: [{ number: service, targetPort: proxy, name: 'http', protocol: 'HTTP' }],
			workloadSelector: { labels: { app: 'server' } },
		},
	};
}

/** No traffic is redirected to the proxies, so each is told on which port it listens. */
export function sidecars({ service, proxy, application }: Ports, podIP: string): readonly KubeObject[] {
	const one = (name: string, spec: object): KubeObject => ({
		apiVersion,
		kind: 'Sidecar',
		metadata: { name, namespace },
		spec: { workloadSelector: { labels: { app: name } }, ...spec },
	});
	const port = { name: 'http', protocol: 'HTTP' };
	return [
		one('server', {
			ingress: [{ port: { ...port, number: proxy }, bind: podIP, defaultEndpoint: `127.0.0.1:${application}` }],
			// It calls nobody, and would listen on the client's port of the same loopback otherwise.
			egress: [{ hosts: ['~/*'] }],
		}),
		one('client', { egress: [{ hosts: ['./*'], port: { ...port, number: service }, bind: '127.0.0.1' }] }),
	];
}

/** From a port of the gateway to the server, with a header that only this way adds. */
export function gatewayRoute(
	{ service, gateway }: Ports,
	selector: Readonly<Record<string, string>> = { app: 'gateway' },
): readonly KubeObject[] {
	const metadata = { name: 'shop', namespace };
	const port = { number: gateway, name: 'http', protocol: 'HTTP' };
	return [
		{
			apiVersion,
			kind: 'Gateway',
			metadata,
			spec: { selector, servers: [{ port, bind: '127.0.0.1', hosts: [gatewayHost] }] },
		},
		{
			apiVersion,
			kind: 'VirtualService',
			metadata,
			spec: {
				hosts: [gatewayHost],
				gateways: ['shop'],
				http: [
					{
						headers: { request: { set: { 'x-way': 'virtual-service' } } },
						route: [{ destination: { host: serverHost, port: { number: service } } }],
					},
				],
			},
		},
	];
}

/** Kinds of Istio by the names of their resources. Nobody but users writes most of them, so the operator does not know them. */
const resources: Readonly<Record<string, string>> = {
	Gateway: 'gateways',
	PeerAuthentication: 'peerauthentications',
	ServiceEntry: 'serviceentries',
	Sidecar: 'sidecars',
	VirtualService: 'virtualservices',
};

/** Applies an object of Istio as a user does. Throws where the API server, or istiod's webhook, refuses it. */
export async function applyAsUser(cluster: Cluster, body: KubeObject): Promise<void> {
	const resource = resources[body.kind];
	if (resource === undefined) throw new Error(`what is the resource of ${body.kind}?`);
	const { namespace, name } = body.metadata;
	await cluster.request({
		method: 'PATCH',
		path: `/apis/${body.apiVersion}/namespaces/${namespace}/${resource}/${name}?fieldManager=user&fieldValidation=Strict`,
		contentType: 'application/apply-patch+yaml',
		body,
	});
}
