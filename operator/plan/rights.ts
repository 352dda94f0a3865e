/**
 * Which RBAC rights the operator needs to keep objects, and which part of its manifests gives each. The manifests are
 * computed from this (`deploy/rbac.ts`), and so is what a pass asks for before it writes (`operator/mesh/rights.ts`). Pure.
 */

import { isSince, revisionLabel, tagLabel } from '../../api/v1/index.ts';
import { componentLabel, versionLabel } from '../apply/identity.ts';
import type { RuleLike } from '../render/rules-covered.ts';
import { type Kind, kindOf, kinds } from '../runtime/kinds.ts';
import { groupOf, type KubeObject } from '../runtime/object.ts';

/**
 * The parts into which the operator's rights are divided, the least powerful first. `operator`: what every operator holds.
 * `mesh`: a mesh in one namespace. The others are added where a mesh needs them.
 */
export const rightsParts = [
	'operator',
	'mesh',
	'injection',
	'istiod',
	'nodes',
	'citadel',
	'clusters',
	'restarts',
] as const;

export type RightsPart = (typeof rightsParts)[number];

/** The parts that an administrator adds by name, in this order. The others come with the operator and with each mesh. */
export const addedParts = [
	'istiod',
	'nodes',
	'citadel',
	'clusters',
	'restarts',
] as const satisfies readonly RightsPart[];

/** One right with the part that gives it. Without a namespace it is needed in the whole cluster. */
export interface NeededRight {
	readonly part: RightsPart;
	readonly namespace?: string;
	readonly rule: RuleLike;
}

/** Verbs by which caches and passes read. */
export const readVerbs = ['get', 'list', 'watch'] as const;
/** Verbs of server-side apply. It is a PATCH, and needs `create` too when the object does not exist yet. */
export const writeVerbs = ['create', 'patch'] as const;

/** Shared kinds are never deleted: with a CRD the users' objects would go, with a namespace everything in it. */
export const neverDeleted: ReadonlySet<Kind> = new Set([kinds.Namespace, kinds.CustomResourceDefinition]);

const partOfComponent: Readonly<Record<string, RightsPart>> = {
	citadel: 'citadel',
	cni: 'nodes',
	injector: 'injection',
	'peer-authentication': 'istiod',
	reader: 'clusters',
};

/**
 * The part that a rendered object belongs to. Only istiod has revisions. What it writes for its revision is a part of its own,
 * but for the accounts of other clusters.
 */
export function partOf({ metadata: { labels = {} } }: Pick<KubeObject, 'metadata'>): RightsPart {
	const part = partOfComponent[labels[componentLabel] ?? ''] ?? 'mesh';
	return labels[revisionLabel] === undefined || part === 'clusters' ? part : 'istiod';
}

export function ruleFor(
	{ apiVersion, plural }: Kind,
	verbs: readonly string[],
	resourceNames?: readonly string[],
): RuleLike & { readonly apiGroups: readonly string[]; readonly resources: readonly string[] } {
	const names = resourceNames === undefined ? {} : { resourceNames };
	return { apiGroups: [groupOf(apiVersion)], resources: [plural], verbs, ...names };
}

/** Whoever writes a MeshInstallation chooses the names of tags, so no list of names can narrow the right to their webhooks. */
function hasChosenName({ metadata: { labels = {} } }: KubeObject): boolean {
	return labels[tagLabel] !== undefined;
}

/**
 * The rights to write an object and to delete it. In a namespace they are for the kind. In the whole cluster they are for
 * the one name, so that they reach no other object of the kind.
 */
export function rightToWrite(object: KubeObject): NeededRight {
	const kind = kindOf(object);
	const { name, namespace } = object.metadata;
	const verbs = [...writeVerbs, ...(neverDeleted.has(kind) ? [] : ['delete'])];
	return namespace === undefined
		? { part: partOf(object), rule: hasChosenName(object) ? ruleFor(kind, verbs) : ruleFor(kind, verbs, [name]) }
		: { part: partOf(object), namespace, rule: ruleFor(kind, verbs) };
}

/**
 * The rights that a rendered role gives. Kubernetes lets nobody grant what he has not, short of the verbs `escalate` and
 * `bind`, which would make the operator an administrator.
 */
export function rightsToGrant(object: KubeObject): readonly NeededRight[] {
	const { kind, metadata } = object;
	if (kind !== kinds.Role.kind && kind !== kinds.ClusterRole.kind) return [];
	const where = kind === kinds.Role.kind && metadata.namespace !== undefined ? { namespace: metadata.namespace } : {};
	return ((object.rules ?? []) as readonly RuleLike[]).map((rule) => ({ part: partOfGrants(object), ...where, rule }));
}

/**
 * The part that has what a role gives. What istiod reads in other clusters, it reads in its own as well: whoever may grant the
 * one, may grant the other.
 */
function partOfGrants(role: KubeObject): RightsPart {
	const part = partOf(role);
	const isOfIstiod = isSince(role.metadata.labels?.[versionLabel] ?? '', '1.5');
	return part === 'clusters' && isOfIstiod ? 'istiod' : part;
}

/** All rights for the objects of a mesh that belong to it alone, each once. */
export function rightsFor(objects: readonly KubeObject[]): readonly NeededRight[] {
	const rights = objects
		.filter((object) => !neverDeleted.has(kindOf(object)))
		.flatMap((object) => [rightToWrite(object), ...rightsToGrant(object)]);
	return [...new Map(rights.map((right) => [JSON.stringify(right), right])).values()];
}

/** Reading Secrets, which is allowed only where a mesh needs it. */
export function rightToReadSecrets(part: RightsPart, namespace: string): NeededRight {
	return { part, namespace, rule: ruleFor(kinds.Secret, readVerbs) };
}

/** Keeping Secrets in the namespace of a mesh: certificates, and records of joined clusters. */
export function rightToKeepSecrets(namespace: string): NeededRight {
	return { part: 'mesh', namespace, rule: ruleFor(kinds.Secret, [...readVerbs, ...writeVerbs, 'delete']) };
}

/** Seeing why pods of a mesh do not run. Nothing is asked while they do, and nothing is refused without it. */
export function rightToSeePods(namespace: string): NeededRight {
	return { part: 'mesh', namespace, rule: ruleFor(kinds.Pod, ['list', 'watch']) };
}

/**
 * Asking a revision of istiod whether it injects, by dry runs. RBAC knows no right to dry runs alone. In this namespace the operator may write
 * Deployments anyway, so it could make any pod there without this right as well.
 */
export function rightToAskForPods(namespace: string): NeededRight {
	return { part: 'istiod', namespace, rule: ruleFor(kinds.Pod, ['create']) };
}

/** Seeing what bounds the pods of a mesh, before a change of version makes more of them. Without it that is told. */
export function rightsToSeeBounds(namespace: string): readonly NeededRight[] {
	return [kinds.ResourceQuota, kinds.LimitRange].map((kind) => ({
		part: 'mesh',
		namespace,
		rule: ruleFor(kind, ['list']),
	}));
}

/** Seeing which proxies run, in all namespaces. Without it a condition says that nobody knows. Pilot's own rights include it. */
export const rightToSeeProxies: NeededRight = { part: 'mesh', rule: ruleFor(kinds.Pod, ['list', 'watch']) };

/** Restarting users' workloads. Their owners choose the names, so none can narrow it. */
export const rightsToRestart: readonly NeededRight[] = [
	...[kinds.Deployment, kinds.StatefulSet, kinds.DaemonSet].map(
		(kind): NeededRight => ({ part: 'restarts', rule: ruleFor(kind, ['get', 'patch']) }),
	),
	{ part: 'restarts', rule: ruleFor(kinds.PodDisruptionBudget, ['list']) },
];

/** Labelling users' namespaces for the injector. Their owner chooses which, so no list of names can narrow it. */
export const rightToLabel: NeededRight = { part: 'injection', rule: ruleFor(kinds.Namespace, ['patch']) };

/** Issuing tokens for the accounts by which other primaries read this cluster. Their names depend on the clusters. */
export function rightToIssueTokens(namespace: string): NeededRight {
	const resources = [`${kinds.ServiceAccount.plural}/token`];
	return { part: 'clusters', namespace, rule: { ...ruleFor(kinds.ServiceAccount, ['create']), resources } };
}
