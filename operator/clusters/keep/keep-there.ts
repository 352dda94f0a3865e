/** Keeps the objects in a cluster: the account by which Pilot reads it, and its data plane. */
import { type ApplyResult, applyInstallation } from '../../apply/applier.ts';
import { describeChanges } from '../../apply/ask-changes.ts';
import type { ApplyHooks } from '../../apply/writer.ts';
import type { WebhooksThere } from '../cluster-objects.ts';
import type { KeeperContext } from './context.ts';
import { dataPlaneOf } from './data-plane-state.ts';
import { distributedKeys } from './distribute.ts';
import { clusterFailure, inCluster, quote } from './failure.ts';
import type { PassFindings } from './observe.ts';
import { failureContextOf } from './source.ts';
import type { VisitThere } from './visit.ts';

/** What became of a cluster in one pass. */
export interface KeptResult {
	/** Whether all objects are there. */
	readonly isComplete: boolean;
	/** Whether the control plane here is in charge there. Undefined when nothing is known about that now. */
	readonly isInCharge?: boolean | undefined;
}

/** Applies the objects. Findings go into `found`. */
export async function keepThere(context: KeeperContext, visit: VisitThere, found: PassFindings): Promise<KeptResult> {
	const { entry, mesh, there, signal } = visit;
	const failures = failureContextOf(there.access);
	const { result, notes, webhooks, version, isInCharge, errors } = await inCluster(failures, signal, async () => {
		await there.synced(signal);
		return applyThere(context, visit, failures.secrets);
	});
	if (result.hash !== undefined) {
		found.inventory = { objects: result.objects, hash: result.hash };
		if (version !== undefined) found.version = version;
	}
	if (result.againInMs !== undefined) found.againInMs = result.againInMs;
	if (errors.length > 0) throw clusterFailure(new AggregateError(errors), failures);
	if (entry.dataPlane !== undefined)
		found.dataPlane = dataPlaneOf(there, {
			namespace: mesh.namespace,
			gate: result.gate,
			note: notes.join('; '),
			webhooks,
			secrets: failures.secrets,
		});
	// Nobody would end it.
	else there.pods.lookAt(undefined);
	return { isComplete: result.hash !== undefined, isInCharge };
}

interface AppliedThere {
	readonly result: ApplyResult;
	readonly notes: readonly string[];
	readonly webhooks: WebhooksThere | undefined;
	readonly version: string | undefined;
	readonly isInCharge: boolean | undefined;
	readonly errors: readonly unknown[];
}

async function applyThere(
	context: KeeperContext,
	visit: VisitThere,
	secrets: readonly string[],
): Promise<AppliedThere> {
	const { cell, mesh, entry, names, there, signal } = visit;
	const { note, webhooks, version, ...planned } = await mesh.objects.inCluster(entry, there, names, signal);
	const distributed = distributedKeys(context, cell, mesh);
	const result = await applyInstallation(
		there.applier(hooksOf(context, visit, secrets)),
		{
			owner: undefined,
			partOf: names.applySet,
			recordedHash: mesh.before.get(entry.name)?.inventoryHash,
			...planned,
			kept: { has: (key) => planned.kept?.has(key) === true || distributed.has(key) },
		},
		there.memory,
		signal,
	);
	const after = await mesh.objects.afterApply?.(entry, there, result, signal);
	return {
		result,
		webhooks,
		version,
		isInCharge: after?.isInCharge,
		notes: [note, describeChanges(result.changed, []), ...(after?.notes ?? [])].filter((one) => one !== undefined),
		errors: [...result.errors, ...(after?.errors ?? [])],
	};
}

/** Hooks that quote the other API server: its warnings, and who wrote there, are its words. */
function hooksOf(context: KeeperContext, { cell, mesh }: VisitThere, secrets: readonly string[]): ApplyHooks {
	return {
		onNotice: ({ type, reason, message }) =>
			context.onNotice(mesh.name, {
				type,
				reason,
				message: `cluster ${cell.cluster}: ${quote(message, secrets)}`,
			}),
		onOutcome: context.onApply,
	};
}
