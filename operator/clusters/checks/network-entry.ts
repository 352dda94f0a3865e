/** Finds the addresses of a cluster's ingress gateway, by which other networks reach it. */

import { RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { hasTraceOf } from '../keep/credential-trace.ts';
import { failureContextOf } from '../keep/source.ts';
import type { KeepingVisit, VisitThere } from '../keep/visit.ts';
import { isAddress } from './foreign.ts';

/** The charts' name for the gateway by which other networks reach this one. */
const gatewayService = 'istio-ingressgateway';

/** The status holds this many. */
const mostAddresses = 64;

/** Undefined when the cluster is in the network of this one, or nothing is known of a gateway. */
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
		const { secrets } = failureContextOf(there.access);
		const addresses = addressesOf(service.status)?.filter((address) => !hasTraceOf(address, secrets));
		return addresses === undefined || addresses.length === 0 ? undefined : addresses;
	} catch (error) {
		if (error instanceof RequestError && (error.status === 403 || error.status === 404)) return undefined;
		throw error;
	}
}

/**
 * The addresses from the watch, when the gateway is part of a data plane: when a load balancer moves, that shows at once.
 */
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
