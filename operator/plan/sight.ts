/** The input of a plan: what a cluster shows at this moment. */
import type { Child } from '../apply/child.ts';
import type { ObjectReference } from '../runtime/object.ts';
import type { SecretFacts } from './secret-facts.ts';

/** Reads the cluster. */
export interface Sight {
	/** The operator's objects, by `objectKey`. */
	readonly child: (key: string) => Child | undefined;
	/** Secrets of others in the namespace of the mesh. `unknown` while nobody could read it. */
	readonly secret: (name: string) => SecretFacts | 'unknown' | undefined;
}

/** The part of a cluster that the plan of a mesh looks at. */
export interface Seen {
	readonly children: readonly ObjectReference[];
	/** Names of Secrets of others in the namespace of the mesh. */
	readonly secrets: readonly string[];
}

/**
 * After this time a changed ConfigMap or Secret is in the files of every pod, and the control plane has told the proxies.
 * The kubelet looks each minute, at a cache that may be as old again (kubernetes 1.36 `pkg/kubelet/kubelet.go`,
 * `syncFrequency`).
 */
export const configFollowedAfterMs = 150_000;

/** What is known about a Secret. Undefined when nobody could read it. */
export function readable(secret: SecretFacts | 'unknown' | undefined): SecretFacts | undefined {
	return secret === 'unknown' ? undefined : secret;
}
