/**
 * The objects that install the operator in a cluster: those of `deploy/kustomization.yaml`, in the order in which they are
 * applied.
 */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../runtime/object.ts';

/** The namespace that the manifests are written for. */
const writtenFor = 'meshwright-system';

const texts: readonly string[] = [
	readFileSync(new URL('../../crds/meshinstallations.yaml', import.meta.url), 'utf8'),
	readFileSync(new URL('../../deploy/namespace.yaml', import.meta.url), 'utf8'),
	readFileSync(new URL('../../deploy/service-account.yaml', import.meta.url), 'utf8'),
	readFileSync(new URL('../../deploy/rbac.generated.yaml', import.meta.url), 'utf8'),
	readFileSync(new URL('../../deploy/service.yaml', import.meta.url), 'utf8'),
	readFileSync(new URL('../../deploy/pod-disruption-budget.yaml', import.meta.url), 'utf8'),
	readFileSync(new URL('../../deploy/network-policy.yaml', import.meta.url), 'utf8'),
	readFileSync(new URL('../../deploy/deployment.yaml', import.meta.url), 'utf8'),
];

export interface ManifestOptions {
	readonly namespace?: string | undefined;
	readonly image?: string | undefined;
}

interface Subject {
	readonly kind: string;
	readonly namespace?: string;
}

interface PodSpec {
	readonly containers: readonly { readonly image: string }[];
}

/** All manifests, for the user's namespace and image. */
export function manifests({ namespace = writtenFor, image }: ManifestOptions = {}): readonly KubeObject[] {
	return texts
		.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubeObject))
		.map((object) => withImage(inNamespace(object, namespace), image));
}

function inNamespace(object: KubeObject, namespace: string): KubeObject {
	const { metadata } = object;
	const name = object.kind === 'Namespace' && metadata.name === writtenFor ? namespace : metadata.name;
	const moved: KubeObject = {
		...object,
		metadata: { ...metadata, name, ...(metadata.namespace === writtenFor ? { namespace } : {}) },
	};
	const subjects = moved.subjects as readonly Subject[] | undefined;
	return subjects === undefined
		? moved
		: {
				...moved,
				subjects: subjects.map((subject) => (subject.namespace === writtenFor ? { ...subject, namespace } : subject)),
			};
}

function withImage(object: KubeObject, image: string | undefined): KubeObject {
	if (image === undefined || object.kind !== 'Deployment') {
		return object;
	}
	const spec = object.spec as { readonly template: { readonly spec: PodSpec } };
	const { template } = spec;
	const containers = template.spec.containers.map((container) => ({ ...container, image }));
	return { ...object, spec: { ...spec, template: { ...template, spec: { ...template.spec, containers } } } };
}
