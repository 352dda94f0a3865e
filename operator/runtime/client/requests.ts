/** What is asked of an API server, with which options, and what it answers. */
import type { LookupFunction } from 'node:net';
import type { KubeObject, ObjectMeta, ObjectReference } from '../object.ts';
import type { ConnectionBudget } from './budget.ts';
import type { Outgoing } from './exchange.ts';
import type { Http2Use } from './transport.ts';

export interface ApiServerOptions {
	/** How many requests may be in flight. Watches are not counted. Default 16. */
	readonly maxInFlight?: number;
	/** Deadline of a call as a whole: waiting for its turn, connecting, answering, retries. Default 30 s. */
	readonly timeoutMs?: number;
	readonly connectTimeoutMs?: number;
	/** Longest answer that is read. Default 64 MiB. */
	readonly maxResponseBytes?: number;
	/**
	 * Replaces the system's resolver for the names that this client connects to: the server's, or the proxy's when there is
	 * one (then the proxy resolves the server's name). It may refuse an address by an error of the closed family: requests
	 * and watches then end with that error. Node does not call it for literal addresses.
	 */
	readonly lookup?: LookupFunction;
	/**
	 * Whether the server is a stranger, to whom we send a credential and whom we don't trust. Then nothing that it says comes
	 * into an error or a warning: of a refusal only the status, and a reason that Kubernetes has. Default false.
	 */
	readonly isForeign?: boolean;
	/** Called after each answer and each failure, for metrics. */
	readonly observe?: (request: ObservedRequest) => void;
	/**
	 * Called synchronously right before each mutating request is sent. When it throws, nothing is sent and the call rejects
	 * with that error.
	 */
	readonly beforeWrite?: () => void;
	/**
	 * For a server that nobody here controls: what it may cost. It is then not believed either: what it answers has to be what
	 * was asked for. Requests and watches end with MisbehaviourError once it has taken more.
	 */
	readonly budget?: ConnectionBudget;
	/**
	 * For what HTTP/2 is offered. One connection for everything takes a third of the memory; over HTTP/1.1 a write takes less
	 * time. Default: nothing.
	 */
	readonly http2?: Http2Use;
}

export interface ObservedRequest {
	readonly method: string;
	/** HTTP status, or `<error>` when there was none. */
	readonly code: string;
	readonly host: string;
	/** From sending to the end of the answer. The wait for a turn is not counted. */
	readonly seconds: number;
	readonly kind?: string | undefined;
}

export interface CallOptions {
	readonly signal?: AbortSignal | undefined;
	/** Replaces the client's own deadline. */
	readonly timeoutMs?: number | undefined;
	/**
	 * When calls wait for their turn, this one lets others go first. A server that says when to come back is asked again until the
	 * deadline. For calls whose outcome nobody waits for.
	 */
	readonly isPatient?: boolean | undefined;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions extends CallOptions {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	readonly path: string;
	readonly query?: Query | undefined;
	/** Sent as JSON. */
	readonly body?: unknown;
	readonly contentType?: string | undefined;
	readonly accept?: string | undefined;
	/** What the request is about, for errors. */
	readonly object?: ObjectReference | undefined;
	/** For metrics. */
	readonly kind?: string | undefined;
	/** Whether the request may be sent again when the server asks for a retry with 503. A GET always may. */
	readonly isIdempotent?: boolean | undefined;
	/** Whether the request changes nothing although it is no GET: a dry run, a review. `beforeWrite` is not called for it. */
	readonly isReadOnly?: boolean | undefined;
	readonly reader?: Outgoing['reader'];
}

export interface Response<T> {
	readonly status: number;
	readonly body: T;
	/** Texts of the `Warning` headers. None from a stranger. */
	readonly warnings: readonly string[];
	/** The `Date` header: when the server answered, by its own clock, to the second. */
	readonly date: string | undefined;
}

export interface ListOptions extends CallOptions {
	readonly namespace?: string | undefined;
	readonly labelSelector?: string | undefined;
	readonly fieldSelector?: string | undefined;
	/** Only apiVersion, kind and metadata of each object. */
	readonly metadataOnly?: boolean | undefined;
	/** Objects per page; 500 by default. */
	readonly limit?: number | undefined;
	/** The `continue` of the page before. */
	readonly continue?: string | undefined;
	readonly resourceVersion?: string | undefined;
}

/** How a list is read. */
export interface ListReading<T> extends ListOptions {
	/** Returns what is kept of an object. The rest is dropped before the next one is read. Default: the object as it is. */
	readonly read?: ((object: KubeObject) => T) | undefined;
	/**
	 * Each object is read as soon as it is there, so that no page is ever in memory as a whole. A page that is asked for again
	 * is read again from its beginning, so `read` must not count. A server with a budget is always read so.
	 */
	readonly readsAsItComes?: boolean | undefined;
	/** The list of a server with a budget may have this many objects. Default: the budget's number. */
	readonly most?: number | undefined;
}

export interface ListPage<T> {
	readonly items: readonly T[];
	readonly resourceVersion: string;
	/** Absent on the last page. */
	readonly continue: string | undefined;
}

export interface WriteOptions extends CallOptions {
	readonly fieldManager?: string | undefined;
	/** The server checks and answers, but stores nothing. */
	readonly dryRun?: boolean | undefined;
	readonly subresource?: 'status' | 'scale' | undefined;
	/** Answer with apiVersion, kind and metadata only. */
	readonly metadataOnly?: boolean | undefined;
	readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore' | undefined;
}

export interface ApplyOptions extends WriteOptions {
	readonly fieldManager: string;
	/** Take fields that other managers own. */
	readonly force?: boolean | undefined;
}

export interface Written<T> {
	readonly object: T;
	readonly created: boolean;
	readonly resourceVersion: string;
	readonly warnings: readonly string[];
}

export interface DeleteOptions extends CallOptions {
	readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined;
	readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
	readonly gracePeriodSeconds?: number | undefined;
	readonly dryRun?: boolean | undefined;
}

export type Deletion = 'going' | 'gone';

export interface ServerVersion {
	readonly major: string;
	readonly minor: string;
	readonly gitVersion: string;
	readonly platform: string;
}

/** An object without spec, status or data. */
export interface ObjectHeader {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: ObjectMeta;
}
export const json = 'application/json';
/**
 * Asks for metadata alone. Servers that can't do that (some aggregated ones) send the whole object, which the client then
 * cuts down.
 */
export const metadataAccept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
export const metadataListAccept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** What of the options of a call is about the call itself. */
export function callOptions(options: CallOptions): CallOptions {
	return { signal: options.signal, timeoutMs: options.timeoutMs, isPatient: options.isPatient };
}
