/**
 * Asks whether something at admission still changes what is written. Nobody tells when a policy goes, and the object stays as
 * the policy has changed it. It is asked by a dry run, so that nothing is written while nothing would be another.
 */
import { ConflictError, TransientError } from '../runtime/errors.ts';
import { describeObject, type KubeObject, objectKey } from '../runtime/object.ts';
import type { LiveObjects } from './live.ts';
import type { Applied } from './plan.ts';
import type { Writer } from './writer.ts';

/** An object that something at admission changes, with the paths of the fields. */
export interface ChangedObject {
	readonly object: KubeObject;
	readonly paths: readonly string[];
}

export interface ChangesMemory {
	/** Children by key. */
	readonly applied: Map<string, Applied>;
	/** Monotonic time at which it was last asked. */
	changesAskedAt?: number | undefined;
}

/** It is asked so often. */
export const changesRecheckMs = 60_000;
/** A pass may come a little early. */
const earlyMs = 5_000;
/** More objects are not asked about at once. What changes one of a kind mostly changes all. */
const mostAsked = 10;

export function changedOf(children: readonly KubeObject[], { applied }: ChangesMemory): readonly ChangedObject[] {
	return children.flatMap((object) => {
		const { changed } = applied.get(objectKey(object)) ?? {};
		return changed === undefined ? [] : [{ object, paths: changed.paths }];
	});
}

/** More objects are not named. */
const mostObjects = 3;

/**
 * A sentence about objects that are stored otherwise than they were sent. Undefined when there are none.
 * @param names of those who may do it
 */
export function describeChanges(changed: readonly ChangedObject[], names: readonly string[]): string | undefined {
	if (changed.length === 0) return undefined;
	const objects = changed
		.slice(0, mostObjects)
		.map(({ object, paths }) => `${describeObject(object)} (${paths.join(', ')})`);
	const more = changed.length - objects.length;
	const who = names.length === 0 ? '' : `, perhaps ${names.join(' or ')},`;
	return `something at admission${who} changes what is written of ${objects.join(', ')}${more > 0 ? ` and ${more} more` : ''}: what is stored counts as asked for, and is written again as soon as nothing changes it`;
}

/**
 * Whether an object is known to be stored otherwise than it was sent. What something at admission changes when somebody else
 * writes shows nowhere else: our entry in `managedFields` stays as it was.
 */
function isOther(object: KubeObject, applied: Applied | undefined, live: Pick<LiveObjects, 'get'>): boolean {
	if (applied === undefined) return false;
	const images = live.get(objectKey(object))?.workload?.images;
	return (
		applied.changed !== undefined || (images !== undefined && imagesOf(object).some((image) => !images.includes(image)))
	);
}

function imagesOf({ spec }: KubeObject): readonly string[] {
	const { template } = spec as { template: { spec: { containers: readonly { image: string }[] } } };
	return template.spec.containers.map(({ image }) => image);
}

/**
 * Asks about the objects that were stored otherwise than they were sent, when it is time.
 * @returns whether some of them would be stored in another form now. They count as not applied, and are written
 */
export async function askAboutChanges(
	children: readonly KubeObject[],
	memory: ChangesMemory,
	writer: Writer,
): Promise<boolean> {
	const changed = children.filter((object) => isOther(object, memory.applied.get(objectKey(object)), writer.live));
	if (changed.length === 0) {
		memory.changesAskedAt = undefined;
		return false;
	}
	writer.lookAgainWithin(changesRecheckMs);
	memory.changesAskedAt ??= writer.now;
	if (writer.now - memory.changesAskedAt < changesRecheckMs - earlyMs) return false;
	memory.changesAskedAt = writer.now;
	let isAny = false;
	await writer.all(changed.slice(0, mostAsked), async (object) => {
		const key = objectKey(object);
		const applied = memory.applied.get(key);
		const known = applied?.changed;
		const now = await writer.tryApply(object).catch(
			// An API server that is away is asked again in a minute. What a dry run can't tell, because some webhook allows none,
			// the write itself will.
			(error: unknown) => (error instanceof TransientError || error instanceof ConflictError ? known : undefined),
		);
		if (now !== undefined && (known === undefined || known.hash === now.hash)) {
			if (applied !== undefined) memory.applied.set(key, { ...applied, changed: now });
			return;
		}
		isAny = true;
		memory.applied.delete(key);
	});
	return isAny;
}
