/** Looks at the pods of meshes whose workloads are not as wanted. */

import type { LiveObjects } from '../apply/live.ts';
import type { PodFacts } from '../apply/pod-trouble.ts';
import { isWorthALook, PodWatch, type PodWatchOptions } from '../apply/pod-watch.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isWorkload } from '../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import type { PodTrouble } from '../status/components.ts';

export interface MeshPodsOptions extends Pick<PodWatchOptions, 'onError'> {
	readonly api: ApiServer;
	/** Called with the name of a mesh of whose pods something new is known. */
	readonly onChange: (mesh: string) => void;
}

/** Why the pods of one mesh do not run. */
export interface PodsSeen {
	/** What is wrong with the pods of this workload. Undefined when nothing is known. */
	troubleOf(workload: string): PodTrouble | undefined;
	/** The pods of this workload. Undefined while nobody has listed them. */
	podsOf(workload: string): readonly PodFacts[] | undefined;
	/** Whether they can't be seen for want of the right to. */
	readonly isRefused: boolean;
}

export class MeshPods {
	readonly #options: MeshPodsOptions;
	readonly #watches = new Map<string, PodWatch>();
	#isStopped = false;

	constructor(options: MeshPodsOptions) {
		this.#options = options;
	}

	/**
	 * Looks at the pods of a mesh while one of these objects is a workload that is not as wanted.
	 * @param isUpgrading whether its version is being changed: then every pod is looked at, and each change of one wakes the mesh
	 */
	of(
		{ name, namespace }: { readonly name: string; readonly namespace: string },
		objects: readonly KubeObject[],
		live: Pick<LiveObjects, 'get'>,
		isUpgrading = false,
	): PodsSeen | undefined {
		const isNeeded =
			isUpgrading ||
			objects.some((object) => {
				const workload = isWorkload(object) ? live.get(objectKey(object))?.workload : undefined;
				return workload !== undefined && isWorthALook(workload);
			});
		if (!isNeeded || this.#isStopped) {
			this.forget(name);
			return undefined;
		}
		const watch = this.#watches.get(name) ?? this.#begin(name);
		watch.lookAt(namespace, isUpgrading);
		return watch;
	}

	forget(mesh: string): void {
		this.#watches.get(mesh)?.stop();
		this.#watches.delete(mesh);
	}

	stop(): void {
		this.#isStopped = true;
		for (const mesh of [...this.#watches.keys()]) this.forget(mesh);
	}

	#begin(mesh: string): PodWatch {
		const { api, onChange, onError } = this.#options;
		const watch = new PodWatch({ api, onChange: () => onChange(mesh), onError });
		this.#watches.set(mesh, watch);
		return watch;
	}
}
