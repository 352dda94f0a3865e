/** A user who writes an object of Istio every 100 ms, and notes what is refused: by a webhook that nobody answers for, above all. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { ApiServerError } from '../control-plane/api-client.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { applyAsUser } from '../real-istio/routes.ts';

const everyMs = 100;

/** An istiod that is asked about an object with it refuses it, whatever else it is (istio 1.30 `pkg/config/constants`, `AlwaysReject`). */
export const alwaysRefused = { 'internal.istio.io/webhook-always-reject': 'true' } as const;

export interface ObjectWitness {
	/** How often it was written. */
	readonly written: () => number;
	/** When it was refused, and why. That its kind is not there yet is left out. */
	readonly refusals: readonly string[];
	readonly stop: () => Promise<void>;
}

export function virtualService(
	namespace: string,
	name: string,
	{ annotations = {}, labels = {} }: Pick<KubeObject['metadata'], 'annotations' | 'labels'> = {},
): KubeObject {
	return {
		apiVersion: 'networking.istio.io/v1',
		kind: 'VirtualService',
		metadata: { namespace, name, annotations, labels },
		spec: { hosts: ['shop.example.com'], http: [{ route: [{ destination: { host: 'shop' } }] }] },
	};
}

/** Begins to write. The kind may come later. */
export function watchObjects(cluster: Cluster, namespace: string): ObjectWitness {
	const refusals: string[] = [];
	const over = new AbortController();
	let written = 0;
	const loop = async () => {
		for (let number = 1; !over.signal.aborted; number++) {
			try {
				await applyAsUser(
					cluster,
					virtualService(namespace, 'written', { annotations: { 'example.com/number': String(number) } }),
				);
				written++;
			} catch (error) {
				if (error instanceof ApiServerError && error.status === 404) continue;
				refusals.push(`${new Date().toISOString()} ${error}`);
			} finally {
				await sleep(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
			}
		}
	};
	const looping = loop();
	return {
		written: () => written,
		refusals,
		stop: async () => {
			over.abort();
			await looping;
		},
	};
}

/** Whether a webhook that is in force refuses an object that is wrong. Throws where it is refused for another reason. */
export async function refusesWrong(
	cluster: Cluster,
	namespace: string,
	labels: Readonly<Record<string, string>> = {},
): Promise<boolean> {
	try {
		await applyAsUser(cluster, virtualService(namespace, 'wrong', { annotations: alwaysRefused, labels }));
		return false;
	} catch (error) {
		if (String(error).includes('denied the request')) return true;
		throw error;
	}
}
