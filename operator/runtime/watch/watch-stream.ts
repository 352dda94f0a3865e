/**
 * One watch: a request whose answer is one JSON event per line. Events are delivered synchronously when their chunk
 * arrives. It knows nothing of lists and retries, and says exactly once how it ended.
 */

import { errorOfAnswer, errorOfStatusObject } from '../client/answer.ts';
import type { ApiServer } from '../client/api-server.ts';
import type { InFlight } from '../client/exchange.ts';
import { GatheredBytes } from '../client/gathered-bytes.ts';
import { excessOf, tooManyBytes } from '../client/json-bounds.ts';
import { isAsked } from '../client/list-page.ts';
import { metadataAccept } from '../client/requests.ts';
import { systemClock, type Timer } from '../clock.ts';
import { TransientError } from '../errors.ts';
import { collectionPath, type Kind } from '../kinds.ts';
import type { KubeObject } from '../object.ts';
import { hasHeader, isRecord } from '../object-shape.ts';

export type WatchEvent =
	| { readonly type: 'added' | 'modified' | 'deleted'; readonly object: KubeObject }
	/** Every change up to this resourceVersion has been told. `isInitialEnd`: the initial events were the whole state. */
	| { readonly type: 'bookmark'; readonly resourceVersion: string };

export interface WatchCallbacks {
	/** The server has accepted the watch. */
	readonly opened: () => void;
	readonly event: (event: WatchEvent) => void;
	/** The last call. It does not come after `close()`. */
	readonly ended: (end: WatchEnd) => void;
}

/**
 * How a watch ended.
 * - `done`: by the server, in order
 * - `refused`: by an answer other than 200, or an ERROR event
 * - `unreachable`: before any answer
 * - `cut`: while it was open, also in the middle of an event
 * - `silent`: nothing came for too long
 */
export type WatchEnd =
	| { readonly how: 'done' }
	| { readonly how: 'refused' | 'unreachable' | 'cut' | 'silent'; readonly error: Error };

export interface WatchOptions {
	readonly namespace?: string | undefined;
	readonly labelSelector?: string | undefined;
	readonly fieldSelector?: string | undefined;
	readonly metadataOnly?: boolean | undefined;
	/** Where to begin. Default: the server begins with all objects. */
	readonly resourceVersion?: string | undefined;
	/** The server ends the watch in order after this time. */
	readonly timeoutSeconds: number;
	/** Longest silence. Servers send bookmarks each 60 s; when one is missing, the connection is lost. */
	readonly idleMs?: number | undefined;
}

export interface Watch {
	/** Ends the watch without another callback. */
	close(): void;
}

const defaultIdleMs = 85_000;
/** Longest wait for the answer's head. */
const openMs = 30_000;
/** Longest event. etcd takes objects up to 1.5 MiB. */
const longestLineBytes = 32 * 1024 * 1024;
const longestErrorBody = 64 * 1024;

export function openWatch(server: ApiServer, kind: Kind, options: WatchOptions, callbacks: WatchCallbacks): Watch {
	const path = collectionPath(kind, options.namespace);
	const subject = { method: 'WATCH', path, isForeign: server.isForeign };
	const idleMs = options.idleMs ?? defaultIdleMs;
	let inFlight: InFlight | undefined;
	let isOver = false;
	let status = 0;
	let retryAfter: string | string[] | undefined;
	let heardAt = systemClock.now();
	let allowedMs = openMs;
	let timer: Timer | undefined;
	const refusal = new GatheredBytes();

	const finish = (end: WatchEnd) => {
		if (!isOver) {
			isOver = true;
			timer?.cancel();
			lateEvent?.cancel();
			callbacks.ended(end);
		}
	};
	const breakOff = (end: WatchEnd & { readonly error: Error }) => {
		finish(end);
		inFlight?.fail(end.error);
	};
	const cut = (words: string) => breakOff({ how: 'cut', error: new TransientError(`WATCH ${path}: ${words}`) });
	/** One timer for all silences. Data only notes the time, and a timer that fires too early is set again. */
	const checkSilence = () => {
		const silentMs = systemClock.now() - heardAt;
		if (silentMs < allowedMs) {
			timer = systemClock.setTimer(checkSilence, allowedMs - silentMs);
			return;
		}
		const error = new TransientError(`WATCH ${path}: silent for ${Math.round(silentMs / 1000)} s`);
		breakOff({ how: status === 0 ? 'unreachable' : 'silent', error });
	};
	const errorOfRefusal = () => {
		const body = refusal.length > longestErrorBody ? Buffer.alloc(0) : refusal.take();
		return errorOfAnswer(subject, status, retryAfter, body);
	};
	const { budget } = server;
	const lines = new LineSplitter(budget?.limits.document.bytes ?? longestLineBytes, (line) => {
		if (!isOver) {
			deliver(line);
		}
	});
	const deliver = (line: Buffer) => {
		budget?.countEvent();
		const excess = budget === undefined ? undefined : excessOf(line, budget.limits.document);
		if (excess !== undefined) throw budget?.offend(`sent an event that ${excess}`);
		let event: unknown;
		try {
			event = JSON.parse(line.toString('utf8'));
		} catch {
			budget?.countMalformed(line.length);
			cut(`an event of ${line.length} bytes is not JSON`);
			return;
		}
		if (!isRecord(event) || !isRecord(event.object)) {
			budget?.countMalformed(line.length);
			cut('an event without an object');
			return;
		}
		if (event.type === 'ERROR') {
			breakOff({ how: 'refused', error: errorOfStatusObject(subject, event.object) });
			return;
		}
		const isMarkAlone = event.type === 'BOOKMARK' && isRecord(event.object.metadata);
		if (!isMarkAlone && !hasHeader(event.object)) {
			budget?.countMalformed(line.length);
			cut('an event whose object is none of Kubernetes');
			return;
		}
		const parsed = shapeEvent(event.type, event.object, kind, options.metadataOnly === true);
		if (parsed === undefined) return;
		if (budget !== undefined && parsed.type !== 'bookmark' && !isAsked(parsed.object, options)) budget.countStranger();
		else callbacks.event(parsed);
	};
	let lateEvent: Timer | undefined;
	/** An event that has begun has to end. The time in which it is not read counts for nothing. */
	const watchOverEvent = (hasLine: boolean) => {
		if (budget === undefined || (lines.hasRest && lateEvent !== undefined && !hasLine)) return;
		lateEvent?.cancel();
		lateEvent = undefined;
		if (!lines.hasRest || isOver) return;
		const { eventMs } = budget.limits;
		let excusedMs = inFlight?.heldBackMs ?? 0;
		const check = () => {
			const excuseMs = (inFlight?.heldBackMs ?? 0) - excusedMs;
			excusedMs += excuseMs;
			if (excuseMs > 0) {
				lateEvent = systemClock.setTimer(check, excuseMs);
				return;
			}
			const error = budget.offend(`began an event that did not end within ${eventMs / 1000} s`);
			breakOff({ how: 'cut', error });
		};
		lateEvent = systemClock.setTimer(check, eventMs);
	};

	timer = systemClock.setTimer(checkSilence, allowedMs);
	server
		.stream(
			{
				path,
				query: {
					watch: true,
					allowWatchBookmarks: true,
					timeoutSeconds: options.timeoutSeconds,
					resourceVersion: options.resourceVersion,
					labelSelector: options.labelSelector,
					fieldSelector: options.fieldSelector,
				},
				kind: kind.kind,
				accept: options.metadataOnly === true ? metadataAccept : undefined,
			},
			{
				start: (answerStatus, headers) => {
					heardAt = systemClock.now();
					allowedMs = idleMs;
					if (!isOver) {
						timer?.cancel();
						timer = systemClock.setTimer(checkSilence, idleMs);
					}
					status = answerStatus;
					retryAfter = headers['retry-after'];
					if (status === 200 && !isOver) {
						callbacks.opened();
					}
				},
				data: (chunk) => {
					heardAt = systemClock.now();
					if (isOver) {
						return;
					}
					if (status === 200) {
						const isAllowed = lines.push(chunk);
						watchOverEvent(chunk.includes(0x0a));
						if (!isAllowed && budget !== undefined)
							throw budget.offend(`sent an event that ${tooManyBytes(budget.limits.document)}`);
						if (!isAllowed) cut('an event is too long');
						return;
					}
					refusal.push(chunk);
					// The status alone says enough.
					if (refusal.length > longestErrorBody) breakOff({ how: 'refused', error: errorOfRefusal() });
				},
				get held() {
					return lines.held + refusal.held;
				},
				end: () => {
					if (status !== 200) {
						finish({ how: 'refused', error: errorOfRefusal() });
					} else if (lines.hasRest) {
						cut('cut off in the middle of an event');
					} else {
						finish({ how: 'done' });
					}
				},
				fail: (error) => finish({ how: status === 200 ? 'cut' : 'unreachable', error }),
			},
		)
		.then(
			(started) => {
				inFlight = started;
				if (isOver) {
					started.fail(new Error('the watch was closed'));
				}
			},
			(error: unknown) =>
				finish({ how: 'unreachable', error: error instanceof Error ? error : new Error(String(error)) }),
		);

	return {
		close: () => {
			isOver = true;
			timer?.cancel();
			lateEvent?.cancel();
			inFlight?.fail(new Error('the watch was closed'));
		},
	};
}

/**
 * Metadata-only events say `PartialObjectMetadata`: gives the object its own kind. Ignores event types that we don't know.
 */
function shapeEvent(
	type: unknown,
	object: Record<string, unknown>,
	kind: Kind,
	metadataOnly: boolean,
): WatchEvent | undefined {
	switch (type) {
		case 'ADDED':
			return { type: 'added', object: shapeObject(object, kind, metadataOnly) };
		case 'MODIFIED':
			return { type: 'modified', object: shapeObject(object, kind, metadataOnly) };
		case 'DELETED':
			return { type: 'deleted', object: shapeObject(object, kind, metadataOnly) };
		case 'BOOKMARK': {
			const { resourceVersion } = (object as KubeObject).metadata;
			return { type: 'bookmark', resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '' };
		}
		default:
			return undefined;
	}
}

function shapeObject(object: Record<string, unknown>, kind: Kind, metadataOnly: boolean): KubeObject {
	const { apiVersion, kind: name } = kind;
	return metadataOnly
		? { apiVersion, kind: name, metadata: (object as KubeObject).metadata }
		: { ...(object as KubeObject), apiVersion, kind: name };
}

/** Cuts a stream of bytes at line feeds. A line within one chunk, the usual case, is not copied. */
export class LineSplitter {
	readonly #maxBytes: number;
	readonly #onLine: (line: Buffer) => void;
	readonly #rest = new GatheredBytes();

	constructor(maxBytes: number, onLine: (line: Buffer) => void) {
		this.#maxBytes = maxBytes;
		this.#onLine = onLine;
	}

	/** Whether there are bytes after the last line feed. */
	get hasRest(): boolean {
		return this.#rest.length > 0;
	}

	/** Bytes of memory that it holds now. */
	get held(): number {
		return this.#rest.held;
	}

	/** Returns false when the current line is longer than allowed: give up then. */
	push(chunk: Buffer): boolean {
		let from = 0;
		for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
			let line = chunk.subarray(from, at);
			if (this.hasRest) {
				this.#rest.push(line);
				line = this.#rest.take();
			}
			from = at + 1;
			if (line.length > this.#maxBytes) return false;
			if (line.length > 0) this.#onLine(line);
		}
		// A piece of a chunk would keep all of it.
		if (from < chunk.length) this.#rest.push(from === 0 ? chunk : Buffer.from(chunk.subarray(from)));
		return this.#rest.length <= this.#maxBytes;
	}
}
