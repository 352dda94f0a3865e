/**
 * Which Secrets a mesh may have the operator read. Whoever writes a MeshInstallation names Secrets of any namespace in it,
 * with the operator's rights and not his own. So a Secret outside of the namespace of the mesh says itself, by a label, that
 * the mesh may read it. Pure.
 */
import { mayReadLabel } from '../../../api/v1/index.ts';
import type { ObjectName } from '../../runtime/object.ts';

/** The mesh for which a Secret is read. */
export interface SecretReader {
	/** Name of the MeshInstallation. */
	readonly mesh: string;
	readonly namespace: string;
}

/** The value of the label for all meshes. */
const anyMesh = 'any';

/** @param allowed value of the label of the Secret, if it has one */
export function mayRead({ mesh, namespace }: SecretReader, secret: ObjectName, allowed: string | undefined): boolean {
	return secret.namespace === namespace || allowed === mesh || allowed === anyMesh;
}

/**
 * The one sentence for a Secret that is not there, has no such key or may not be read: three answers would tell whoever
 * names Secrets which of them exist.
 */
export function notReadable({ mesh, namespace }: SecretReader, secret: ObjectName & { readonly key: string }): string {
	const what = `Secret ${secret.namespace}/${secret.name}, key ${secret.key}: not there`;
	return secret.namespace === namespace
		? `${what}; make it, or correct the names`
		: `${what}, or the mesh may not read it; it needs the label ${mayReadLabel}: ${mesh}`;
}
