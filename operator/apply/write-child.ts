/** Writes and prunes one object of an installation, whatever stands in its place. */

import { ConflictError, InvalidError } from '../runtime/errors.ts';
import { isWebhook } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { type Child, toChild } from './child.ts';
import { clearTheWay, mayBeInTheWay } from './clear-way.ts';
import { adoptAnnotation, handoverFieldManager } from './identity.ts';
import { recreatableField } from './immutable.ts';
import type { InstallationMemory } from './installation-memory.ts';
import type { Desired } from './installation-plan.ts';
import { ownershipOf } from './ownership.ts';
import type { Applied, Write } from './plan.ts';
import { initialReplicas, replicasHandover } from './replicas-handover.ts';
import type { Writer } from './writer.ts';

/** A pass that writes. */
export interface WritingPass {
	readonly writer: Writer;
	readonly memory: InstallationMemory;
	readonly desired: Desired;
	/** Namespaces that this pass has made, so they can't hold anybody else's objects. */
	readonly freshNamespaces: ReadonlySet<string>;
}

/**
 * Lets a Deployment with an autoscaler begin with the autoscaler's minimum, also when an earlier process made it and died.
 */
export async function beginReplicas(object: KubeObject, { writer, desired }: WritingPass): Promise<void> {
	const initial = initialReplicas(object, writer.live.get(objectKey(object)), desired.objects);
	if (initial !== undefined) await writer.applyAs(handoverFieldManager, initial);
}

/** Writes an object as it was rendered. */
export async function writeChild({ object, key, cause, live }: Write, pass: WritingPass): Promise<void> {
	const { writer, memory, desired } = pass;
	if (cause === 'missing' || (cause === 'outdated' && live?.fingerprint === undefined)) {
		const { namespace } = object.metadata;
		const isAlone =
			(namespace !== undefined && pass.freshNamespaces.has(namespace)) ||
			(live === undefined && writer.live.seesAll(object));
		memory.applied.set(key, await (isAlone ? writer.apply(object, false) : takeOver(object, pass)));
		await beginReplicas(object, pass);
		return;
	}
	if (cause !== 'outdated') writer.assertMayRepair(desired.owner?.uid ?? desired.partOf, object, live);
	const handover = replicasHandover(object, live);
	if (handover !== undefined) await writer.applyAs(handoverFieldManager, handover);
	memory.applied.set(
		key,
		cause === 'deleted' ? await restore(object, pass) : await applyOrRecreate(object, live, pass),
	);
	if (cause !== 'outdated') writer.noticeRepair(object, live);
}

/**
 * Handles an object of ours that was deleted, or lost the label by which we see it. What stands there now decides whether
 * we may write.
 */
async function restore(object: KubeObject, pass: WritingPass): Promise<Applied> {
	const { writer } = pass;
	try {
		return await writer.apply(object, false);
	} catch (error) {
		if (!(error instanceof ConflictError)) throw error;
		return takeOver(object, pass);
	}
}

/**
 * Writes an object that may exist already without the caches showing it. Throws when the existing one is somebody else's.
 */
async function takeOver(object: KubeObject, pass: WritingPass): Promise<Applied> {
	const { writer, desired } = pass;
	const found = await writer.findMetadata(object);
	if (found === undefined) return writer.apply(object, false);
	const ownership = ownershipOf(found, desired.partOf, desired.owner?.uid);
	if (ownership.kind === 'foreign') {
		throw new InvalidError(
			'ForeignObject',
			`${describeObject(object)} exists and belongs to ${ownership.owner}; it is not written. Delete or rename it, ` +
				`or give it to Meshwright with annotation ${adoptAnnotation}: "true" on it`,
			{ object: referenceOf(object) },
		);
	}
	const { apiVersion, kind } = object;
	const applied = await applyOrRecreate(object, toChild({ apiVersion, kind, metadata: found }), pass);
	if (ownership.kind === 'adoptable') writer.noticeAdoption(object);
	return applied;
}

async function applyOrRecreate(object: KubeObject, live: Child | undefined, pass: WritingPass): Promise<Applied> {
	const { writer } = pass;
	try {
		return await writer.apply(object, true);
	} catch (error) {
		if (!mayBeInTheWay(error) || live === undefined) throw error;
		const field = recreatableField(object, error);
		if (field === undefined) {
			await clearTheWay(object, error, writer);
			return writer.apply(object, true);
		}
		await writer.delete(live);
		writer.notice(
			'Warning',
			'Recreated',
			`${describeObject(object)} was deleted and is made again: ${field} can't be changed in place`,
		);
		return writer.apply(object, false);
	}
}

/** Deletes an object that is no longer rendered. */
export async function pruneChild(child: Child, { writer, memory }: WritingPass): Promise<void> {
	await writer.delete(child);
	if (isWebhook(child)) memory.webhookGoneAt = writer.now;
	writer.notice('Normal', 'Pruned', `${describeObject(child)} is no longer part of the installation and was deleted`);
}
