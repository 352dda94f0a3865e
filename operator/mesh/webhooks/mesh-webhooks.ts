/** Webhooks of others that keep pods of the meshes here from being made. */
import type { ChildCaches } from '../../apply/child-caches.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { InstallationCache } from '../installation.ts';
import { ForeignWebhooks, type ForeignWebhooksOptions } from './foreign-webhooks.ts';
import { podPlaces } from './pod-places.ts';

export interface MeshWebhooksOptions extends ForeignWebhooksOptions {
	readonly lines: Lines;
	readonly live: Pick<ChildCaches, 'get' | 'ofKind'>;
	readonly installations: Pick<InstallationCache, 'all'>;
}

export class MeshWebhooks {
	readonly #options: MeshWebhooksOptions;
	readonly #foreign: ForeignWebhooks;

	constructor(options: MeshWebhooksOptions) {
		this.#options = options;
		this.#foreign = new ForeignWebhooks(options);
	}

	/**
	 * Sentences about webhooks that keep pods from being made. Undefined while that is not known.
	 * @param wasTold whether the mesh has told of some before
	 */
	of(mesh: ResolvedMesh, objects: readonly KubeObject[], wasTold: boolean): readonly string[] | undefined {
		const sets = new Set([...this.#options.installations.all()].map(({ metadata }) => applySetId(metadata.name)));
		const { live, lines } = this.#options;
		const places = podPlaces(mesh, objects, lines.of(mesh).injection(mesh)?.namespaces, live);
		return this.#foreign.problemsOf(mesh.name, places, wasTold, (partOf) => sets.has(partOf));
	}

	forget(mesh: string): void {
		this.#foreign.forget(mesh);
	}

	stop(): void {
		this.#foreign.stop();
	}
}
