/** What one process remembers about an installation between passes. All of it can be found out again. */

import { type KubeObject, objectKey } from '../runtime/object.ts';
import type { ChangesMemory } from './ask-changes.ts';
import { type Child, isRolledOutAndAvailable } from './child.ts';

/** The caller holds one per installation. */
export interface InstallationMemory extends ChangesMemory {
	/** The generation at which all pods of a Deployment were last seen available, by key. */
	readonly ready: Map<string, number>;
	/** Whether a pass of this process has looked at the recorded inventory. */
	recalled: boolean;
	/** Monotonic time at which this process deleted a webhook of the installation, see `webhookGraceMs`. */
	webhookGoneAt?: number;
}

export function emptyMemory(): InstallationMemory {
	return { applied: new Map(), ready: new Map(), recalled: false };
}

/**
 * Whether all pods of a Deployment have been available since its last write. Undefined when this process has not seen that.
 * Kubernetes alone does not tell: when a Deployment has the strategy Recreate, its old pods are gone and new ones are not
 * made yet, Kubernetes still calls it complete (kubernetes pkg/controller/deployment/progress.go, syncRolloutStatus).
 */
export function hasBeenReady({ ready, applied }: InstallationMemory, key: string): boolean | undefined {
	const generation = ready.get(key);
	return generation === undefined ? undefined : generation >= (applied.get(key)?.generation ?? 0);
}

/**
 * API servers learn from a watch that a webhook was deleted, and call it until then. So what answers the webhook stays for
 * this time.
 */
export const webhookGraceMs = 3_000;

/** How much of `webhookGraceMs` is left. */
export function webhookGraceLeft({ webhookGoneAt }: InstallationMemory, now: number): number {
	return webhookGoneAt === undefined ? 0 : Math.max(0, webhookGoneAt + webhookGraceMs - now);
}

/** Remembers which Deployments have been ready since they were written last. */
export function rememberReady({ ready }: InstallationMemory, children: readonly Child[]): void {
	for (const child of children) {
		const { workload } = child;
		if (workload !== undefined && isRolledOutAndAvailable(workload)) ready.set(objectKey(child), workload.generation);
	}
}

/** Drops what is no longer rendered from the inventory, even when it disappeared before it could be pruned. */
export function forgetOthers({ applied, ready }: InstallationMemory, children: readonly KubeObject[]): void {
	const keys = new Set(children.map(objectKey));
	for (const remembered of [applied, ready])
		for (const key of remembered.keys()) if (!keys.has(key)) remembered.delete(key);
}
