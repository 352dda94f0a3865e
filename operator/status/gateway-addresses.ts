/** Where a gateway can be reached from outside: what the cluster has written into its Service. */

/** What is read of a Service. Every field of it may be missing: others write the status. */
export interface ObservedService {
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly namespace?: string };
	readonly spec?: unknown;
	readonly status?: unknown;
}

export interface GatewayAddresses {
	/** IP addresses and host names of the load balancer, as it names them; empty for a Service without one. */
	readonly addresses: readonly string[];
	/** A sentence while the cluster has not given the load balancer an address yet: no failure, and it may take minutes. */
	readonly waitingForLoadBalancer?: string;
}

/** As many as the status holds. */
const maxAddresses = 64;

/** Addresses of a Service by its live state. Undefined is a Service that is not there yet. */
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
