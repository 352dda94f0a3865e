/**
 * Computes the rights of the account by which a cluster is joined, from what is kept in that cluster. `remote/base` is for
 * a cluster that the mesh only reads. `remote/data-plane` (which `kubectl apply -k deploy/remote` applies) and
 * `remote/primary` come on top of it. `remote/istiod` does where an istiod reads the cluster, which takes more than reading
 * for a classic Pilot: it has what both its reader and its data plane need.
 *
 * Rights on namespaced objects are given only in the namespace of the mesh. Only what has to be granted to Citadel and to
 * readers is held in the whole cluster.
 */
import { defaultNamespace } from '../api/v1/constants.ts';
import { type Permission, permissionsFor } from '../operator/clusters/checks/permissions.ts';
import { type Kind, kindOf, kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { type ObjectWithRules, roleAndBinding, yamlText } from './manifest.ts';
import { compact, type Rule } from './rules.ts';
import { renderJoined } from './samples.ts';

/** The account whose token is in the kubeconfig. */
export const joinAccount = { name: 'meshwright-join', namespace: 'meshwright-system' };

/** The namespace of the mesh that the manifests are written for. */
export const writtenFor = defaultNamespace;

const parts = ['base', 'data-plane', 'primary', 'istiod'] as const;

export type RemotePart = (typeof parts)[number];

const purpose: Readonly<Record<RemotePart, string>> = {
	base: 'to look before joining, and to keep the account by which Pilot reads the cluster',
	'data-plane':
		'to keep what workloads of the mesh need: injector, Citadel, mesh configuration, Services of the control plane',
	primary: 'to tell the control plane of that cluster about this one',
	istiod: 'to keep what an istiod needs that reads the cluster, and what its workloads need when it serves them',
};

/** The roles of a part, with their bindings. What `base` gives is not repeated. */
export function remoteObjects(part: RemotePart): readonly ObjectWithRules[] {
	return objectsOf(part, permissionsOf());
}

function objectsOf(part: RemotePart, all: Readonly<Record<RemotePart, readonly Permission[]>>) {
	const base = new Set(part === 'base' ? [] : all.base.map(ruleKey));
	const own = all[part].filter((permission) => !base.has(ruleKey(permission)));
	const name = `${joinAccount.name}-${part}`;
	const inCluster = own.filter(({ namespace }) => namespace === undefined);
	const rules = (some: readonly Permission[]) => compact(some.map(toRule));
	const isHandedOn = ({ toGrant, isUsed }: Permission) => toGrant !== undefined && isUsed !== true;
	return [
		...roleAndBinding(name, rules(inCluster.filter((one) => !isHandedOn(one))), joinAccount),
		...roleAndBinding(`${name}-grants`, rules(inCluster.filter(isHandedOn)), joinAccount),
		...roleAndBinding(name, rules(own.filter(({ namespace }) => namespace !== undefined)), joinAccount, writtenFor),
	];
}

/** The text of each file, by its path in this folder. */
export function remoteFiles(): Readonly<Record<string, string>> {
	const all = permissionsOf();
	return Object.fromEntries(
		parts.map((part) => [
			`remote/${part}/rbac.generated.yaml`,
			`# Made by \`npm run generate\` from what is kept in a cluster that joins (deploy/remote.ts). Do not edit.
#
# What the operator of another cluster may do here ${purpose[part]}.
# …-grants: what is held for no other reason than to hand it on. Written for a mesh in namespace ${writtenFor}.
${yamlText(objectsOf(part, all))}`,
		]),
	);
}

function permissionsOf(): Readonly<Record<RemotePart, readonly Permission[]>> {
	const { reader, dataPlane } = renderJoined('classic');
	const istiod = renderJoined('istiod');
	const of = (
		role: 'Remote' | 'Primary',
		rendered: readonly KubeObject[],
		watchedAlone?: Kind,
		watched: readonly Kind[] = kindsIn(rendered),
	): readonly Permission[] =>
		permissionsFor({
			role,
			rendered,
			namespace: writtenFor,
			watched: watched.map((kind) => (kind === watchedAlone ? { kind, only: writtenFor } : { kind })),
			account: 'sample',
			hasPodCIDRs: false,
			hasServiceCIDRs: false,
		});
	return {
		base: of('Remote', reader, kinds.Namespace),
		// The owner of the mesh chooses which namespaces are labelled for the injector.
		'data-plane': [...of('Remote', dataPlane), { verb: 'patch', group: '', resource: 'namespaces' }],
		primary: of('Primary', reader, kinds.Namespace),
		istiod: [
			// The operator watches the same kinds in all clusters with a data plane.
			...of('Remote', istiod.dataPlane, undefined, kindsIn([...istiod.dataPlane, ...dataPlane])),
			...of('Remote', istiod.reader),
			{ verb: 'patch', group: '', resource: 'namespaces' },
		],
	};
}

function kindsIn(objects: readonly KubeObject[]): readonly Kind[] {
	return [...new Set(objects.map(kindOf))];
}

/**
 * Resources whose objects have the same names in every such cluster. Names of other objects depend on clusters and meshes.
 */
const named: ReadonlySet<string> = new Set(['namespaces', 'configmaps', 'secrets']);

function toRule({ group, resource, verb, name }: Permission): Rule {
	return {
		apiGroups: [group],
		resources: [resource],
		verbs: [verb],
		...(name === undefined || !named.has(resource) ? {} : { resourceNames: [name] }),
	};
}

function ruleKey(permission: Permission): string {
	return JSON.stringify([toRule(permission), permission.namespace ?? '', permission.toGrant === undefined]);
}
