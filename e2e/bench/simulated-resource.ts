/** Finds the resource that a path of the simulated API names. */
import { kinds } from '../../operator/runtime/kinds.ts';

export interface Resource {
	readonly apiVersion: string;
	readonly kind: string;
	readonly plural: string;
	/** Path of the collection, with its namespace. */
	readonly path: string;
	readonly namespace: string | undefined;
	/** Undefined for the collection itself. */
	readonly name: string | undefined;
	readonly subresource: string | undefined;
}

/** All kinds that are served. A cluster that joins as Remote has no MeshInstallation. */
const served = [
	kinds.Namespace,
	kinds.Node,
	kinds.Pod,
	kinds.Service,
	kinds.Endpoints,
	kinds.ConfigMap,
	kinds.Secret,
	kinds.ServiceAccount,
	kinds.ClusterRole,
	kinds.ClusterRoleBinding,
	kinds.ServiceCIDR,
	{
		apiVersion: 'authorization.k8s.io/v1',
		kind: 'SelfSubjectAccessReview',
		plural: 'selfsubjectaccessreviews',
		namespaced: false,
	},
];

/** Undefined when nothing is served at this path. */
export function resourceOf(pathname: string): Resource | undefined {
	const [, root, ...rest] = pathname.split('/').map(decodeURIComponent);
	const groupParts = root === 'api' ? 1 : root === 'apis' ? 2 : 0;
	if (groupParts === 0) return undefined;
	const apiVersion = rest.slice(0, groupParts).join('/');
	const below = rest.slice(groupParts);
	const isNamespaced = below[0] === 'namespaces' && below.length > 2;
	const namespace = isNamespaced ? below[1] : undefined;
	const [plural = '', name, subresource] = isNamespaced ? below.slice(2) : below;
	const kind = served.find((one) => one.apiVersion === apiVersion && one.plural === plural);
	if (kind === undefined) return undefined;
	const base = `/${root}/${apiVersion}`;
	const path = namespace === undefined ? `${base}/${plural}` : `${base}/namespaces/${namespace}/${plural}`;
	return { apiVersion, kind: kind.kind, plural, path, namespace, name, subresource };
}
