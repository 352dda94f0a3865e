/**
 * What whoever runs the operator lets all meshes do, by the flags of the process. Whoever may write a MeshInstallation need
 * not be an administrator, so every field that reaches beyond the mesh is held by one of these.
 */

/**
 * What overlays may change: what gives nobody rights that the operator's administrator did not mean to give (`restricted`),
 * or whatever the operator itself may do (`unrestricted`).
 */
export type OverlayPolicy = 'restricted' | 'unrestricted';

export interface MeshLimits {
	/** Default: `restricted`. */
	readonly overlays?: OverlayPolicy | undefined;
	/** Registries, with a path or without, that images may come from (`docker.io/istio`). Undefined: all. */
	readonly registries?: readonly string[] | undefined;
	/** Namespaces that meshes and their injection may be in; a star at the end stands for any rest. Undefined: all. */
	readonly namespaces?: readonly string[] | undefined;
	/** Namespace of the operator itself, in which no mesh may be and nothing be injected. */
	readonly operatorNamespace?: string | undefined;
}

/** What a cluster itself needs whatever happens to a mesh. */
export const systemNamespaces = ['kube-node-lease', 'kube-public', 'kube-system'] as const;

/** The namespaces that are closed to every mesh and to every injector, sorted. */
export function closedNamespaces({ operatorNamespace }: MeshLimits = {}): readonly string[] {
	const own = operatorNamespace === undefined ? [] : [operatorNamespace];
	return [...new Set([...systemNamespaces, ...own])].sort();
}
