/**
 * Computes the operator's rights from what it renders. For each kind it gets the rights that its code uses and no more. It
 * also holds every right that it grants to Istio's own accounts: Kubernetes lets nobody grant rights that he does not have
 * (short of the verbs `escalate` and `bind`, which would make the operator an administrator).
 */
import { group as ownGroup, plural as ownPlural } from '../api/v1/index.ts';
import { type Kind, kindOf, kinds } from '../operator/runtime/kinds.ts';
import { groupOf, type KubeObject } from '../operator/runtime/object.ts';

/** A rule as Kubernetes writes it. Lists are sorted. */
export interface Rule {
	readonly apiGroups: readonly string[];
	readonly resources: readonly string[];
	readonly resourceNames?: readonly string[];
	readonly verbs: readonly string[];
}

const read = ['get', 'list', 'watch'] as const;
/** Server-side apply is a PATCH, and needs `create` too when the object does not exist yet. */
const write = ['create', 'patch'] as const;

/**
 * Shared kinds are never deleted: with a CRD the users' objects would go, with a namespace everything in it. Only the CRDs
 * of Istio's releases may be written, by name.
 */
const neverDeleted: ReadonlySet<Kind> = new Set([kinds.Namespace, kinds.CustomResourceDefinition]);

const roleKinds: ReadonlySet<string> = new Set([kinds.Role.kind, kinds.ClusterRole.kind]);

function rule(apiGroup: string, resource: string, verbs: readonly string[], resourceNames?: readonly string[]): Rule {
	return {
		apiGroups: [apiGroup],
		resources: [resource],
		...(resourceNames === undefined ? {} : { resourceNames: [...resourceNames].sort() }),
		verbs: [...verbs].sort(),
	};
}

/** Rights for the operator's own objects, and for what it reports about them. */
const ownRules: readonly Rule[] = [
	rule(ownGroup, ownPlural, [...read, 'patch']),
	rule(ownGroup, `${ownPlural}/status`, ['patch']),
	// Children have a controller reference with blockOwnerDeletion. Clusters with the admission plugin
	// OwnerReferencesPermissionEnforcement allow that only to accounts that may update the owner's finalizers.
	rule(ownGroup, `${ownPlural}/finalizers`, ['update']),
	rule(groupOf(kinds.Event.apiVersion), kinds.Event.plural, [...write]),
	// For the addresses of this cluster, which are compared with those of joined ones.
	rule(groupOf(kinds.Node.apiVersion), kinds.Node.plural, ['list']),
	rule(groupOf(kinds.ServiceCIDR.apiVersion), kinds.ServiceCIDR.plural, ['list']),
	// For the addresses of Pilot and Mixer, for clusters without a control plane of their own.
	rule(groupOf(kinds.EndpointSlice.apiVersion), kinds.EndpointSlice.plural, ['list', 'watch']),
	// For the account by which another primary reads this cluster.
	rule(groupOf(kinds.ServiceAccount.apiVersion), `${kinds.ServiceAccount.plural}/token`, ['create']),
];

/** Rights in the operator's own namespace: the lease. */
export const namespaceRules: readonly Rule[] = [
	rule(groupOf(kinds.Lease.apiVersion), kinds.Lease.plural, ['create', 'get', 'update']),
];

/** Rights for objects of a rendered kind. */
function rulesForKind(kind: Kind, objects: readonly KubeObject[]): readonly Rule[] {
	const group = groupOf(kind.apiVersion);
	if (kind === kinds.CustomResourceDefinition) {
		const names = new Set(objects.map(({ metadata }) => metadata.name));
		return [rule(group, kind.plural, [...read]), rule(group, kind.plural, [...write], [...names])];
	}
	return [rule(group, kind.plural, [...read, ...write, ...(neverDeleted.has(kind) ? [] : ['delete'])])];
}

/** The rules for what the operator itself does with everything in `rendered`: all releases, all options. */
export function operatorRules(rendered: readonly KubeObject[]): readonly Rule[] {
	const byKind = Map.groupBy(rendered, kindOf);
	return compact([...ownRules, ...[...byKind].flatMap(([kind, objects]) => rulesForKind(kind, objects))]);
}

/**
 * The rules that the operator holds only to grant them in the roles that it renders. What a Role grants in one namespace
 * the operator holds in all, because the owner of a mesh chooses its namespace.
 */
export function grantedRules(rendered: readonly KubeObject[]): readonly Rule[] {
	return compact(
		rendered
			.filter(({ kind }) => roleKinds.has(kind))
			.flatMap((role) => (role.rules ?? []) as readonly Rule[])
			.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
				apiGroups.flatMap((group) => resources.map((resource) => rule(group, resource, verbs, resourceNames))),
			),
	);
}

/**
 * Writes the same rights in few rules: joins verbs of one resource, then resources with the same verbs. Sorts them, so that
 * the result depends on the rights alone.
 */
export function compact(rules: readonly Rule[]): readonly Rule[] {
	const names = ({ resourceNames }: Rule): string => JSON.stringify(resourceNames ?? null);
	const unite = (parts: readonly Rule[], key: 'verbs' | 'resources'): Rule => {
		const [first = rule('', '', [])] = parts;
		return { ...first, [key]: [...new Set(parts.flatMap((part) => part[key]))].sort() };
	};
	const perResource = [
		...Map.groupBy(rules, (one) => `${one.apiGroups[0]} ${one.resources[0]} ${names(one)}`).values(),
	].map((parts) => unite(parts, 'verbs'));
	const general = new Map(
		perResource
			.filter((one) => one.resourceNames === undefined)
			.map((one) => [`${one.apiGroups[0]} ${one.resources[0]}`, one]),
	);
	// A right on named objects adds nothing to the same right on all objects.
	const needed = perResource.flatMap((one): readonly Rule[] => {
		const wider = one.resourceNames === undefined ? undefined : general.get(`${one.apiGroups[0]} ${one.resources[0]}`);
		const verbs = one.verbs.filter((verb) => wider?.verbs.includes(verb) !== true);
		return verbs.length === 0 ? [] : [{ ...one, verbs }];
	});
	return [...Map.groupBy(needed, (one) => `${one.apiGroups[0]} ${one.verbs.join()} ${names(one)}`).values()]
		.map((parts) => unite(parts, 'resources'))
		.sort((a, b) => compare(sortKey(a), sortKey(b)));
}

function sortKey({ apiGroups, resources, resourceNames, verbs }: Rule): string {
	return [apiGroups.join(), resources.join(), String(resourceNames?.length ?? 0), verbs.join()].join(' ');
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
