/** What a plan is made from: what a cluster shows at this moment. */
import type { Child } from '../apply/child.ts';
import type { ObjectReference } from '../runtime/object.ts';
import type { SecretFacts } from './secret-facts.ts';

/** Reads the cluster. */
export interface Sight {
	/** Objects that the operator made, by `objectKey`. */
	readonly child: (key: string) => Child | undefined;
	/** Secrets in the namespace of the mesh that others make; `unknown` while nobody could read it. */
	readonly secret: (name: string) => SecretFacts | 'unknown' | undefined;
}

/** What of a cluster the plan of a mesh looks at. */
export interface Seen {
	readonly children: readonly ObjectReference[];
	/** Names of Secrets in the namespace of the mesh that others make. */
	readonly secrets: readonly string[];
}

/**
 * After so many milliseconds a changed ConfigMap or Secret is in the files of every pod, and the control plane has told the
 * proxies: the kubelet looks each minute, at a cache that may be as old again (kubernetes 1.36 `pkg/kubelet/kubelet.go`,
 * `syncFrequency`).
 */
export const configFollowedAfterMs = 150_000;

/** What is known of a Secret, where it could be read. */
export function readable(secret: SecretFacts | 'unknown' | undefined): SecretFacts | undefined {
	return secret === 'unknown' ? undefined : secret;
}
