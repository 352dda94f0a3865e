/** Measures how long a change of one object by others lives: from its acknowledgement until our repair is stored. */
import type { Child } from '../../operator/apply/child.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type KubeObject, objectKey, referenceOf } from '../../operator/runtime/object.ts';
import type { ChangeHandler } from '../../operator/runtime/watch/change-handlers.ts';

/** For each kind, or an object by its name, a merge patch that changes a field that we own. */
const edits: Readonly<Record<string, unknown>> = {
	ServiceAccount: { automountServiceAccountToken: true },
	Role: { rules: [] },
	RoleBinding: { subjects: [] },
	ClusterRole: { rules: [] },
	ClusterRoleBinding: { subjects: [] },
	ConfigMap: { data: { mesh: 'changed: by hand\n' } },
	'ConfigMap istio-sidecar-injector': { data: { config: 'changed: by hand\n' } },
	Service: { spec: { selector: { istio: 'changed' } } },
	Deployment: {
		spec: { minReadySeconds: 7, template: { metadata: { annotations: { 'sidecar.istio.io/inject': 'changed' } } } },
	},
};

/** The user changes a field that we own, or deletes the object. Resolves when that is acknowledged. */
export async function damage(user: ApiServer, object: KubeObject, isDeletion: boolean): Promise<void> {
	if (isDeletion) await user.delete(referenceOf(object));
	else
		await user.patch(referenceOf(object), edits[`${object.kind} ${object.metadata.name}`] ?? edits[object.kind], {
			type: 'merge',
			fieldManager: 'somebody',
			metadataOnly: true,
		});
}

const deadlineMs = 30_000;

/** A cluster, a user who changes things in it, and an observer of every child. */
export interface Observed {
	readonly user: ApiServer;
	readonly seen: {
		get(key: string): Child | undefined;
		/** Returns a function that removes the handler. */
		onChild(handler: ChangeHandler<Child>): () => void;
	};
}

/** Returns milliseconds. Rejects when nobody repairs the object in time. */
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
		await damage(user, child, isDeletion);
		const acknowledgedAt = performance.now();
		const timeout = AbortSignal.timeout(deadlineMs);
		const storedAt = await Promise.race([
			repaired,
			new Promise<never>((_, reject) => {
				timeout.addEventListener('abort', () => reject(new Error(`${key} was not repaired`)), { once: true });
			}),
		]);
		// The repair may be stored before the user's own acknowledgement has arrived.
		return Math.max(0, storedAt - acknowledgedAt);
	} finally {
		off();
	}
}
