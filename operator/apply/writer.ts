/** The requests of applying. Each one also remembers, counts and tells what has to be known about it. */
import type { ApiServer } from '../runtime/client/api-server.ts';
import type { Written } from '../runtime/client/requests.ts';
import { BlockedError, ConflictError, orAbsent, TransientError } from '../runtime/errors.ts';
import type { Kind } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { type AdmissionChanges, changedAtAdmission } from './admission-changes.ts';
import type { Child } from './child.ts';
import { deleteObject } from './delete-object.ts';
import { bodyHash, fingerprint, isRepairUnfinished } from './fingerprint.ts';
import type { JsonPatchOperation } from './foreign-fields.ts';
import { fieldManager, repairFieldManager } from './identity.ts';
import type { LiveCache } from './live.ts';
import type { Applied } from './plan.ts';
import type { RepairLimit } from './repair-limit.ts';

export type Outcome = 'created' | 'changed' | 'unchanged' | 'deleted' | 'conflict' | 'failed';

/** Something that a person may want to know about a pass. */
export interface ApplyNotice {
	readonly type: 'Normal' | 'Warning';
	readonly reason: 'DriftRepaired' | 'Adopted' | 'Recreated' | 'Pruned' | 'ApiWarning' | 'NewerCrd';
	readonly message: string;
}

export interface ApplyHooks {
	onOutcome?(kind: string, outcome: Outcome): void;
	onNotice?(notice: ApplyNotice): void;
}

export interface WriterOptions {
	readonly api: Pick<ApiServer, 'apply' | 'get' | 'getMetadata' | 'list' | 'delete' | 'patch'>;
	readonly live: LiveCache;
	readonly repairLimit: RepairLimit;
	/** Monotonic clock. */
	readonly now: () => number;
	readonly hooks?: ApplyHooks;
}

/** Kinds whose answers are read in full, because the status needs more than metadata. */
const readInFull = new Set(['Deployment', 'DaemonSet', 'CustomResourceDefinition', 'Service']);

/** Definitions are shared and newer ones win, so nobody's change of them is told. */
function changesOf(sent: KubeObject, stored: KubeObject): AdmissionChanges | undefined {
	if (sent.kind === 'CustomResourceDefinition') return undefined;
	return changedAtAdmission(sent, stored, readInFull.has(sent.kind));
}

/**
 * API servers since 1.33 warn about all Endpoints that EndpointSlices should be used. Classic Pilots read nothing else, so
 * nobody can do anything about it, and the warning would come with each pod of Pilot that comes or goes. Other warnings
 * about Endpoints are told.
 */
function isUnavoidable({ kind }: KubeObject, warning: string): boolean {
	return kind === 'Endpoints' && warning.startsWith('v1 Endpoints is deprecated');
}

/** Writes for one pass over one installation. */
export class Writer {
	readonly #options: WriterOptions;
	readonly #signal: AbortSignal;
	/** Failures of the pass, in the order in which they came. */
	readonly errors: unknown[] = [];
	/** The earliest time at which something that no watch shows is worth another look. */
	againInMs: number | undefined;

	constructor(options: WriterOptions, signal: AbortSignal) {
		this.#options = options;
		this.#signal = signal;
	}

	get live(): LiveCache {
		return this.#options.live;
	}

	get now(): number {
		return this.#options.now();
	}

	/** Applies one object. `created` tells whether it did not exist before. */
	async apply(object: KubeObject, force: boolean): Promise<Applied & { readonly created: boolean }> {
		const before = this.live.get(objectKey(object))?.metadata.resourceVersion;
		const written = await this.#write(
			object,
			async () => {
				const answer = await this.#applyOnce(fieldManager, object, force);
				return isRepairUnfinished(answer.object.metadata)
					? { ...answer, ...(await this.#endRepair(answer.object)) }
					: answer;
			},
			({ created, resourceVersion }) => {
				if (created) return 'created';
				return before !== undefined && before === resourceVersion ? 'unchanged' : 'changed';
			},
		);
		for (const warning of written.warnings)
			if (!isUnavoidable(object, warning))
				this.notice('Warning', 'ApiWarning', `${describeObject(object)}: ${warning}`);
		const { metadata } = written.object;
		const acknowledged = fingerprint(metadata);
		if (acknowledged === undefined) {
			throw new TransientError(
				`${describeObject(object)} was applied, but the answer has no managedFields entry of ${fieldManager}`,
				{ status: 200, object: referenceOf(object) },
			);
		}
		const changed = changesOf(object, written.object);
		return {
			...(changed === undefined ? {} : { changed }),
			bodyHash: bodyHash(object),
			fingerprint: acknowledged,
			...(metadata.generation === undefined ? {} : { generation: metadata.generation }),
			created: written.created,
		};
	}

	/** What something at admission would change if the object were applied now. It rejects like an apply. */
	async tryApply(object: KubeObject): Promise<AdmissionChanges | undefined> {
		const { object: answer } = await this.#options.api.apply(object, {
			fieldManager,
			force: true,
			dryRun: true,
			metadataOnly: !readInFull.has(object.kind),
			signal: this.#signal,
		});
		return changesOf(object, answer);
	}

	/** Owns these fields in addition to `meshwright`, as another manager. */
	async applyAs(manager: string, object: KubeObject): Promise<void> {
		await this.#write(object, () => this.#applyOnce(manager, object, true));
	}

	/** Owns these fields as another manager. A field that somebody else has set to another value is a conflict. */
	async shareFields(manager: string, object: KubeObject): Promise<void> {
		await this.#write(object, () => this.#applyOnce(manager, object, false));
	}

	/** Patches exactly this state of an object. When somebody has written since, that is a ConflictError. */
	async patchGuarded(live: KubeObject, patch: readonly JsonPatchOperation[]): Promise<void> {
		await this.#write(live, () => this.#patchOnce(live, patch, false));
	}

	/** Asks whether the API server would accept a patch. It rejects like the patch. */
	async tryPatch(live: KubeObject, patch: readonly JsonPatchOperation[]): Promise<void> {
		await this.#patchOnce(live, patch, true);
	}

	/** Sends a write, tells the caches what comes, and counts the outcome. */
	async #write(
		object: KubeObject,
		send: () => Promise<Written<KubeObject>>,
		outcomeOf: (written: Written<KubeObject>) => Outcome = () => 'changed',
	): Promise<Written<KubeObject>> {
		const { live, hooks } = this.#options;
		const settle = live.expectWrite(object);
		try {
			const written = await send();
			settle(written.object);
			hooks?.onOutcome?.(object.kind, outcomeOf(written));
			return written;
		} catch (error) {
			settle();
			hooks?.onOutcome?.(object.kind, error instanceof ConflictError ? 'conflict' : 'failed');
			throw error;
		}
	}

	#applyOnce(manager: string, object: KubeObject, force: boolean): Promise<Written<KubeObject>> {
		return this.#options.api.apply(object, {
			fieldManager: manager,
			force,
			metadataOnly: !readInFull.has(object.kind),
			signal: this.#signal,
		});
	}

	#patchOnce(live: KubeObject, patch: readonly JsonPatchOperation[], dryRun: boolean): Promise<Written<KubeObject>> {
		const { uid, resourceVersion } = live.metadata;
		const guard = [
			{ op: 'add', path: '/metadata/uid', value: uid },
			{ op: 'add', path: '/metadata/resourceVersion', value: resourceVersion },
		];
		return this.#options.api.patch(referenceOf(live), [...guard, ...patch], {
			type: 'json',
			fieldManager: repairFieldManager,
			dryRun,
			metadataOnly: !readInFull.has(live.kind),
			signal: this.#signal,
		});
	}

	/** Takes the repair's entry out of `managedFields`. Its fields are owned by `meshwright` now. */
	#endRepair(object: KubeObject): Promise<Written<KubeObject>> {
		const value = object.metadata.managedFields?.filter(({ manager }) => manager !== repairFieldManager);
		return this.#patchOnce(object, [{ op: 'replace', path: '/metadata/managedFields', value }], false);
	}

	/** The whole object. Undefined when there is none. */
	async find(object: KubeObject): Promise<KubeObject | undefined> {
		return orAbsent(this.#options.api.get(referenceOf(object), { signal: this.#signal }));
	}

	/** The object's metadata. Undefined when there is none. */
	async findMetadata(object: KubeObject): Promise<KubeObject['metadata'] | undefined> {
		return (await orAbsent(this.#options.api.getMetadata(referenceOf(object), { signal: this.#signal })))?.metadata;
	}

	/** The names of all objects of a cluster-scoped kind. */
	async listNames(kind: Kind): Promise<ReadonlySet<string>> {
		const { items } = await this.#options.api.list(kind, {
			metadataOnly: true,
			signal: this.#signal,
			read: ({ metadata }) => metadata.name,
		});
		return new Set(items);
	}

	/** Deletes exactly this object, not one that was made under its name since. Succeeds when it is gone already. */
	async delete(child: Child): Promise<void> {
		const { api, live } = this.#options;
		await deleteObject(api, live, child, this.#signal);
		this.#options.hooks?.onOutcome?.(child.kind, 'deleted');
	}

	/**
	 * Runs a step for every item in parallel and collects the failures. The client bounds how many requests are in flight.
	 */
	async all<T>(items: readonly T[], step: (item: T) => Promise<void>): Promise<void> {
		const results = await Promise.allSettled(items.map(step));
		this.#signal.throwIfAborted();
		for (const result of results) {
			if (result.status === 'rejected') this.errors.push(result.reason);
		}
	}

	/** Throws `LoopDetected` when somebody rewrites this object faster than it makes sense to repair it. */
	assertMayRepair(scope: string, object: KubeObject, live: Child | undefined): void {
		const taken = this.#options.repairLimit.take(`${scope} ${objectKey(object)}`, this.now);
		if (taken.allowed) return;
		this.lookAgainWithin(taken.waitMs);
		throw new BlockedError(
			'LoopDetected',
			`${describeObject(object)} is being changed again and again${live?.changedBy === undefined ? '' : ` by ${live.changedBy}`}: ` +
				'repairs are slowed down; stop the other writer, or leave out the setting they disagree about',
			{ object: referenceOf(object) },
		);
	}

	lookAgainWithin(milliseconds: number): void {
		this.againInMs = Math.min(this.againInMs ?? Number.POSITIVE_INFINITY, milliseconds);
	}

	notice(type: ApplyNotice['type'], reason: ApplyNotice['reason'], message: string): void {
		this.#options.hooks?.onNotice?.({ type, reason, message });
	}

	noticeRepair(object: KubeObject, live: Child | undefined): void {
		const what =
			live === undefined ? 'was deleted' : `was changed${live.changedBy === undefined ? '' : ` by ${live.changedBy}`}`;
		this.notice('Normal', 'DriftRepaired', `${describeObject(object)} ${what} and is as rendered again`);
	}

	noticeAdoption(object: KubeObject): void {
		this.notice(
			'Normal',
			'Adopted',
			`${describeObject(object)} was there before and is kept by Meshwright from now on, as its annotation asks`,
		);
	}
}
