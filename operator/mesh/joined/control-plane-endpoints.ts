/**
 * Finds the addresses of each control plane's ready pods, for clusters without a control plane of their own. Reads the
 * EndpointSlices that Kubernetes makes for the control plane's Services. The slices have the labels of these Services
 * (kubernetes 1.36 `staging/src/k8s.io/endpointslice/utils.go`, `setEndpointSliceLabels`).
 */
import { isDeepStrictEqual } from 'node:util';
import { managedSelector } from '../../apply/identity.ts';
import type { ControlPlaneAddresses } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { withinDeadline } from '../../runtime/deadline.ts';
import { TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { Reflector } from '../../runtime/watch/reflector.ts';

interface Slice {
	readonly namespace: string;
	readonly service: string;
	readonly addresses: readonly string[];
}

/** Wait this long for the first list. */
const syncDeadlineMs = 10_000;

export interface ControlPlaneEndpointsOptions {
	readonly api: ApiServer;
	/** Names of the Services that others have to know. */
	readonly services: ReadonlySet<string>;
	/** Called with the namespace in which addresses changed. */
	readonly onChange: (namespace: string) => void;
	readonly onError: (error: unknown) => void;
}

export class ControlPlaneEndpoints {
	readonly #reflector: Reflector<Slice>;
	#isStarted = false;

	constructor({ api, services, onChange, onError }: ControlPlaneEndpointsOptions) {
		/** The part of a slice that others have to know. */
		const shownOf = (slice: Slice | undefined) =>
			slice !== undefined && services.has(slice.service) && slice.addresses.length > 0 ? slice : undefined;
		this.#reflector = new Reflector<Slice>(api, {
			kind: kinds.EndpointSlice,
			labelSelector: managedSelector,
			transform: toSlice,
			onError,
		});
		this.#reflector.addHandler(({ old, current, initial }) => {
			// Readers wait for the first list. Changes that are not about the addresses of a control plane are no news.
			if (!initial && !isDeepStrictEqual(shownOf(old), shownOf(current))) onChange((current ?? old).namespace);
		});
	}

	/**
	 * Begins to watch at the first call, and resolves when all is listed. Rejects with TransientError when that takes too
	 * long.
	 */
	async synced(signal: AbortSignal): Promise<void> {
		if (!this.#isStarted) {
			this.#isStarted = true;
			this.#reflector.start();
		}
		if (this.#reflector.hasSynced) return;
		await withinDeadline(this.#reflector.synced, {
			ms: syncDeadlineMs,
			late: () => new TransientError(`EndpointSlices were not listed within ${syncDeadlineMs / 1_000} s`),
			signal,
		});
	}

	/** The sorted addresses in a namespace behind each of these Services. A Service without a ready pod has none. */
	of(namespace: string, services: Readonly<Record<string, string>>): ControlPlaneAddresses {
		const slices = [...this.#reflector.store.values()].filter((slice) => slice.namespace === namespace);
		const addressesOf = (service: string) => [
			...new Set(slices.filter((slice) => slice.service === service).flatMap(({ addresses }) => addresses)),
		];
		return Object.fromEntries(Object.entries(services).map(([part, service]) => [part, addressesOf(service).sort()]));
	}

	stop(): void {
		this.#reflector.stop();
	}
}

function toSlice({ metadata, endpoints }: KubeObject): Slice {
	const all = (Array.isArray(endpoints) ? endpoints : []) as readonly {
		readonly addresses?: readonly string[];
		readonly conditions?: { readonly ready?: boolean };
	}[];
	return {
		namespace: metadata.namespace ?? '',
		service: metadata.labels?.['kubernetes.io/service-name'] ?? '',
		// When nothing is said, an address is ready, as the API defines.
		addresses: all.filter(({ conditions }) => conditions?.ready !== false).flatMap(({ addresses = [] }) => addresses),
	};
}
