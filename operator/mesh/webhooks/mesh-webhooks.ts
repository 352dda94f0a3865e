/** Which pods webhooks of others may be asked about: those of a mesh, and those that it injects. */
import { injectionLabel } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { ChildCaches } from '../../apply/child-caches.ts';
import { namespaceIn } from '../../apply/live.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { InstallationCache } from '../installation.ts';
import { ForeignWebhooks, type ForeignWebhooksOptions } from './foreign-webhooks.ts';
import type { Labels, PodPlace } from './webhook-facts.ts';

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
		return this.#foreign.problemsOf(mesh.name, this.#placesOf(mesh, objects), wasTold, (partOf) => sets.has(partOf));
	}

	forget(mesh: string): void {
		this.#foreign.forget(mesh);
	}

	stop(): void {
		this.#foreign.stop();
	}

	#placesOf(mesh: ResolvedMesh, objects: readonly KubeObject[]): readonly PodPlace[] {
		const { live, lines } = this.#options;
		const own = namespaceIn(live, mesh.namespace);
		const pods = objects.flatMap(podLabelsOf);
		const injection = lines.of(mesh).injection(mesh);
		const injected =
			injection === undefined
				? []
				: [...live.ofKind(kinds.Namespace)].filter((namespace) =>
						isInjected(namespace, mesh.name, new Set(injection.namespaces)),
					);
		return [
			...(own === undefined ? [] : [placeOf(own, pods)]),
			// Labels of users' pods are not known. What chooses pods without labels chooses most.
			...injected
				.filter(({ metadata }) => metadata.name !== mesh.namespace)
				.map((namespace) => placeOf(namespace, [{}])),
		].sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
	}
}

/** Whether pods of a namespace get proxies of this mesh, by its list or by somebody's label. */
function isInjected({ metadata, injection }: Child, mesh: string, listed: ReadonlySet<string>): boolean {
	if (listed.has(metadata.name)) return true;
	return injection?.switches[injectionLabel] === 'enabled' && (injection.mesh === undefined || injection.mesh === mesh);
}

function placeOf({ metadata: { name }, injection }: Child, pods: readonly Labels[]): PodPlace {
	return { namespace: name, labels: injection?.labels ?? {}, pods };
}

function podLabelsOf({ kind, spec }: KubeObject): readonly Labels[] {
	if (kind !== kinds.Deployment.kind) return [];
	const { template } = spec as { readonly template: { readonly metadata?: { readonly labels?: Labels } } };
	return [template.metadata?.labels ?? {}];
}
