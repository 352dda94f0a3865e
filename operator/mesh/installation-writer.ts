/** Writes the MeshInstallation itself: its status and its finalizer. */
import { isDeepStrictEqual } from 'node:util';
import { definedFields, finalizer, type ParsedStatus, timeText, unobservedGeneration } from '../../api/v1/index.ts';
import { addFinalizer, removeFinalizer } from '../apply/finalizer.ts';
import { statusFieldManager } from '../apply/identity.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { ConflictError } from '../runtime/errors.ts';
import { describeObject, type KubeObject } from '../runtime/object.ts';
import { isRecord } from '../runtime/object-shape.ts';
import { replaceInvisible } from '../runtime/visible-text.ts';
import { computeStatus, type Observation } from '../status/compute-status.ts';
import { onlyCountsPods } from '../status/pod-counts.ts';
import type { StatusNotice } from '../status/status-notice.ts';
import { describeTransitions } from '../status/transitions.ts';
import type { UpgradeStatus } from '../status/upgrade.ts';
import type { InstallationCache, StoredInstallation } from './installation.ts';

/** What a pass has seen, for the status. */
export type Observed = Omit<Observation, 'generation' | 'previous' | 'now'>;

export interface InstallationWriterOptions {
	readonly api: ApiServer;
	readonly installations: Pick<InstallationCache, 'expectWrite'>;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
	/** `now` is monotonic, milliseconds. */
	readonly applier: { readonly now: () => number };
	readonly onNotice: (object: StoredInstallation, notice: StatusNotice) => void;
	/** Called after each pass with the installation's status, for metrics. */
	readonly onStatus?: (name: string, status: ParsedStatus | undefined) => void;
}

/** The answer to the last own write of an installation. */
interface Answer {
	readonly uid: string | undefined;
	readonly resourceVersion: string | undefined;
	readonly spec: unknown;
}

/** Numbers of pods in a roll-out are told about this often: a pod of a change of version makes several, and each write costs others time. */
const countsEveryMs = 1_000;

/**
 * Remembers the answers to its writes. An answer shows the object as it really is, and every new generation gets one. For a
 * moment after a change of the CRD, watches still prune by the old schema (apiextensions-apiserver
 * `customresource_handler.go` keeps the old storage until its requests have ended), and no event follows that would show
 * what was left out. Nor does the answer replace an event that came before it, because both have the same resourceVersion.
 */
export class InstallationWriter {
	readonly #options: InstallationWriterOptions;
	readonly #answers = new Map<string, Answer>();
	/** When a status was written last, by the name of the installation, monotonic, milliseconds. */
	readonly #toldAtMs = new Map<string, number>();

	constructor(options: InstallationWriterOptions) {
		this.#options = options;
	}

	/** The cached object. At the resourceVersion of an own write it gets the spec of the answer. */
	asAnswered(object: StoredInstallation): StoredInstallation {
		const { name, uid, resourceVersion } = object.metadata;
		const answer = this.#answers.get(name);
		return answer !== undefined && answer.uid === uid && answer.resourceVersion === resourceVersion
			? { ...object, spec: answer.spec }
			: object;
	}

	forget(name: string): void {
		this.#answers.delete(name);
		this.#toldAtMs.delete(name);
	}

	/**
	 * Adds the finalizer. Resolves with the object as it is then. Rejects with ConflictError when its spec is another one
	 * than the pass looked at.
	 */
	async addFinalizer(object: StoredInstallation, signal: AbortSignal): Promise<StoredInstallation> {
		return this.#write(object, () => addFinalizer(this.#options.api, object, finalizer, signal));
	}

	/** Removes the finalizer. With that the object goes, unless another finalizer holds it. */
	async removeFinalizer(object: StoredInstallation, signal: AbortSignal): Promise<void> {
		await removeFinalizer(this.#options.api, object, finalizer, signal);
	}

	/**
	 * Records a change of version, before anything of it is written. Resolves with the object as it is then. Rejects with
	 * ConflictError when its spec is another one than the pass looked at.
	 */
	async writeUpgrade(
		object: StoredInstallation,
		upgrade: UpgradeStatus,
		revisions: ParsedStatus['revisions'],
		signal: AbortSignal,
	): Promise<StoredInstallation> {
		const { observedGeneration = unobservedGeneration } = object.status ?? {};
		const status: ParsedStatus = { ...object.status, observedGeneration, upgrade, ...definedFields({ revisions }) };
		const written = await this.#write(object, () => this.#applyStatus(object, status, signal));
		for (const notice of describeTransitions(object.status, status)) this.#options.onNotice(object, notice);
		return { ...written, status };
	}

	/**
	 * Writes the status when it differs, and reports the changes. Resolves with the milliseconds after which a status is to be
	 * written that can wait, since it only counts pods.
	 * @param mayWait whether the next pass comes in time for what waits
	 */
	async writeStatus(
		object: StoredInstallation,
		observed: Observed,
		signal: AbortSignal,
		mayWait = false,
	): Promise<number | undefined> {
		const { wallClock, applier, onNotice, onStatus } = this.#options;
		const { name, generation = 0 } = object.metadata;
		const previous = object.status;
		const now = timeText(wallClock());
		const status = readable(computeStatus({ ...observed, generation, previous, now }));
		onStatus?.(name, status);
		if (isDeepStrictEqual(status, previous)) return undefined;
		const waitMs = (this.#toldAtMs.get(name) ?? Number.NEGATIVE_INFINITY) + countsEveryMs - applier.now();
		if (mayWait && waitMs > 0 && onlyCountsPods(previous, status)) return waitMs;
		await this.#write(object, () => this.#applyStatus(object, status, signal));
		for (const notice of describeTransitions(previous, status)) onNotice(object, notice);
		return undefined;
	}

	async #applyStatus(
		{ apiVersion, kind, metadata: { name, uid } }: StoredInstallation,
		status: ParsedStatus,
		signal: AbortSignal,
	): Promise<KubeObject> {
		const metadata = { name, ...(uid === undefined ? {} : { uid }) };
		const { object } = await this.#options.api.apply(
			{ apiVersion, kind, metadata, status },
			{
				fieldManager: statusFieldManager,
				force: true,
				subresource: 'status',
				signal,
				// The mesh's objects come before the report about them.
				isPatient: true,
			},
		);
		this.#toldAtMs.set(name, this.#options.applier.now());
		return object;
	}

	/** Writes the installation so that the event of the write does not wake us. */
	async #write(object: StoredInstallation, send: () => Promise<KubeObject>): Promise<StoredInstallation> {
		const settle = this.#options.installations.expectWrite(object);
		let written: KubeObject;
		try {
			written = await send();
			settle(written);
		} catch (error) {
			settle();
			throw error;
		}
		const { name, uid, generation } = object.metadata;
		const { resourceVersion } = written.metadata;
		this.#answers.set(name, { uid, resourceVersion, spec: written.spec });
		if (written.metadata.generation === generation && !isDeepStrictEqual(written.spec, object.spec)) {
			throw new ConflictError(`${describeObject(object)} is not as the watch showed it: its definition has changed`);
		}
		const { status: _, ...rest } = written;
		return { ...rest, ...(object.status === undefined ? {} : { status: object.status }) } as StoredInstallation;
	}
}

/**
 * The status with nothing in it that is hidden or obeyed by a terminal. It repeats what stands in specs and what clusters
 * answer.
 */
function readable(status: ParsedStatus): ParsedStatus {
	const inside = (value: unknown): unknown => {
		if (typeof value === 'string') return replaceInvisible(value);
		if (Array.isArray(value)) return value.map(inside);
		if (!isRecord(value)) return value;
		return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, inside(field)]));
	};
	const shown = inside(status) as ParsedStatus;
	// It is no text for a person, but what may be written again.
	const previous = status.upgrade?.previous;
	return shown.upgrade === undefined || previous === undefined
		? shown
		: { ...shown, upgrade: { ...shown.upgrade, previous } };
}
