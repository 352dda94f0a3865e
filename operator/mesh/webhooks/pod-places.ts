/** Which pods webhooks of others may be asked about: those of a mesh, and those that it injects, in one cluster. */
import { injectionLabel } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { ChildCaches } from '../../apply/child-caches.ts';
import { namespaceIn } from '../../apply/live.ts';
import { isWorkload, kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { Labels, PodPlace } from './webhook-facts.ts';

/**
 * @param objects what the mesh has in that cluster
 * @param listed namespaces that its spec lists for injection. Undefined without an injector there.
 */
export function podPlaces(
	mesh: { readonly name: string; readonly namespace: string },
	objects: readonly KubeObject[],
	listed: readonly string[] | undefined,
	live: Pick<ChildCaches, 'get' | 'ofKind'>,
): readonly PodPlace[] {
	const own = namespaceIn(live, mesh.namespace);
	const pods = objects.flatMap(podLabelsOf);
	const injected =
		listed === undefined
			? []
			: [...live.ofKind(kinds.Namespace)].filter((namespace) => isInjected(namespace, mesh.name, new Set(listed)));
	return [
		...(own === undefined ? [] : [placeOf(own, pods)]),
		// Labels of users' pods are not known. What chooses pods without labels chooses most.
		...injected.filter(({ metadata }) => metadata.name !== mesh.namespace).map((namespace) => placeOf(namespace, [{}])),
	].sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
}

/** Whether pods of a namespace get proxies of this mesh, by its list or by somebody's label. */
function isInjected({ metadata, injection }: Child, mesh: string, listed: ReadonlySet<string>): boolean {
	if (listed.has(metadata.name)) return true;
	return injection?.switches[injectionLabel] === 'enabled' && (injection.mesh === undefined || injection.mesh === mesh);
}

function placeOf({ metadata: { name }, injection }: Child, pods: readonly Labels[]): PodPlace {
	return { namespace: name, labels: injection?.labels ?? {}, pods };
}

function podLabelsOf(object: KubeObject): readonly Labels[] {
	if (!isWorkload(object)) return [];
	const { template } = object.spec as { readonly template: { readonly metadata?: { readonly labels?: Labels } } };
	return [template.metadata?.labels ?? {}];
}
