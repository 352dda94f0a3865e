/**
 * Renders ServiceAccounts and their rights. Names of cluster-scoped objects have the namespace in them, so that two meshes
 * never share one.
 */
import type { AccessRule, ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { type Labels, objectLabels } from './labels.ts';

const rbac = 'rbac.authorization.k8s.io';

/** A component with an identity of its own. */
export interface Account {
	/** The component: `pilot`. */
	readonly component: string;
	/** Name of its application, `istio-pilot`, and of its roles. */
	readonly name: string;
	/** Name of the application in labels, which have to be shorter than names. Default: `name`. */
	readonly application?: string;
	/** Name of the ServiceAccount. Other parts of Istio know some of these names. */
	readonly serviceAccount: string;
	/** What it may do in all namespaces. */
	readonly cluster: readonly AccessRule[];
	/** What it may do in the namespace of the mesh. */
	readonly namespace: readonly AccessRule[];
}

interface PolicyRule {
	readonly apiGroups: readonly string[];
	readonly resources: readonly string[];
	readonly resourceNames?: readonly string[];
	readonly verbs: readonly string[];
}

/** ServiceAccount, roles and bindings of a component. */
export function renderAccount(mesh: ResolvedMesh, account: Account): readonly KubeObject[] {
	return [
		{
			apiVersion: 'v1',
			kind: 'ServiceAccount',
			metadata: {
				name: account.serviceAccount,
				namespace: mesh.namespace,
				labels: labelsOf(mesh, account, 'ServiceAccount'),
			},
			// Its own pods ask for the token. Nothing else that uses the account by accident gets one.
			automountServiceAccountToken: false,
		},
		...grant(mesh, account, 'ClusterRole', account.cluster),
		...grant(mesh, account, 'Role', account.namespace),
	];
}

function labelsOf(mesh: ResolvedMesh, { component, name, application = name }: Account, kind: string): Labels {
	return objectLabels(mesh, kind, component, application);
}

/** A role and its binding. Neither when there is nothing to grant. */
function grant(
	mesh: ResolvedMesh,
	account: Account,
	kind: 'ClusterRole' | 'Role',
	rules: readonly AccessRule[],
): readonly KubeObject[] {
	if (rules.length === 0) {
		return [];
	}
	const name =
		kind === 'ClusterRole'
			? { name: `${account.name}-${mesh.namespace}` }
			: { name: account.name, namespace: mesh.namespace };
	const metadata = (of: string) => ({ ...name, labels: labelsOf(mesh, account, of) });
	return [
		{ apiVersion: `${rbac}/v1`, kind, metadata: metadata(kind), rules: policyRules(rules) },
		{
			apiVersion: `${rbac}/v1`,
			kind: `${kind}Binding`,
			metadata: metadata(`${kind}Binding`),
			roleRef: { apiGroup: rbac, kind, name: name.name },
			subjects: [{ kind: 'ServiceAccount', name: account.serviceAccount, namespace: mesh.namespace }],
		},
	];
}

/** Makes one rule per group, set of verbs and set of names. Everything is sorted. */
function policyRules(rules: readonly AccessRule[]): readonly PolicyRule[] {
	const byGroup = Map.groupBy(rules, ({ group, verbs, names = [] }) => [group, verbs.join(), ...names].join(' '));
	return [...byGroup.entries()]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.flatMap(([, [first, ...others]]) =>
			first === undefined
				? []
				: [
						{
							apiGroups: [first.group],
							resources: [first, ...others].map(({ resource }) => resource).sort(),
							...(first.names === undefined ? {} : { resourceNames: [...first.names] }),
							verbs: [...first.verbs],
						},
					],
		);
}
