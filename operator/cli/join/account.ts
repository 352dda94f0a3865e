/**
 * The account by which the operator works in a cluster that joins: the objects of `deploy/remote` for the namespace of a
 * mesh. They are marked as made by `clusters join`, so that `clusters leave` deletes what join has made and nothing else.
 */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { defaultNamespace } from '../../../api/v1/constants.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';

const texts = {
	base: [
		readFileSync(new URL('../../../deploy/remote/base/namespace.yaml', import.meta.url), 'utf8'),
		readFileSync(new URL('../../../deploy/remote/base/service-account.yaml', import.meta.url), 'utf8'),
		readFileSync(new URL('../../../deploy/remote/base/rbac.generated.yaml', import.meta.url), 'utf8'),
	],
	'data-plane': [
		readFileSync(new URL('../../../deploy/remote/data-plane/rbac.generated.yaml', import.meta.url), 'utf8'),
	],
	primary: [readFileSync(new URL('../../../deploy/remote/primary/rbac.generated.yaml', import.meta.url), 'utf8')],
	istiod: [readFileSync(new URL('../../../deploy/remote/istiod/rbac.generated.yaml', import.meta.url), 'utf8')],
} as const;

export type AccountPart = keyof typeof texts;

/** The account, as the manifests name it. */
export const joinAccount = { namespace: 'meshwright-system', name: 'meshwright-join' } as const;

/** The namespace of the mesh that the manifests are written for. */
const writtenFor = defaultNamespace;

/** Everything that join has made carries this label. */
export const madeByLabel = 'app.kubernetes.io/managed-by';
export const madeByJoin = 'meshwright-cli';
/** Objects for the mesh in one namespace carry this label with the namespace's name. */
export const joinNamespaceLabel = 'meshwright.io/join-namespace';

/** The field manager of what join writes, here and there. It differs from the operator's. */
export const cliFieldManager = 'meshwright-cli';

/** The parts that a cluster with this role and data plane needs, in a mesh of a line. */
export function accountParts(role: 'Remote' | 'Primary', hasDataPlane: boolean, line: string): readonly AccountPart[] {
	const ofRole: readonly AccountPart[] = role === 'Primary' ? ['primary'] : [];
	const ofLine: readonly AccountPart[] = line === 'istiod' ? ['istiod'] : hasDataPlane ? ['data-plane'] : [];
	return ['base', ...ofRole, ...ofLine];
}

/**
 * The objects, in an order in which they can be made one after the other. Namespaces come first and get no mark, because
 * they are never deleted.
 */
export function accountObjects(parts: readonly AccountPart[], namespace: string): readonly KubeObject[] {
	const all = parts
		.flatMap((part) => texts[part])
		.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubeObject))
		.map((object) => inNamespace(object, namespace));
	return [meshNamespace(namespace), ...all];
}

/** The namespace of the mesh. It is not among the manifests, so that deleting these never takes a mesh along. */
function meshNamespace(name: string): KubeObject {
	const { apiVersion, kind } = kinds.Namespace;
	return { apiVersion, kind, metadata: { name } };
}

interface Rules {
	readonly apiGroups?: readonly string[];
	readonly resources?: readonly string[];
	readonly resourceNames?: readonly string[];
}

/** Gives the roles for another namespace names of their own, because those for `istio-system` may exist as well. */
function inNamespace(object: KubeObject, namespace: string): KubeObject {
	const { kind, metadata } = object;
	if (kind === 'Namespace') return object;
	const isRole = kind.startsWith('Cluster');
	const suffix = isRole && namespace !== writtenFor ? `-${namespace}` : '';
	const marks = {
		[madeByLabel]: madeByJoin,
		...(kind === 'ServiceAccount' ? {} : { [joinNamespaceLabel]: namespace }),
	};
	const { rules, roleRef } = object as {
		readonly rules?: readonly Rules[];
		readonly roleRef?: { readonly name: string };
	};
	return {
		...object,
		metadata: {
			...metadata,
			name: `${metadata.name}${suffix}`,
			...(metadata.namespace === writtenFor ? { namespace } : {}),
			labels: { ...metadata.labels, ...marks },
		},
		...(rules === undefined ? {} : { rules: rules.map((rule) => ruleFor(rule, namespace)) }),
		...(roleRef === undefined ? {} : { roleRef: { ...roleRef, name: `${roleRef.name}${suffix}` } }),
	};
}

function ruleFor(rule: Rules, namespace: string): Rules {
	return rule.resources?.includes('namespaces') === true && rule.resourceNames !== undefined
		? { ...rule, resourceNames: rule.resourceNames.map((name) => (name === writtenFor ? namespace : name)) }
		: rule;
}

/** The object without the marks, for one that somebody else has made. */
export function unmarked(object: KubeObject): KubeObject {
	const { [madeByLabel]: _, [joinNamespaceLabel]: __, ...labels } = object.metadata.labels ?? {};
	return { ...object, metadata: { ...object.metadata, labels } };
}

export function isMadeByJoin({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
	return metadata.labels?.[madeByLabel] === madeByJoin;
}
