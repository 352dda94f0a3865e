/** Reads the Lease object on an API server, and writes it only over the version that was read. */
import type { ApiServer } from '../client/api-server.ts';
import { orAbsent } from '../errors.ts';
import type { KubeObject, ObjectMeta, ObjectReference } from '../object.ts';
import type { LeaseSpec } from './decision.ts';

export interface Lease extends KubeObject {
	readonly spec?: LeaseSpec;
}

export interface LeaseCallOptions {
	readonly signal: AbortSignal;
	readonly timeoutMs: number;
}

/** Where the lease is kept. Writes fail with a `ConflictError` when somebody wrote since `lease` was read. */
export interface LeaseStore {
	read(options: LeaseCallOptions): Promise<Lease | undefined>;
	create(spec: LeaseSpec, options: LeaseCallOptions): Promise<Lease>;
	replace(lease: Lease, spec: LeaseSpec, options: LeaseCallOptions): Promise<Lease>;
}

/**
 * A lease store on an API server.
 *
 * @param api a client of its own: renewals must not wait behind other requests, and must not be subject to the write
 * guard that the renewals feed
 */
export function leaseStore(
	api: Pick<ApiServer, 'get' | 'create' | 'replace'>,
	where: { readonly namespace: string; readonly name: string },
): LeaseStore {
	const reference: ObjectReference = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...where };
	return {
		read: (options) => orAbsent(api.get<Lease>(reference, options)),
		async create(spec, options) {
			const { apiVersion, kind } = reference;
			return (await api.create<Lease>({ apiVersion, kind, metadata: where, spec }, options)).object;
		},
		async replace(lease, spec, options) {
			// Drops managedFields, which need not be sent back. Keeps resourceVersion: without it a PUT overwrites blindly.
			const { managedFields: _, ...metadata }: ObjectMeta = lease.metadata;
			return (await api.replace<Lease>({ ...lease, metadata, spec }, options)).object;
		},
	};
}
