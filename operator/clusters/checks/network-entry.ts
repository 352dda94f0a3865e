/** Where the network of a cluster is entered: the addresses of its ingress gateway. */
import { isRecord } from '../../runtime/client/answer.ts';
import { RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import type { KeepingVisit, VisitThere } from '../keep/visit.ts';
import { isAddress } from './foreign.ts';

/** The gateway through which others enter a network, as the charts call it. */
const gatewayService = 'istio-ingressgateway';

/** As many as a status has room for. */
const mostAddresses = 64;

/** Undefined where it is the network of this cluster, or nothing is known of a gateway. */
export async function gatherGateways({
	entry,
	mesh,
	there,
	signal,
}: VisitThere): Promise<readonly string[] | undefined> {
	if (entry.network === undefined || entry.network === mesh.network) return undefined;
	const { apiVersion, kind } = kinds.Service;
	const reference = { apiVersion, kind, namespace: mesh.namespace, name: gatewayService };
	try {
		const service = await there.api.get(reference, { signal });
		return addressesOf(service.status);
	} catch (error) {
		if (error instanceof RequestError && (error.status === 403 || error.status === 404)) return undefined;
		throw error;
	}
}

/** As the watch shows them where the gateway is part of a data plane: a load balancer that moves is followed at once. */
export function gatewaysSeen({ cell, mesh }: KeepingVisit): readonly string[] | undefined {
	const { apiVersion, kind } = kinds.Service;
	const key = objectKey({ apiVersion, kind, namespace: mesh.namespace, name: gatewayService });
	return addressesOf(cell.connection?.live.get(key)?.service?.status);
}

/** Addresses of a load balancer, sorted. */
function addressesOf(status: unknown): readonly string[] | undefined {
	const loadBalancer = isRecord(status) && isRecord(status.loadBalancer) ? status.loadBalancer : {};
	const ingress: readonly unknown[] = Array.isArray(loadBalancer.ingress) ? loadBalancer.ingress : [];
	const addresses = ingress.flatMap((entry) => (isRecord(entry) ? [entry.ip, entry.hostname] : [])).filter(isAddress);
	return addresses.length === 0 ? undefined : [...new Set(addresses)].sort().slice(0, mostAddresses);
}
