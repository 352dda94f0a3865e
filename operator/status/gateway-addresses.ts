/** Where a gateway can be reached from outside, by what the cluster has written into its Service. */

/** The fields of a Service that are read. Others write its status, so any field may be missing. */
export interface ObservedService {
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly namespace?: string };
	readonly spec?: unknown;
	readonly status?: unknown;
}

export interface GatewayAddresses {
	/** IP addresses and host names of the load balancer, as it names them. Empty for a Service without one. */
	readonly addresses: readonly string[];
	/** A sentence while the load balancer has no address yet. That is no failure, and may take minutes. */
	readonly waitingForLoadBalancer?: string;
}

/** The status holds this many. */
const maxAddresses = 64;

/** The addresses of a Service. Undefined stands for a Service that does not exist yet. */
export function gatewayAddresses(service: ObservedService | undefined): GatewayAddresses {
	if (service === undefined || field(service.spec, 'type') !== 'LoadBalancer') {
		return { addresses: [] };
	}
	const ingress = field(field(service.status, 'loadBalancer'), 'ingress');
	const addresses = (Array.isArray(ingress) ? ingress : []).flatMap((entry: unknown) =>
		[field(entry, 'ip'), field(entry, 'hostname')].filter((address) => typeof address === 'string' && address !== ''),
	) as readonly string[];
	if (addresses.length > 0) {
		return { addresses: [...new Set(addresses)].slice(0, maxAddresses) };
	}
	const { name, namespace } = service.metadata;
	const where = namespace === undefined ? name : `${namespace}/${name}`;
	return {
		addresses: [],
		waitingForLoadBalancer: `Service ${where} waits for the cluster to give its load balancer an address (without one, use type NodePort or ClusterIP)`,
	};
}

function field(value: unknown, name: string): unknown {
	return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
		? (value as Readonly<Record<string, unknown>>)[name]
		: undefined;
}
