/**
 * Computes the operator's rights from what it renders, in the parts of `operator/plan/rights.ts`. It also holds every right
 * that it grants to Istio's own accounts: Kubernetes lets nobody grant rights that he does not have (short of the verbs
 * `escalate` and `bind`, which would make the operator an administrator).
 */
import { group as ownGroup, plural as ownPlural } from '../api/v1/index.ts';
import {
	type NeededRight,
	type RightsPart,
	readVerbs,
	rightsFor,
	rightsParts,
	rightsToRestart,
	rightsToSeeBounds,
	rightToAskForPods,
	rightToIssueTokens,
	rightToKeepSecrets,
	rightToLabel,
	rightToSeePods,
	rightToSeeProxies,
	writeVerbs,
} from '../operator/plan/rights.ts';
import { type RuleLike, rightsNotCovered } from '../operator/render/rules-covered.ts';
import { type Kind, kindOf, kinds } from '../operator/runtime/kinds.ts';
import { groupOf, type KubeObject } from '../operator/runtime/object.ts';
import { compact, type Rule, rule } from './rules.ts';

/** The rights of one part, for a mesh in one namespace. */
export interface PartRules {
	/** In the whole cluster, whatever the namespace of the mesh. */
	readonly cluster: readonly Rule[];
	/** In the whole cluster, for objects that have the namespace of the mesh in their names. */
	readonly named: readonly Rule[];
	/** In the namespace of the mesh. */
	readonly namespace: readonly Rule[];
}

/** Rights for the operator's own objects, and for what it has to know of the cluster. */
const ownRules: readonly Rule[] = [
	rule(ownGroup, ownPlural, [...readVerbs, 'patch']),
	rule(ownGroup, `${ownPlural}/status`, ['patch']),
	// Children have a controller reference with blockOwnerDeletion. Clusters with the admission plugin
	// OwnerReferencesPermissionEnforcement allow that only to accounts that may update the owner's finalizers.
	rule(ownGroup, `${ownPlural}/finalizers`, ['update']),
	// For the addresses of this cluster, which are compared with those of joined ones.
	rule(groupOf(kinds.Node.apiVersion), kinds.Node.plural, ['list']),
	rule(groupOf(kinds.ServiceCIDR.apiVersion), kinds.ServiceCIDR.plural, ['list']),
	// For webhooks of others that keep pods of a mesh from being made. Those of the other kind are watched anyway.
	rule(groupOf(kinds.ValidatingWebhookConfiguration.apiVersion), kinds.ValidatingWebhookConfiguration.plural, [
		'list',
		'watch',
	]),
	// To name who may have changed what is written, while something does.
	rule(groupOf(kinds.MutatingAdmissionPolicy.apiVersion), kinds.MutatingAdmissionPolicy.plural, ['list']),
	// For the addresses of Pilot and Mixer, for clusters without a control plane of their own.
	rule(groupOf(kinds.EndpointSlice.apiVersion), kinds.EndpointSlice.plural, ['list', 'watch']),
];

/** Rights in the operator's own namespace: the lease. */
export const ownNamespaceRules: readonly Rule[] = [
	rule(groupOf(kinds.Lease.apiVersion), kinds.Lease.plural, ['create', 'get', 'update']),
];

/** Rights in the namespace `default`, where Events about objects without a namespace are. */
export const eventRules: readonly Rule[] = [rule(groupOf(kinds.Event.apiVersion), kinds.Event.plural, [...writeVerbs])];

/** Rights of the part `clusters` in the operator's own namespace, where the kubeconfigs of joined clusters are kept. */
export const kubeconfigRules: readonly Rule[] = [
	rule(groupOf(kinds.Secret.apiVersion), kinds.Secret.plural, [...readVerbs]),
];

/**
 * The rules that every operator holds in the whole cluster: it sees all kinds that it renders but Secrets, and writes
 * Istio's definitions, by name.
 */
export function operatorRules(rendered: readonly KubeObject[]): readonly Rule[] {
	const seen = [...new Set(rendered.map(kindOf))].filter((kind) => kind !== kinds.Secret);
	const crds = kinds.CustomResourceDefinition;
	const names = rendered.flatMap(({ kind, metadata }) => (kind === crds.kind ? [metadata.name] : []));
	return compact([
		...ownRules,
		...seen.map((kind) => readRule(kind)),
		rule(groupOf(crds.apiVersion), crds.plural, [...writeVerbs], [...new Set(names)]),
	]);
}

/** The rules that every operator holds only to grant them: those of Pilot and Mixer, in all namespaces. */
export function grantedRules(rendered: readonly KubeObject[]): readonly Rule[] {
	return onlyNew(operatorRules(rendered), clusterRights(neededBy(rendered), 'mesh'));
}

/**
 * The rules of a part beyond those that `operator` and, in its namespace, `mesh` give.
 * @param rendered meshes of the namespace `namespace`
 */
export function partRules(part: RightsPart, rendered: readonly KubeObject[], namespace: string): PartRules {
	const needed = neededBy(rendered);
	const held = [...operatorRules(rendered), ...grantedRules(rendered)];
	const own = needed.filter((right) => right.part === part);
	const named = compactOf(own.filter(isNamed));
	const cluster = onlyNew(held, clusterRights(needed, part));
	const heldThere = part === 'mesh' ? held : [...held, ...partRules('mesh', rendered, namespace).namespace];
	const there = own.flatMap((right) => (right.namespace === namespace ? [right.rule] : []));
	return { cluster, named: withNamespace(onlyNew(held, named), namespace), namespace: onlyNew(heldThere, there) };
}

/**
 * Istio leaves its own namespace out of the names of its webhooks for pods, and no other one. With both names the rules can
 * be rewritten for any namespace (`manifests`).
 */
function withNamespace(rules: readonly Rule[], namespace: string): readonly Rule[] {
	return rules.map((one) =>
		one.resourceNames === undefined || !one.resources.includes(kinds.MutatingWebhookConfiguration.plural)
			? one
			: {
					...one,
					resourceNames: one.resourceNames.flatMap((name) =>
						name.endsWith(`-${namespace}`) ? [name] : [name, `${name}-${namespace}`],
					),
				},
	);
}

/**
 * The rules of all parts for meshes in any namespace. Names of objects depend on these namespaces, so no rule is narrowed by
 * one, and the operator makes the namespaces itself.
 */
export function everywhereRules(rendered: readonly KubeObject[], namespace: string): readonly Rule[] {
	const all = rightsParts.flatMap((part) => Object.values(partRules(part, rendered, namespace)).flat() as Rule[]);
	const isOfMesh = ({ resourceNames = [] }: Rule): boolean => resourceNames.some((name) => name.endsWith(namespace));
	const { Namespace } = kinds;
	return compact([
		rule(groupOf(Namespace.apiVersion), Namespace.plural, [...writeVerbs]),
		...kubeconfigRules,
		...all.map((one) =>
			isOfMesh(one) ? { apiGroups: one.apiGroups, resources: one.resources, verbs: one.verbs } : one,
		),
	]);
}

const knownNeeds = new WeakMap<readonly KubeObject[], readonly NeededRight[]>();

/** What is needed for these objects, and beside them for the meshes that they make up. Computed once for the same list. */
function neededBy(rendered: readonly KubeObject[]): readonly NeededRight[] {
	const known = knownNeeds.get(rendered) ?? computeNeeds(rendered);
	knownNeeds.set(rendered, known);
	return known;
}

function computeNeeds(rendered: readonly KubeObject[]): readonly NeededRight[] {
	const namespaces = new Set(rendered.flatMap(({ metadata }) => metadata.namespace ?? []));
	return [
		...rightsFor(rendered),
		rightToLabel,
		rightToSeeProxies,
		...rightsToRestart,
		...[...namespaces].flatMap((namespace) => [
			rightToKeepSecrets(namespace),
			rightToSeePods(namespace),
			rightToAskForPods(namespace),
			...rightsToSeeBounds(namespace),
			rightToIssueTokens(namespace),
		]),
	];
}

function isNamed({ namespace, rule: { resourceNames = [], verbs } }: NeededRight): boolean {
	return namespace === undefined && resourceNames.length > 0 && verbs.includes('create');
}

/** What a part needs in the whole cluster, without what is written by name. */
function clusterRights(needed: readonly NeededRight[], part: RightsPart): readonly RuleLike[] {
	return needed
		.filter((right) => right.part === part && right.namespace === undefined && !isNamed(right))
		.map((right) => right.rule);
}

function compactOf(rights: readonly NeededRight[]): readonly Rule[] {
	return onlyNew(
		[],
		rights.map((right) => right.rule),
	);
}

/** The rights that the held rules don't give, in few rules. */
function onlyNew(held: readonly RuleLike[], wanted: readonly RuleLike[]): readonly Rule[] {
	return compact(
		rightsNotCovered(held, wanted).flatMap((right) =>
			'url' in right
				? []
				: [rule(right.group, right.resource, [right.verb], right.name === undefined ? undefined : [right.name])],
		),
	);
}

function readRule({ apiVersion, plural }: Kind): Rule {
	return rule(groupOf(apiVersion), plural, [...readVerbs]);
}
