/**
 * Watches the pods of one mesh in one namespace, only while some of its workloads are not as wanted: a mesh that runs
 * costs nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isForbidden } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { objectKey } from '../runtime/object.ts';
import { Reflector } from '../runtime/watch/reflector.ts';
import type { Workload } from './child.ts';
import { managedSelector } from './identity.ts';
import { type PodFacts, type PodTrouble, podFacts, troubleOfWorkload } from './pod-trouble.ts';

export interface PodWatchOptions {
	readonly api: ApiServer;
	/** Another trouble of a pod is known than before. */
	readonly onChange: () => void;
	/** The pods can't be seen now. That the right to see them is missing is no error: `isRefused` tells it. */
	readonly onError: (error: unknown) => void;
}

/** Whether looking at its pods may say why a workload is not as wanted. Without pods there is nothing to look at. */
export function isWorthALook({
	generation,
	observedGeneration,
	desired,
	total,
	updated,
	available,
}: Workload): boolean {
	return observedGeneration >= generation && total > 0 && (available < desired || updated < desired || total > updated);
}

export class PodWatch {
	readonly #options: PodWatchOptions;
	#watched: { readonly namespace: string; readonly reflector: Reflector<PodFacts> } | undefined;
	#isEachTold = false;
	#isStopped = false;

	constructor(options: PodWatchOptions) {
		this.#options = options;
	}

	/**
	 * Watches the pods of this namespace from now on. Undefined ends it.
	 * @param isEachTold whether every pod that comes, changes or goes is told, and not its trouble alone
	 */
	lookAt(namespace: string | undefined, isEachTold = false): void {
		this.#isEachTold = isEachTold;
		// Called by a pass that goes on a little after the stop: nobody would end a new watch.
		if (this.#watched?.namespace === namespace || this.#isStopped) return;
		this.#watched?.reflector.stop();
		this.#watched = namespace === undefined ? undefined : { namespace, reflector: this.#begin(namespace) };
	}

	/** What is wrong with the pods of a workload, as far as they have been seen. */
	troubleOf(workload: string): PodTrouble | undefined {
		if (this.#watched?.reflector.hasSynced !== true) return undefined;
		return troubleOfWorkload(workload, this.#watched.reflector.store.values());
	}

	/** The pods of a workload. Undefined while nobody has listed them. */
	podsOf(workload: string): readonly PodFacts[] | undefined {
		if (this.#watched?.reflector.hasSynced !== true) return undefined;
		return [...this.#watched.reflector.store.values()].filter((pod) => pod.workload === workload);
	}

	/** Whether the pods can't be seen because nobody has given the right to. */
	get isRefused(): boolean {
		return isForbidden(this.#watched?.reflector.failure);
	}

	stop(): void {
		this.lookAt(undefined);
		this.#isStopped = true;
	}

	#begin(namespace: string): Reflector<PodFacts> {
		const { api, onChange, onError } = this.#options;
		const reflector: Reflector<PodFacts> = new Reflector<PodFacts>(api, {
			kind: kinds.Pod,
			namespace,
			labelSelector: managedSelector,
			transform: (pod) => podFacts(pod, reflector.store.get(objectKey(pod))),
			onError: (error) => {
				if (!isForbidden(error)) onError(error);
			},
		});
		reflector.addHandler(({ old, current, initial }) => {
			if (initial) return;
			const isTold = this.#isEachTold
				? !isDeepStrictEqual(old, current)
				: !isDeepStrictEqual(old?.trouble, current?.trouble);
			if (isTold) onChange();
		});
		void reflector.synced.then(() => {
			if (this.#isEachTold || [...reflector.store.values()].some(({ trouble }) => trouble !== undefined)) onChange();
		});
		reflector.start();
		return reflector;
	}
}
