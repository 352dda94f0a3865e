/** How requests reach a server, in whatever version of HTTP it speaks, and how their answers come back. */
import type { IncomingHttpHeaders } from 'node:http';

export interface WireRequest {
	readonly method: string;
	/** With the query, and with the path of the server's URL. */
	readonly path: string;
	readonly headers: Readonly<Record<string, string | readonly string[]>>;
	readonly body: string | undefined;
}

/** What whoever takes an answer may do with the rest of it. */
export interface AnswerControl {
	/** Reads nothing more for now. What has been read may still come. */
	pause(): void;
	resume(): void;
	/** Ends the request. Nothing more comes of it, or nothing that counts. */
	abort(reason: Error): void;
	/** How long everything on its connection was not read because the server has taken its part. Milliseconds. */
	readonly heldBackMs?: number;
}

/**
 * Takes an answer. The calls are synchronous and come in this order; `onResponseEnd` or `onResponseError` is the last one.
 * When a server refused a request unseen, it is sent again, and all of them begin anew.
 */
export interface AnswerHandler {
	/** Right before the request is sent. `abort` prevents that. */
	onRequestStart(control: AnswerControl): void;
	/** Also for interim answers, whose status is below 200. */
	onResponseStart(control: AnswerControl, status: number, headers: IncomingHttpHeaders): void;
	onResponseData(control: AnswerControl, chunk: Buffer): void;
	onResponseEnd(control: AnswerControl): void;
	onResponseError(control: AnswerControl | undefined, error: Error): void;
}

/** Connections to one server, with one set of certificates. */
export interface Wire {
	/** Sends a request as soon as there is a connection for it. Whatever comes of it, the handler learns. */
	dispatch(request: WireRequest, handler: AnswerHandler): void;
	/** Ends all connections at once. Requests under way fail. */
	destroy(): Promise<void>;
}
