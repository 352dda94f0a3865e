/** Reads kube-apiserver's audit log. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
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

/** Far longer than a line takes into the log on an idle machine, milliseconds. */
const deadlineMs = 60_000;

/** Path of a request that is answered like any other and marks a place in the log. */
const markerPath = '/version?marker=';

function parseLog(text: string): readonly AuditEvent[] {
	// The last line may be half-written.
	const complete = text.slice(0, text.lastIndexOf('\n') + 1);
	return complete
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as AuditEvent);
}

/**
 * The log up to this moment. An event is written right after its answer is sent: so a marker request goes through the
 * log first, and what had been answered before it was sent is there when it is.
 */
export async function readAuditLog(file: string, client: ApiClient): Promise<readonly AuditEvent[]> {
	const marker = `${markerPath}${randomUUID()}`;
	await client.request({ path: marker });
	for (const end = Date.now() + deadlineMs; Date.now() < end; await sleep(10)) {
		const events = parseLog(await readFile(file, 'utf8'));
		const place = events.findIndex((event) => event.requestURI === marker);
		if (place !== -1) {
			return events.slice(0, place).filter((event) => !event.requestURI.startsWith(markerPath));
		}
	}
	throw new Error(`the audit log ${file} does not show a request that was answered ${deadlineMs / 1000} s ago`);
}
