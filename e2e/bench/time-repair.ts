/** How long a foreign change of one object lives: from its acknowledgement to our repair being stored. */
import type { Child } from '../../operator/apply/child.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { objectKey, referenceOf } from '../../operator/runtime/object.ts';
import type { ChangeHandler } from '../../operator/runtime/watch/reflector.ts';

/** A field of each kind that we own, as a merge patch that changes it. */
const edits: Readonly<Record<string, unknown>> = {
	ServiceAccount: { automountServiceAccountToken: true },
	Role: { rules: [] },
	RoleBinding: { subjects: [] },
	ClusterRole: { rules: [] },
	ClusterRoleBinding: { subjects: [] },
	ConfigMap: { data: { mesh: 'changed: by hand\n' } },
	Service: { spec: { selector: { istio: 'changed' } } },
	Deployment: {
		spec: { minReadySeconds: 7, template: { metadata: { annotations: { 'sidecar.istio.io/inject': 'changed' } } } },
	},
};

const deadlineMs = 30_000;

/** A cluster with somebody who changes things, and an observer of every child. */
export interface Observed {
	readonly user: ApiServer;
	readonly seen: {
		get(key: string): Child | undefined;
		/** Returns how to end it. */
		onChild(handler: ChangeHandler<Child>): () => void;
	};
}

/** Milliseconds. Rejects when nobody repairs it in time. */
export async function timeRepair({ user, seen }: Observed, child: Child, isDeletion: boolean): Promise<number> {
	const key = objectKey(child);
	const healthy = seen.get(key)?.fingerprint;
	const { promise: repaired, resolve } = Promise.withResolvers<number>();
	let isBroken = false;
	const off = seen.onChild(({ key: changed, current }) => {
		if (changed !== key) return;
		if (current?.fingerprint !== healthy) isBroken = true;
		else if (isBroken) resolve(performance.now());
	});
	try {
		if (isDeletion) await user.delete(referenceOf(child));
		else
			await user.patch(referenceOf(child), edits[child.kind], {
				type: 'merge',
				fieldManager: 'somebody',
				metadataOnly: true,
			});
		const acknowledgedAt = performance.now();
		const timeout = AbortSignal.timeout(deadlineMs);
		const storedAt = await Promise.race([
			repaired,
			new Promise<never>((_, reject) => {
				timeout.addEventListener('abort', () => reject(new Error(`${key} was not repaired`)), { once: true });
			}),
		]);
		// The repair may be stored before the acknowledgement has come back to whoever made the change.
		return Math.max(0, storedAt - acknowledgedAt);
	} finally {
		off();
	}
}
