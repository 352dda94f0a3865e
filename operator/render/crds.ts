/** Renders Istio's custom resource definitions for `apiextensions.k8s.io/v1`. */
import { crdVersionAnnotation } from '../../api/v1/index.ts';
import { crdsOf, type IstioCrd, type ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { finish } from './finish.ts';
import { managedBy } from './labels.ts';

/**
 * The definitions that the mesh's release needs. All meshes of a cluster share them, and users' objects depend on them. So
 * they belong to no set and are never pruned or deleted. They are applied only when the live annotation names no newer
 * release. None when Pilot serves another cluster, because it reads them there.
 */
export function renderCrds({ release, pilotKubeconfig }: ResolvedMesh): readonly KubeObject[] {
	if (pilotKubeconfig !== undefined) {
		return [];
	}
	let crds = rendered.get(release.version);
	if (crds === undefined) {
		crds = finish(crdsOf(release).map((crd) => definition(crd, release.version)));
		rendered.set(release.version, crds);
	}
	return crds;
}

/** The definitions by release. They depend on nothing else, so hundreds of meshes share one frozen list. */
const rendered = new Map<string, readonly KubeObject[]>();

/**
 * The schema is open: classic releases check values themselves, and the schemas of 1.4 are not structural. There is no
 * status subresource, because only Galley's analysis would write it.
 */
function definition(crd: IstioCrd, release: string): KubeObject {
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: { name: crd.name, labels: managedBy, annotations: { [crdVersionAnnotation]: release } },
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
				{
					name: crd.version,
					served: true,
					storage: true,
					schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
					additionalPrinterColumns: crd.columns.map(({ name, type, jsonPath }) => ({ name, type, jsonPath })),
				},
			],
		},
	};
}
