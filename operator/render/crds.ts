/** Renders Istio's custom resource definitions for `apiextensions.k8s.io/v1`. */
import { crdVersionAnnotation } from '../../api/v1/index.ts';
import type { IstioCrd, Release } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { asGiven, finish } from './finish.ts';
import { managedBy } from './labels.ts';

/**
 * The definitions that the mesh's release needs. All meshes of a cluster share them, and users' objects depend on them. So
 * they belong to no set and are never pruned or deleted. They are applied only when the live annotation names no newer
 * release. None when Pilot serves another cluster, because it reads them there.
 */
export function renderCrds<Of extends Release>(
	release: Of,
	crdsOf: (release: Of) => readonly IstioCrd[],
): readonly KubeObject[] {
	const known = rendered.get(release);
	if (known !== undefined) return known;
	const objects = finish(crdsOf(release).map((crd) => definition(crd, release.version)));
	rendered.set(release, objects);
	return objects;
}

/**
 * The definitions by release. They depend on nothing else, so hundreds of meshes share one frozen list: those of istiod are
 * a megabyte, and take longer to make than all else of a mesh.
 */
const rendered = new WeakMap<Release, readonly KubeObject[]>();

/** The schema that accepts every object. */
const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;

/**
 * Classic releases check values themselves, and the schemas of 1.4 are not structural: theirs are open. They have no status
 * subresource either, because only Galley's analysis would write it.
 */
function definition(crd: IstioCrd, release: string): KubeObject {
	const version = {
		served: true,
		schema: { openAPIV3Schema: crd.schema === undefined ? open : asGiven(crd.schema) },
		...(crd.hasStatus ? { subresources: asGiven({ status: {} }) } : {}),
		additionalPrinterColumns: crd.columns.map(({ name, type, jsonPath }) => ({ name, type, jsonPath })),
	};
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: {
			name: crd.name,
			labels: { ...crd.labels, ...managedBy },
			annotations: { [crdVersionAnnotation]: release },
		},
		spec: {
			group: crd.group,
			scope: crd.scope,
			names: {
				kind: crd.kind,
				listKind: `${crd.kind}List`,
				plural: crd.plural,
				singular: crd.kind.toLowerCase(),
				shortNames: crd.shortNames,
				categories: crd.categories,
			},
			versions: [
				{ name: crd.version, storage: true, ...version },
				...(crd.alsoServed ?? []).map((name) => ({ name, storage: false, ...version })),
			],
		},
	};
}
