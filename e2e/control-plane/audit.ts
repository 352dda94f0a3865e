/** Reads kube-apiserver's audit log. */
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from './api-client.ts';

/** One answered request (`audit.k8s.io/v1` Event, level Metadata), as far as tests look at it. */
export interface AuditEvent {
	/** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` … */
	readonly verb: string;
	readonly requestURI: string;
	readonly user: { readonly username: string; readonly groups?: readonly string[] };
	readonly userAgent?: string;
	readonly objectRef?: {
		readonly resource?: string;
		readonly subresource?: string;
		readonly namespace?: string;
		readonly name?: string;
		readonly apiGroup?: string;
		readonly apiVersion?: string;
	};
	readonly responseStatus?: { readonly code?: number; readonly reason?: string };
	/** RFC 3339, microseconds. */
	readonly requestReceivedTimestamp: string;
	readonly stageTimestamp: string;
	readonly annotations?: Readonly<Record<string, string>>;
}

const writingVerbs = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Whether a request could change an object. Dry runs count: their URI says `dryRun=All`. */
export function isWrite(event: AuditEvent): boolean {
	return writingVerbs.has(event.verb);
}

/** Far longer than a line takes into the log on an idle machine. */
const deadlineMs = 60_000;

/** Path of a request that is answered like any other and marks a place in the log. */
const markerPath = '/version?marker=';

/**
 * The audit log of a cluster from a place on: each line is read and parsed once, however often the log is asked for.
 */
export class AuditLog {
	readonly #file: string;
	readonly #client: () => ApiClient;
	readonly #events: AuditEvent[] = [];
	/** How many events stand before a marker, by its path. */
	readonly #markers = new Map<string, number>();
	#position: number;
	#isAtLine: boolean;
	#reading: Promise<void> = Promise.resolve();

	/** @param from bytes of the log that are none of the reader's business. The last line of them may be half-written then. */
	constructor(file: string, client: () => ApiClient, from = 0) {
		this.#file = file;
		this.#client = client;
		this.#isAtLine = from === 0;
		this.#position = Math.max(0, from - 1);
	}

	/**
	 * The log up to this moment. An event is written right after its answer is sent: so a marker request goes through the
	 * log first, and what had been answered before it was sent is there when it is.
	 */
	async events(): Promise<readonly AuditEvent[]> {
		const marker = `${markerPath}${randomUUID()}`;
		await this.#client().request({ path: marker });
		for (const end = Date.now() + deadlineMs; Date.now() < end; await sleep(10)) {
			this.#reading = this.#reading.then(() => this.#readOn());
			await this.#reading;
			const place = this.#markers.get(marker);
			if (place !== undefined) return this.#events.slice(0, place);
		}
		throw new Error(`the audit log ${this.#file} does not show a request that was answered ${deadlineMs / 1000} s ago`);
	}

	async #readOn(): Promise<void> {
		await using file = await open(this.#file, 'r');
		const { size } = await file.stat();
		if (size <= this.#position) return;
		const buffer = Buffer.alloc(size - this.#position);
		const { bytesRead } = await file.read({ buffer, position: this.#position });
		// The last line may be half-written.
		const complete = buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf('\n') + 1);
		if (complete.length === 0) return;
		this.#position += complete.length;
		const own = this.#isAtLine ? complete : complete.subarray(complete.indexOf('\n') + 1);
		this.#isAtLine = true;
		for (const line of own.toString().split('\n')) {
			if (line === '') continue;
			const event = JSON.parse(line) as AuditEvent;
			if (event.requestURI.startsWith(markerPath)) this.#markers.set(event.requestURI, this.#events.length);
			else this.#events.push(event);
		}
	}
}
