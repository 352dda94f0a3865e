/**
 * Writes Kubernetes Events (`events.k8s.io/v1`) about objects. Recording never waits and never fails. Events are written in
 * the background, one after the other, from a bounded buffer. An Event that can't be written is counted and logged.
 */
import { hostname } from 'node:os';
import type { ApiServer } from '../client/api-server.ts';
import { type Clock, sleep, systemClock } from '../clock.ts';
import { microTime } from '../election/decision.ts';
import { ConflictError, isNotFound, TransientError } from '../errors.ts';
import { kinds } from '../kinds.ts';
import type { LogSink } from '../log/logger.ts';
import { redactText } from '../log/redact-text.ts';
import { type KubeObject, type ObjectReference, objectKey } from '../object.ts';
import { backoffDelayMs } from '../queue/backoff.ts';
import { visible } from '../visible-text.ts';
import { EventCorrelator, RecentMap } from './correlator.ts';

export interface EventInput {
	/** The object. Include `metadata.uid` when it is known: `kubectl describe` finds Events by it. */
	readonly about: KubeObject | ObjectReference;
	readonly type: 'Normal' | 'Warning';
	/** Why, in CamelCase, at most 128 bytes: `PilotUpgraded`. */
	readonly reason: string;
	/** What the operator did, in CamelCase, at most 128 bytes: `Apply`. */
	readonly action: string;
	/** A sentence for a person. It is cut to 1024 bytes, and credentials are removed. */
	readonly note: string;
}

export interface EventRecorderOptions {
	readonly api: Pick<ApiServer, 'create' | 'patch'>;
	/** Default: the host name, which is the Pod's name. */
	readonly reportingInstance?: string;
	/** This many Events may wait to be written; then the oldest is dropped. Default 500. */
	readonly bufferSize?: number;
	readonly onOutcome?: (outcome: 'written' | 'failed' | 'dropped') => void;
	readonly log?: LogSink;
	readonly clock?: Clock;
	readonly random?: () => number;
}

/** The newest state of a series, which is all that is written of it. */
interface Pending {
	readonly series: string;
	event: KubeObject;
	count: number;
	lastObserved: string;
	isCreated: boolean;
}

const reportingController = 'meshwright.io/operator';
/** Limits in bytes, from pkg/apis/core/validation/events.go. */
const longestNote = 1_024;
const longestWord = 128;
const mostTries = 12;
const retryBackoff = { initialMs: 1_000, maxMs: 30_000, factor: 2, jitter: 0.2 };

export class EventRecorder {
	readonly #api: Pick<ApiServer, 'create' | 'patch'>;
	readonly #reportingInstance: string;
	readonly #bufferSize: number;
	readonly #onOutcome: (outcome: 'written' | 'failed' | 'dropped') => void;
	readonly #log: LogSink | undefined;
	readonly #clock: Clock;
	readonly #random: () => number;
	readonly #correlator = new EventCorrelator();
	/** Events of series that go on, to be patched or made anew. A series that is forgotten here begins anew. */
	readonly #events = new RecentMap<Pending>(4_096);
	/**
	 * Waiting to be written, the oldest first. Each series is in it at most once, because a series shows its newest state
	 * only.
	 */
	readonly #buffer = new Map<string, Pending>();
	readonly #abort = new AbortController();
	#writing: Promise<void> | undefined;
	#isStopped = false;
	#sequence = 0;

	constructor(options: EventRecorderOptions) {
		this.#api = options.api;
		this.#reportingInstance = cutBytes(options.reportingInstance ?? hostname(), longestWord);
		this.#bufferSize = options.bufferSize ?? 500;
		this.#onOutcome = options.onOutcome ?? (() => undefined);
		this.#log = options.log;
		this.#clock = options.clock ?? systemClock;
		this.#random = options.random ?? Math.random;
	}

	/** Takes an event. Returns at once and never throws. Ignores events after `stop`. */
	record(input: EventInput): void {
		if (this.#isStopped) return;
		const note = visible(redactText(input.note));
		const object = `${objectKey(input.about)} ${uidOf(input.about) ?? ''}`;
		const identity = { object, what: `${input.type} ${input.reason} ${input.action}`, note };
		const correlation = this.#correlator.correlate(identity, this.#clock.now());
		if (correlation.do === 'drop') {
			this.#onOutcome('dropped');
			return;
		}
		const time = microTime(this.#clock.date());
		const known = correlation.do === 'repeat' ? this.#events.get(correlation.series) : undefined;
		const pending: Pending = known ?? {
			series: correlation.series,
			event: this.#newEvent(input, correlation.do === 'create' ? correlation.note : note, time),
			count: 1,
			lastObserved: time,
			isCreated: false,
		};
		pending.count = correlation.count;
		pending.lastObserved = time;
		this.#events.set(pending.series, pending);
		this.#enqueue(pending);
	}

	/** Accepts no more events, and writes those that wait, until the deadline. */
	async stop(options: { readonly deadlineMs: number }): Promise<void> {
		this.#isStopped = true;
		const timer = this.#clock.setTimer(
			() => this.#abort.abort(new TransientError('the time for writing Events is over')),
			options.deadlineMs,
		);
		await this.#writing;
		timer.cancel();
		for (const _ of this.#buffer) this.#onOutcome('dropped');
		this.#buffer.clear();
	}

	#enqueue(pending: Pending): void {
		this.#buffer.set(pending.series, pending);
		if (this.#buffer.size > this.#bufferSize) {
			for (const oldest of this.#buffer.keys()) {
				this.#buffer.delete(oldest);
				this.#onOutcome('dropped');
				break;
			}
		}
		this.#writing ??= this.#write();
	}

	async #write(): Promise<void> {
		// Leaves the caller's turn first.
		await Promise.resolve();
		// The iterator also visits entries that are added meanwhile.
		for (const pending of this.#buffer.values()) {
			if (this.#abort.signal.aborted) break;
			this.#buffer.delete(pending.series);
			await this.#writeOne(pending);
		}
		// Done in the same turn as the last look at the buffer, so that the next event finds no writer and starts one.
		this.#writing = undefined;
	}

	async #writeOne(pending: Pending): Promise<void> {
		for (let tries = 1; ; tries++) {
			try {
				await this.#send(pending);
				this.#onOutcome('written');
				return;
			} catch (error) {
				const isHopeless = !(error instanceof TransientError) || tries >= mostTries || this.#abort.signal.aborted;
				if (isHopeless) {
					this.#onOutcome('failed');
					this.#log?.warn({ err: error, event: pending.event.metadata }, 'an Event could not be written');
					return;
				}
				await sleep(backoffDelayMs(retryBackoff, tries, this.#random), {
					clock: this.#clock,
					signal: this.#abort.signal,
				}).catch(() => undefined);
			}
		}
	}

	async #send(pending: Pending): Promise<void> {
		const options = { signal: this.#abort.signal, timeoutMs: 10_000 };
		const series =
			pending.count > 1 ? { series: { count: pending.count, lastObservedTime: pending.lastObserved } } : {};
		if (pending.isCreated) {
			const { namespace = 'default', name } = pending.event.metadata;
			const reference = { apiVersion: kinds.Event.apiVersion, kind: kinds.Event.kind, namespace, name };
			try {
				await this.#api.patch(reference, series, { type: 'merge', ...options });
				return;
			} catch (error) {
				// API servers delete Events after an hour. Then the series goes on in a new one.
				if (!isNotFound(error)) throw error;
			}
		}
		try {
			await this.#api.create({ ...pending.event, ...series }, options);
		} catch (error) {
			// The answer to an earlier try was lost.
			if (!(error instanceof ConflictError && error.reason === 'AlreadyExists')) throw error;
		}
		pending.isCreated = true;
	}

	#newEvent(input: EventInput, note: string, time: string): KubeObject {
		const { about } = input;
		const { name, namespace } = 'metadata' in about ? (about as KubeObject).metadata : (about as ObjectReference);
		const uid = uidOf(about);
		return {
			apiVersion: kinds.Event.apiVersion,
			kind: kinds.Event.kind,
			metadata: {
				name: this.#eventName(name),
				// Events about cluster-scoped objects live in `default` (client-go tools/events/event_recorder.go makeEvent).
				namespace: namespace ?? 'default',
			},
			eventTime: time,
			reportingController,
			reportingInstance: this.#reportingInstance,
			type: input.type,
			reason: cutBytes(input.reason, longestWord),
			action: cutBytes(input.action, longestWord),
			note: cutBytes(note, longestNote),
			regarding: {
				apiVersion: about.apiVersion,
				kind: about.kind,
				name,
				...(namespace === undefined ? {} : { namespace }),
				...(uid === undefined ? {} : { uid }),
			},
		};
	}

	/**
	 * The object's name and the time, as client-go does. A name with characters that a DNS name can't have (`ClusterRole
	 * a:b`) is adapted.
	 */
	#eventName(objectName: string): string {
		const base = objectName
			.toLowerCase()
			.replace(/[^a-z0-9.-]+/g, '-')
			.slice(0, 200)
			.replace(/^[.-]+|[.-]+$/g, '');
		const stamp = this.#clock.date().getTime().toString(16);
		return `${base === '' ? 'event' : base}.${stamp}${(this.#sequence++ & 0xffff).toString(16).padStart(4, '0')}${Math.floor(
			this.#random() * 0x10000,
		)
			.toString(16)
			.padStart(4, '0')}`;
	}
}

function uidOf(about: KubeObject | ObjectReference): string | undefined {
	return 'metadata' in about ? (about as KubeObject).metadata.uid : undefined;
}

/** Cuts a text to this many bytes of UTF-8, never inside a character. A cut text ends with an ellipsis. */
export function cutBytes(text: string, most: number): string {
	const bytes = Buffer.from(text);
	if (bytes.length <= most) return text;
	const ellipsis = '…';
	let end = most - Buffer.byteLength(ellipsis);
	// A byte 10xxxxxx is inside a character.
	while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
	return bytes.subarray(0, end).toString() + ellipsis;
}
