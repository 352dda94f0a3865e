/**
 * Computes the permissions that the user of a kubeconfig needs in a cluster that joins, from what is kept there, as the
 * operator's own rights are computed from what it renders. They are for one namespace, and for named objects, wherever that
 * is enough.
 */
import { group as ownGroup, plural as ownPlural } from '../../../api/v1/index.ts';
import { type Kind, kindOf, kinds } from '../../runtime/kinds.ts';
import { groupOf, type KubeObject } from '../../runtime/object.ts';

export interface Permission {
	readonly verb: string;
	readonly group: string;
	/** With its subresource: `serviceaccounts/token`. */
	readonly resource: string;
	/** Default: the whole cluster. */
	readonly namespace?: string;
	/** Default: all objects. */
	readonly name?: string;
	/** Whether a join works without it, knowing less before. */
	readonly isOptional?: boolean;
	/**
	 * Set when the permission is held only to grant it in this role: Kubernetes lets nobody grant what he does not have,
	 * short of `escalate` and `bind`.
	 */
	readonly toGrant?: RoleName;
	/** Whether what has to be granted is of use to the operator itself too. */
	readonly isUsed?: boolean;
}

export interface RoleName {
	readonly kind: 'Role' | 'ClusterRole';
	readonly name: string;
	readonly namespace?: string;
}

export interface PermissionsFor {
	/** Namespace of the mesh. */
	readonly namespace: string;
	readonly role: 'Remote' | 'Primary';
	/** Everything that is kept there: the account by which the cluster is read and its data plane, if it has one. */
	readonly rendered: readonly KubeObject[];
	/** Kinds that are watched there, even when there are no objects of them. `only` is the name of a single object. */
	readonly watched: readonly { readonly kind: Kind; readonly only?: string }[];
	/** ServiceAccount for which tokens are issued. */
	readonly account: string;
	/** Namespaces of workloads that are labelled for the injector. */
	readonly labelledNamespaces?: readonly string[];
	/** Whether the entry has them, so that nothing has to be discovered. */
	readonly hasPodCIDRs: boolean;
	readonly hasServiceCIDRs: boolean;
}

interface Rule {
	readonly apiGroups?: readonly string[];
	readonly resources?: readonly string[];
	readonly resourceNames?: readonly string[];
	readonly verbs: readonly string[];
}

const watch = ['list', 'watch'];
const read = ['get', ...watch];
/** Server-side apply is a PATCH, and needs `create` too when the object does not exist yet. */
const write = ['create', 'patch'];

/** Kinds that hold what belongs to others. */
const neverDeleted: ReadonlySet<Kind> = new Set([kinds.Namespace, kinds.CustomResourceDefinition]);

type Scope = Pick<Permission, 'namespace' | 'name' | 'isOptional' | 'toGrant'>;

function allow(verbs: readonly string[], { apiVersion, plural }: Kind, scope: Scope = {}): readonly Permission[] {
	return verbs.map((verb) => ({ verb, group: groupOf(apiVersion), resource: plural, ...scope }));
}

/** All permissions, each once: first those to look, then those to write, then those to grant. */
export function permissionsFor(wanted: PermissionsFor): readonly Permission[] {
	const { rendered, watched, namespace } = wanted;
	const all = [
		...toLook(wanted),
		...watched.flatMap(({ kind, only }) =>
			allow(watch, kind, {
				...(kind.namespaced ? { namespace } : {}),
				...(only === undefined ? {} : { name: only }),
			}),
		),
		...rendered.flatMap(toKeep),
		...(wanted.labelledNamespaces ?? []).flatMap((name) => allow(['get', 'patch'], kinds.Namespace, { name })),
		...toJoin(wanted),
		...rendered.flatMap(toGrant),
	];
	return withoutRepeated(all);
}

/** Permissions to read what is needed before anything is written. */
function toLook({ namespace, role, rendered, hasPodCIDRs, hasServiceCIDRs }: PermissionsFor): readonly Permission[] {
	const isOptional = true;
	return [
		...allow(['get'], kinds.Namespace, { name: 'kube-system' }),
		...(hasPodCIDRs ? [] : allow(['list'], kinds.Node, { isOptional })),
		...(hasServiceCIDRs
			? []
			: [
					...allow(['list'], kinds.ServiceCIDR, { isOptional }),
					...allow(['create'], kinds.Service, { namespace, isOptional }),
				]),
		// Why pods of a data plane do not run. Looked at only while some don't.
		...(rendered.some(({ kind }) => kind === kinds.Deployment.kind || kind === kinds.MutatingWebhookConfiguration.kind)
			? [
					...allow(['list', 'watch'], kinds.Pod, { namespace, isOptional }),
					// Whether webhooks of others keep pods from being made, and whether anybody answers behind their Services.
					...allow(['list', 'watch'], kinds.MutatingWebhookConfiguration, { isOptional }),
					...allow(['list', 'watch'], kinds.ValidatingWebhookConfiguration, { isOptional }),
					...allow(['list', 'watch'], kinds.EndpointSlice, { isOptional }),
					...allow(['get'], kinds.Service, { isOptional }),
				]
			: []),
		// Which proxies run there. Those in a primary ask its own control plane.
		...(role === 'Primary' ? [] : allow(['list'], kinds.Pod, { isOptional })),
		...(role === 'Primary' ? [] : allow(['list'], kinds.MeshInstallation, { isOptional })),
		...['istio', 'istio-security'].flatMap((name) => allow(['get'], kinds.ConfigMap, { namespace, name, isOptional })),
		...['cacerts', 'istio-ca-secret'].flatMap((name) => allow(['get'], kinds.Secret, { namespace, name, isOptional })),
	];
}

/**
 * Permissions for the life of a rendered object. In a namespace they are for all objects of the kind, because a list is not
 * by name.
 */
function toKeep(object: KubeObject): readonly Permission[] {
	const kind = kindOf(object);
	const { name, namespace } = object.metadata;
	const verbs = [...write, ...(neverDeleted.has(kind) ? [] : ['delete'])];
	if (namespace !== undefined) {
		return allow([...read, ...verbs], kind, { namespace });
	}
	return allow(['get', ...verbs], kind, { name });
}

function toJoin({ namespace, role, account }: PermissionsFor): readonly Permission[] {
	return [
		{ verb: 'create', group: '', resource: 'serviceaccounts/token', namespace, name: account },
		...(role === 'Primary'
			? [
					...read.map((verb) => ({ verb, group: ownGroup, resource: ownPlural })),
					...allow([...read, ...write, 'delete'], kinds.Secret, { namespace }),
				]
			: []),
	];
}

/** Permissions to grant the rights in a rendered role. */
function toGrant(object: KubeObject): readonly Permission[] {
	const { kind, metadata } = object;
	if (kind !== 'Role' && kind !== 'ClusterRole') {
		return [];
	}
	const where = kind === 'Role' && metadata.namespace !== undefined ? { namespace: metadata.namespace } : {};
	const role: RoleName = { kind, name: metadata.name, ...where };
	return ((object.rules ?? []) as readonly Rule[]).flatMap(({ apiGroups = [], resources = [], resourceNames, verbs }) =>
		apiGroups.flatMap((group) =>
			resources.flatMap((resource) =>
				(resourceNames ?? [undefined]).flatMap((name) =>
					verbs.map((verb) => ({
						verb,
						group,
						resource,
						...where,
						...(name === undefined ? {} : { name }),
						toGrant: role,
					})),
				),
			),
		),
	);
}

/** `patch configmaps in namespace istio-system`. Joins permissions that differ only in their verbs. */
export function describePermissions(permissions: readonly Permission[]): readonly string[] {
	return [...Map.groupBy(permissions, targetOf)].map(
		([target, same]) => `${[...new Set(same.map(({ verb }) => verb))].join(', ')} ${target}`,
	);
}

function targetOf({ group, resource, namespace, name }: Permission): string {
	return [
		`${resource}${group === '' ? '' : `.${group}`}`,
		...(name === undefined ? [] : [name]),
		...(namespace === undefined ? [] : [`in namespace ${namespace}`]),
	].join(' ');
}

/** What the API server's answer depends on: two permissions with the same key have the same answer. */
export function permissionKey(permission: Permission): string {
	return `${permission.verb} ${targetOf(permission)}`;
}

/** Joins equal permissions for several purposes. The result is optional or only to be granted when all of them are. */
function withoutRepeated(all: readonly Permission[]): readonly Permission[] {
	return [...Map.groupBy(all, permissionKey).values()].flatMap((same) => {
		const needed = same.filter(({ isOptional }) => isOptional !== true);
		const own = needed.find(({ toGrant }) => toGrant === undefined);
		const isUsed = same.length > needed.length;
		return (
			own ?? (needed.length === 0 ? same.slice(0, 1) : isUsed ? needed.map((one) => ({ ...one, isUsed })) : needed)
		);
	});
}
