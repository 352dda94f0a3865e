/**
 * The objects that install the operator in a cluster: those of `deploy/kustomization.yaml`, in the order in which they are
 * applied, for the namespaces of meshes and with the components that the user names.
 */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { defaultNamespace } from '../../api/v1/constants.ts';
import { kinds } from '../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { type AddedComponent, anyNamespace } from './install-parts.ts';

/** The namespace that the manifests are written for. */
const writtenFor = 'meshwright-system';

const texts = {
	before: [
		readFileSync(new URL('../../crds/meshinstallations.yaml', import.meta.url), 'utf8'),
		readFileSync(new URL('../../deploy/namespace.yaml', import.meta.url), 'utf8'),
		readFileSync(new URL('../../deploy/service-account.yaml', import.meta.url), 'utf8'),
	],
	rights: readFileSync(new URL('../../deploy/rbac.generated.yaml', import.meta.url), 'utf8'),
	mesh: readFileSync(new URL('../../deploy/mesh/rbac.generated.yaml', import.meta.url), 'utf8'),
	injection: readFileSync(new URL('../../deploy/components/injection/rbac.generated.yaml', import.meta.url), 'utf8'),
	istiod: readFileSync(new URL('../../deploy/components/istiod/rbac.generated.yaml', import.meta.url), 'utf8'),
	nodes: readFileSync(new URL('../../deploy/components/nodes/rbac.generated.yaml', import.meta.url), 'utf8'),
	citadel: readFileSync(new URL('../../deploy/components/citadel/rbac.generated.yaml', import.meta.url), 'utf8'),
	clusters: readFileSync(new URL('../../deploy/components/clusters/rbac.generated.yaml', import.meta.url), 'utf8'),
	restarts: readFileSync(new URL('../../deploy/components/restarts/rbac.generated.yaml', import.meta.url), 'utf8'),
	everywhere: readFileSync(new URL('../../deploy/components/everywhere/rbac.generated.yaml', import.meta.url), 'utf8'),
	after: [
		readFileSync(new URL('../../deploy/service.yaml', import.meta.url), 'utf8'),
		readFileSync(new URL('../../deploy/pod-disruption-budget.yaml', import.meta.url), 'utf8'),
		readFileSync(new URL('../../deploy/network-policy.yaml', import.meta.url), 'utf8'),
		readFileSync(new URL('../../deploy/deployment.yaml', import.meta.url), 'utf8'),
	],
} as const;

export interface ManifestOptions {
	readonly namespace?: string | undefined;
	readonly image?: string | undefined;
	/** Namespaces that meshes may have; `*` for any, with all components. Default: `istio-system`. */
	readonly meshNamespaces?: readonly string[] | undefined;
	readonly with?: readonly AddedComponent[] | undefined;
	/** Whether meshes may inject proxies by their webhook. Default: true. */
	readonly injection?: boolean | undefined;
	/** Whether to leave out everything but roles and their bindings. */
	readonly rightsOnly?: boolean | undefined;
}

/** On a namespace: what its pods may do to their nodes. */
export const podSecurityLabel = 'pod-security.kubernetes.io/enforce';

interface Subject {
	readonly kind: string;
	readonly namespace?: string;
}

interface PodSpec {
	readonly containers: readonly { readonly image: string }[];
}

/** All manifests, for the user's namespace and image. */
export function manifests(options: ManifestOptions = {}): readonly KubeObject[] {
	const { namespace = writtenFor, image, rightsOnly = false } = options;
	const rights = [...parse(texts.rights), ...meshRights(options)];
	const all = rightsOnly ? rights : [...texts.before.flatMap(parse), ...rights, ...texts.after.flatMap(parse)];
	return all.map((object) => withImage(inNamespace(object, namespace), image));
}

/**
 * The namespaces of the meshes. They are made where they are missing and are not part of the manifests: what deletes those
 * must never take a mesh along. A new one admits no pod that could take over a node, unless the meshes may have some.
 */
export function meshNamespaces({
	meshNamespaces: names = [defaultNamespace],
	with: added = [],
}: ManifestOptions = {}): readonly KubeObject[] {
	const { apiVersion, kind } = kinds.Namespace;
	const labels = { [podSecurityLabel]: added.includes('nodes') ? 'privileged' : 'baseline' };
	return names
		.filter((name) => name !== anyNamespace)
		.map((name) => ({ apiVersion, kind, metadata: { name, labels } }));
}

/** The roles for the meshes. Those that don't depend on a namespace are there once. */
function meshRights({
	meshNamespaces: names = [defaultNamespace],
	with: added = [],
	injection = true,
}: ManifestOptions): readonly KubeObject[] {
	if (names.includes(anyNamespace)) return parse(texts.everywhere);
	const parts = ['mesh' as const, ...(injection ? ['injection' as const] : []), ...added];
	const objects = names.flatMap((name) =>
		parts.flatMap((part) => parse(texts[part]).map((object) => forMesh(object, name))),
	);
	return [...new Map(objects.map((object) => [objectKey(object), object])).values()];
}

function parse(text: string): readonly KubeObject[] {
	return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

interface WithRules {
	readonly rules?: readonly { readonly resourceNames?: readonly string[] }[];
	readonly roleRef?: { readonly name: string };
}

/** A role or binding that was written for `istio-system`, for the mesh of another namespace. */
function forMesh(object: KubeObject, namespace: string): KubeObject {
	// Istio leaves its own namespace out of some names, which stand beside those with it.
	const meant = (names: readonly string[]) =>
		namespace === defaultNamespace ? names : names.filter((name) => !names.includes(`${name}-${defaultNamespace}`));
	const named = (name: string) =>
		name.endsWith(`-${defaultNamespace}`) ? `${name.slice(0, -defaultNamespace.length)}${namespace}` : name;
	const { metadata } = object;
	const { rules, roleRef } = object as WithRules;
	return {
		...object,
		metadata: {
			...metadata,
			name: named(metadata.name),
			...(metadata.namespace === defaultNamespace ? { namespace } : {}),
		},
		...(rules === undefined
			? {}
			: {
					rules: rules.map(({ resourceNames, ...rule }) =>
						resourceNames === undefined ? rule : { ...rule, resourceNames: meant(resourceNames).map(named) },
					),
				}),
		...(roleRef === undefined ? {} : { roleRef: { ...roleRef, name: named(roleRef.name) } }),
	};
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
