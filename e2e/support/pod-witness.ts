/** A user whose workloads come and go all the time: makes a pod that is to be injected every 200 ms, and notes what becomes of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually, orAbsent } from './eventually.ts';

const everyMs = 200;

interface PodObject extends KubeObject {
	readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
}

export interface PodWitness {
	/** How many pods got a proxy, by its image. */
	readonly injected: ReadonlyMap<string, number>;
	/** What became of the others: refused, and why, or made without a proxy. */
	readonly troubles: readonly string[];
	/** Waits until a pod gets the proxy of a version. */
	readonly untilInjected: (version: string) => Promise<void>;
	readonly stop: () => Promise<void>;
}

/**
 * Begins when the API server knows the webhook, so that a first pod has got its proxy. The pods wait for a scheduler that is not there, and
 * each goes when the next one has come.
 */
export async function watchInjection(api: ApiServer, namespace: string): Promise<PodWitness> {
	const injected = new Map<string, number>();
	const troubles: string[] = [];
	const { apiVersion, kind } = kinds.Pod;
	const over = new AbortController();
	const make = async (name: string) => {
		try {
			const { object } = await api.create<PodObject>({
				apiVersion,
				kind,
				metadata: { namespace, name, labels: { app: 'shop' } },
				spec: { schedulerName: 'nobody', containers: [{ name: 'app', image: 'example.com/app:1' }] },
			} as PodObject);
			const proxy = object.spec.containers.find((container) => container.name === 'istio-proxy');
			if (proxy === undefined) troubles.push(`${new Date().toISOString()} ${name} has no proxy`);
			else injected.set(proxy.image, (injected.get(proxy.image) ?? 0) + 1);
			return true;
		} catch (error) {
			troubles.push(`${new Date().toISOString()} ${error instanceof Error ? error.message : error}`);
			return false;
		}
	};
	const loop = async () => {
		let former: string | undefined;
		for (let number = 1; !over.signal.aborted; number++) {
			const name = `pod-${number}`;
			const wait = sleep(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
			const isMade = await make(name);
			if (former !== undefined)
				await api.delete({ apiVersion, kind, namespace, name: former }, { gracePeriodSeconds: 0 });
			former = isMade ? name : undefined;
			await wait;
		}
	};
	await eventually(`a pod of namespace ${namespace} gets its proxy`, async () => {
		await make('first');
		await orAbsent(api.delete({ apiVersion, kind, namespace, name: 'first' }, { gracePeriodSeconds: 0 }));
		return injected.size > 0;
	});
	troubles.length = 0;
	const looping = loop();
	// Whoever stops it learns of a failure.
	looping.catch(() => undefined);
	return {
		injected,
		troubles,
		untilInjected: async (version) => {
			await eventually(`a pod of namespace ${namespace} gets the proxy of ${version}`, () =>
				[...injected.keys()].some((image) => image.endsWith(`:${version}`)),
			);
		},
		stop: async () => {
			over.abort();
			await looping;
		},
	};
}
