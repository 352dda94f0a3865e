/** Removes a mesh: its joined clusters first, then its labels and objects, in the reverse order of their making. */

import { deletionOf, finalizer, namespaceOf } from '../../api/v1/index.ts';
import type { ApplierOptions } from '../apply/applier.ts';
import type { Child } from '../apply/child.ts';
import type { LiveNamespaces } from '../apply/injection-labels.ts';
import { webhookGraceLeft } from '../apply/installation-memory.ts';
import { releaseChildren, removeChildren } from '../apply/remove.ts';
import type { ApplyHooks } from '../apply/writer.ts';
import { applySetId } from '../render/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isWebhook } from '../runtime/kinds.ts';
import { describeObject } from '../runtime/object.ts';
import { type Finding, findingOfError } from '../status/finding.ts';
import type { StatusNotice } from '../status/status-notice.ts';
import { releaseNamespaces } from './injection.ts';
import type { StoredInstallation } from './installation.ts';
import type { InstallationWriter } from './installation-writer.ts';
import type { JoinedClusters } from './joined/joined-clusters.ts';
import type { Memory } from './memory.ts';
import type { Outcome } from './outcome.ts';
import type { Access } from './rights/access.ts';

export interface FinalizeOptions {
	readonly api: ApiServer;
	readonly applier: Omit<ApplierOptions, 'hooks'>;
	readonly access: Pick<Access, 'toRemove'>;
	readonly clusters: Pick<JoinedClusters, 'forget' | 'leaveAll' | 'recordChildren'>;
	readonly namespaces: LiveNamespaces;
	readonly writer: Pick<InstallationWriter, 'removeFinalizer'>;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
	readonly onNotice: (object: StoredInstallation, notice: StatusNotice) => void;
	readonly onApply?: ApplyHooks['onOutcome'];
}

/** A waiting deletion is looked at again at least this often, so that a missed event does not make it last. */
const deletionRecheckMs = 10_000;
/** Clusters that can't be left in time get this much more to say so. */
const leaveGraceMs = 20_000;

/** Makes one step of a deletion. Undefined when nothing is left to do: then the installation may go. */
export async function finalize(
	object: StoredInstallation,
	memory: Memory,
	options: FinalizeOptions,
	signal: AbortSignal,
): Promise<Outcome | undefined> {
	if (object.metadata.finalizers?.includes(finalizer) !== true) return undefined;
	const deletion = deletionOf(object);
	// What is not seen is not gone: Secrets tell which clusters have joined.
	const lacking = await options.access.toRemove(namespaceOf(object), signal);
	if (deletion.policy === 'Retain') {
		return lacking === undefined ? retain(object, options, signal) : refused(object, lacking);
	}
	// Time in which it waited for proxies does not count.
	const since = memory.releasedAt ?? Date.parse(object.metadata.deletionTimestamp ?? '');
	const leftMs = since + deletion.timeoutMs - options.wallClock();
	if (lacking !== undefined && leftMs > 0) return refused(object, lacking, leftMs);
	return remove(object, { force: deletion.force, leftMs }, memory, options, signal);
}

/** Waits for rights, until the time of the deletion is over. */
function refused(object: StoredInstallation, finding: Finding, leftMs = Number.POSITIVE_INFINITY): Outcome {
	const observed = { findings: [finding], deleting: 'waiting for the right to look at what is there' };
	return { object, observed, errors: [], failure: '', againInMs: Math.min(leftMs, deletionRecheckMs) };
}

/** Policy `Retain`: the objects stay, and belong to nobody. */
async function retain(
	object: StoredInstallation,
	{ api, applier, clusters, writer }: FinalizeOptions,
	signal: AbortSignal,
): Promise<Outcome | undefined> {
	const { name, uid = '' } = object.metadata;
	// This comes first, so that nobody repairs what is given up.
	clusters.forget(name);
	const released = [...applier.live.ofApplySet(applySetId(name)), ...clusters.recordChildren(object)];
	const errors = await releaseChildren(api, released, uid, signal);
	if (errors.length > 0) {
		return waiting(object, 'letting go of its objects, which stay', errors, ': not all objects could be released');
	}
	await writer.removeFinalizer(object, signal);
	return undefined;
}

async function remove(
	object: StoredInstallation,
	{ force, leftMs }: { readonly force: boolean; readonly leftMs: number },
	memory: Memory,
	options: FinalizeOptions,
	signal: AbortSignal,
): Promise<Outcome | undefined> {
	const { api, applier, clusters, namespaces, writer, onNotice, onApply } = options;
	const { name } = object.metadata;
	// Other clusters leave first: while the control plane runs, nothing there misses it. They have the same deadline, and a
	// little more time to tell what they leave behind.
	const leaving = clusters.leaveAll(object);
	if (leaving.length > 0 && leftMs > -leaveGraceMs) {
		const names = leaving.slice(0, 10).join(', ');
		const againInMs = Math.min(deletionRecheckMs, Math.max(leftMs + leaveGraceMs, 0));
		return { ...waiting(object, `waiting for clusters to leave: ${names}`), againInMs };
	}
	const children = applier.live.ofApplySet(applySetId(name));
	const labelErrors = await releaseNamespaces({ mesh: name, namespaces, writer: applier }, signal);
	if (children.length > 0 || labelErrors.length > 0) {
		const isOverdue = leftMs <= 0;
		const graceMs = force || isOverdue ? 0 : webhookGraceLeft(memory.apply, applier.now());
		// What answers a webhook stays until no API server calls it any more.
		const targets = graceMs > 0 ? children.filter(isWebhook) : children;
		const removal = await removeChildren(api, applier.live, targets, force || isOverdue, signal, (child) => {
			if (isWebhook(child)) memory.apply.webhookGoneAt = applier.now();
			onApply?.(child.kind, 'deleted');
		});
		const errors = [...labelErrors, ...removal.errors];
		if (!isOverdue && !(force && errors.length === 0)) {
			return {
				...waiting(
					object,
					`waiting for ${listObjects(children)} to be gone`,
					errors,
					': not all objects could be deleted',
				),
				againInMs: Math.min(leftMs, deletionRecheckMs, graceMs > 0 ? graceMs : deletionRecheckMs),
			};
		}
		const left = applier.live.ofApplySet(applySetId(name));
		if (isOverdue && left.length > 0) {
			onNotice(object, {
				type: 'Warning',
				reason: 'DeletionTimedOut',
				message: `not gone within spec.deletion.timeout, and left to you: ${listObjects(left)}`,
			});
		}
	}
	await writer.removeFinalizer(object, signal);
	return undefined;
}

/** @param deleting what is left, in a sentence */
function waiting(object: StoredInstallation, deleting: string, errors: readonly unknown[] = [], failure = ''): Outcome {
	const observed = { findings: errors.map(findingOfError), deleting };
	return { object, observed, errors, failure, againInMs: deletionRecheckMs };
}

function listObjects(children: readonly Child[]): string {
	const shown = children.slice(0, 10).map(describeObject).join(', ');
	return children.length > 10 ? `${shown} and ${children.length - 10} more` : shown;
}
