/**
 * The client of one API server. It speaks plain JSON, without generated models (which drop fields that they don't know),
 * and keeps its connections (a client that opens a TLS connection per request costs 20 to 30 times as much).
 */

import type { LookupFunction } from 'node:net';
import manifest from '../../../package.json' with { type: 'json' };
import { type Credentials, type StaticCredentials, staticCredentials } from '../credentials/grant.ts';
import { RequestError, TransientError } from '../errors.ts';
import { collectionPath, type Kind, kindOf, objectPath } from '../kinds.ts';
import { type KubeObject, type ObjectMeta, type ObjectReference, referenceOf } from '../object.ts';
import { hasHeader, isRecord } from '../object-shape.ts';
import { escapeJson } from '../visible-text.ts';
import { matchesSelector } from '../watch/selector.ts';
import { describeRequest, errorOfAnswer, type RequestSubject, warningsOf } from './answer.ts';
import { type ConnectionBudget, workTimeMs } from './budget.ts';
import type { Answer, InFlight, Outgoing, Sink } from './exchange.ts';
import { excessOf } from './json-bounds.ts';
import { ListReader } from './list-reader.ts';
import { Semaphore } from './semaphore.ts';
import { Transport } from './transport.ts';

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
	/** When calls wait for their turn, this one lets others go first. For calls whose outcome nobody waits for. */
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

const json = 'application/json';
/**
 * Asks for metadata alone. Servers that can't do that (some aggregated ones) send the whole object, which the client then
 * cuts down.
 */
export const metadataAccept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const metadataListAccept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
const userAgent = `meshwright/${manifest.version}`;

const mostAttempts = 4;
/**
 * Longest wait for a retry inside a call. When the server asks for a longer one, the call returns the error, and the
 * caller's queue waits.
 */
const longestRetryWaitMs = 10_000;
/**
 * Each retry takes one from this purse, and successes refill it. So a sick server is not buried under retries of
 * everything.
 */
const fullPurse = 20;
const refillPerSuccess = 0.2;

export class ApiServer {
	/** `host:port`. */
	readonly host: string;
	/** See `ApiServerOptions.budget`. */
	readonly budget: ConnectionBudget | undefined;
	/** See `ApiServerOptions.isForeign`. */
	readonly isForeign: boolean;
	readonly #transport: Transport;
	readonly #turns: Semaphore;
	readonly #timeoutMs: number;
	readonly #observe: ((request: ObservedRequest) => void) | undefined;
	readonly #beforeWrite: (() => void) | undefined;
	#purse = fullPurse;

	constructor(credentials: Credentials | StaticCredentials, options: ApiServerOptions = {}) {
		const { maxInFlight = 16, budget, isForeign = false } = options;
		this.budget = budget;
		this.isForeign = isForeign;
		this.#transport = new Transport('grant' in credentials ? credentials : staticCredentials(credentials), {
			connections: maxInFlight,
			maxResponseBytes: options.maxResponseBytes ?? 64 * 1024 * 1024,
			budget,
			connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
			lookup: options.lookup,
			isForeign: this.isForeign,
		});
		this.host = this.#transport.host;
		this.#turns = new Semaphore(maxInFlight);
		this.#timeoutMs = options.timeoutMs ?? 30_000;
		this.#observe = options.observe;
		this.#beforeWrite = options.beforeWrite;
	}

	/**
	 * Sends any request. Rejects with TransientError (no answer, deadline, 408, 429, 5xx, cut-off answer), ConflictError
	 * (409), RequestError (every other refusal, and every redirection: the client follows none), the signal's reason, or the
	 * error of `beforeWrite` or `lookup`.
	 */
	async request<T>(options: RequestOptions): Promise<Response<T>> {
		const { signal } = options;
		signal?.throwIfAborted();
		const call = new Call(options, options.timeoutMs ?? this.#timeoutMs);
		try {
			for (let attempt = 1; ; attempt++) {
				const answer = await this.#attempt(call, options, attempt);
				if (answer instanceof Answered) {
					return answer.response as Response<T>;
				}
				if (answer.waitMs > 0) {
					await call.sleep(answer.waitMs);
				}
			}
		} finally {
			call.end();
		}
	}

	/** Sends a request once. Returns the response, or how long to wait before the next attempt. Throws the final error. */
	async #attempt(call: Call, options: RequestOptions, attempt: number): Promise<Answered | Retry> {
		if (this.budget?.offence !== undefined) throw this.budget.offence;
		const turn = this.#turns.acquire(call.signal, options.isPatient);
		if (turn !== undefined) {
			await turn;
		}
		const started = performance.now();
		let code = '<error>';
		let answer: Answer;
		try {
			call.throwIfOver();
			answer = await this.#transport.send(
				{
					method: options.method,
					path: call.target,
					headers: headersOf(options),
					body: call.body,
					description: call.description,
					beforeSend: options.method === 'GET' || options.isReadOnly === true ? undefined : this.#beforeWrite,
					reader: options.reader,
				},
				call.onStarted,
			);
			code = String(answer.status);
		} catch (error) {
			// The connection was ended for it, whatever this request met then.
			if (this.budget?.offence !== undefined) throw this.budget.offence;
			// This also happens when the server closes a kept connection at this very moment. Only reads are repeated: nobody
			// knows whether a write was done.
			if (
				error instanceof TransientError &&
				!call.isOver &&
				(options.method === 'GET' || options.isReadOnly === true) &&
				attempt === 1 &&
				!isRefused(error)
			) {
				return new Retry(0);
			}
			throw error;
		} finally {
			this.#turns.release();
			this.#observe?.({
				method: options.method,
				code,
				host: this.host,
				seconds: (performance.now() - started) / 1000,
				kind: options.kind,
			});
		}
		return this.#judge(call, options, attempt, answer);
	}

	#judge(call: Call, options: RequestOptions, attempt: number, answer: Answer): Answered | Retry {
		const { status } = answer;
		if (status < 300) {
			this.#purse = Math.min(fullPurse, this.#purse + refillPerSuccess);
			return new Answered({
				status,
				body: this.#parse(call.description, answer.body),
				warnings: this.isForeign ? [] : warningsOf(answer.headers.warning),
				date: typeof answer.headers.date === 'string' ? answer.headers.date : undefined,
			});
		}
		if (status === 401 && attempt === 1 && this.#transport.refreshCredentials()) {
			return new Retry(0);
		}
		const body = this.budget === undefined || isSmallRefusal(answer.body, this.budget) ? answer.body : Buffer.alloc(0);
		const subject = { ...call.subject, isForeign: this.isForeign };
		const error = errorOfAnswer(subject, status, answer.headers['retry-after'], body);
		const isSafe = status === 429 || (status === 503 && (options.method === 'GET' || options.isIdempotent === true));
		if (error instanceof TransientError && isSafe && error.retryAfterMs !== undefined) {
			// Waits up to a fifth longer, so that those who were refused together don't come back together.
			const waitMs = error.retryAfterMs * (1 + Math.random() / 5);
			if (attempt < mostAttempts && this.#purse >= 1 && waitMs <= longestRetryWaitMs && waitMs < call.remainingMs) {
				this.#purse--;
				return new Retry(waitMs);
			}
		}
		throw error;
	}

	#parse(description: string, body: Buffer): unknown {
		const { budget } = this;
		if (budget === undefined) return parseBody(description, body);
		const startedAt = workTimeMs();
		const excess = excessOf(body, budget.limits.document);
		if (excess !== undefined) throw budget.offend(`sent an answer that ${excess}`);
		const parsed = parseBody(description, body);
		budget.worked(workTimeMs() - startedAt);
		return parsed;
	}

	/** Refuses an answer about another object than the one that was asked for. */
	#expectObject(body: unknown, { kind, namespace, name }: ObjectReference): void {
		const { budget } = this;
		if (budget === undefined) return;
		const isThis =
			hasHeader(body) &&
			(body as KubeObject).metadata.name === name &&
			(body as KubeObject).metadata.namespace === namespace;
		if (!isThis) throw budget.offend(`answered a request for one ${kind} with something else`);
	}

	async get<T extends KubeObject = KubeObject>(reference: ObjectReference, options: CallOptions = {}): Promise<T> {
		const response = await this.request<T>({
			...callOptions(options),
			method: 'GET',
			path: objectPath(reference),
			object: reference,
			kind: reference.kind,
		});
		this.#expectObject(response.body, reference);
		return response.body;
	}

	/** The header of an object. However large the object is, spec, status and data never cross the wire. */
	async getMetadata(reference: ObjectReference, options: CallOptions = {}): Promise<ObjectHeader> {
		const response = await this.request<unknown>({
			...callOptions(options),
			method: 'GET',
			path: objectPath(reference),
			accept: metadataAccept,
			object: reference,
			kind: reference.kind,
		});
		this.#expectObject(response.body, reference);
		return headerOf(response.body, reference);
	}

	/**
	 * All objects of a kind, in pages. The pages belong together (one resourceVersion). When the server forgets that version
	 * half-way (410), the list begins anew without pages.
	 */
	async list<T = KubeObject>(
		kind: Kind,
		options: Omit<ListReading<T>, 'continue'> = {},
	): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
		const items: T[] = [];
		let resourceVersion = '';
		try {
			for await (const page of this.pages<T>(kind, options)) {
				for (const item of page.items) {
					items.push(item);
				}
				({ resourceVersion } = page);
			}
		} catch (error) {
			if (resourceVersion !== '' && error instanceof RequestError && error.status === 410) {
				const whole = await this.listPage<T>(kind, { ...options, limit: 0 });
				return { items: whole.items, resourceVersion: whole.resourceVersion };
			}
			throw error;
		}
		return { items, resourceVersion };
	}

	/** The pages of a list, one after the other. Throws RequestError 410 when the server forgets what they are pages of. */
	async *pages<T = KubeObject>(
		kind: Kind,
		options: Omit<ListReading<T>, 'continue'> = {},
	): AsyncGenerator<ListPage<T>, void> {
		const progress = this.budget?.newList(kind.plural, options.most);
		let next: string | undefined;
		do {
			const page = await this.listPage<T>(kind, { ...options, continue: next });
			progress?.page(page.items.length, page.continue);
			yield page;
			next = page.continue;
		} while (next !== undefined);
	}

	/** One page. Every item gets apiVersion and kind, which the answer to a list leaves out. */
	async listPage<T = KubeObject>(kind: Kind, options: ListReading<T> = {}): Promise<ListPage<T>> {
		const limit = options.limit ?? 500;
		const path = collectionPath(kind, options.namespace);
		const read = options.read ?? ((object: KubeObject) => object as T);
		const isMetadata = options.metadataOnly === true;
		const { budget } = this;
		let items: T[] = [];
		let isOdd = () => false;
		const reader = (checks: ConnectionBudget) => {
			// A request may be repeated. Then its list begins anew.
			items = [];
			const { document, refusalBytes, objects } = checks.limits;
			const most = options.most ?? objects;
			const list = new ListReader({
				item: document,
				rest: { ...document, bytes: refusalBytes },
				refuse: (words) => checks.offend(`sent a list of ${kind.plural} that ${words}`),
				onItem: (text) => {
					const item = asItem(parseBody(`GET ${path}`, text), kind, isMetadata);
					if (item === undefined) {
						checks.countMalformed(text.length);
						throw notAList(path, kind);
					}
					if (!isAsked(item, options)) checks.countStranger();
					else if (items.push(read(item)) > most)
						throw checks.offend(`sent a list of ${kind.plural} that has more than ${most} objects`);
				},
			});
			isOdd = () => list.isOdd;
			return list;
		};
		const { body } = await this.request<unknown>({
			...callOptions(options),
			method: 'GET',
			path,
			query: {
				labelSelector: options.labelSelector,
				fieldSelector: options.fieldSelector,
				limit: limit === 0 ? undefined : limit,
				continue: options.continue,
				resourceVersion: options.resourceVersion,
			},
			kind: kind.kind,
			accept: isMetadata ? metadataListAccept : undefined,
			reader: budget === undefined ? undefined : () => reader(budget),
		});
		const metadata = isRecord(body) && isRecord(body.metadata) ? body.metadata : {};
		const { continue: next, resourceVersion } = metadata;
		if (isOdd()) throw notAList(path, kind);
		if (budget === undefined) {
			const found = isRecord(body) && Array.isArray(body.items) ? body.items : [];
			items = found.map((one) => {
				const item = asItem(one, kind, isMetadata);
				if (item === undefined) throw notAList(path, kind);
				return read(item);
			});
		}
		return {
			items,
			resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
			continue: typeof next === 'string' && next !== '' ? next : undefined,
		};
	}

	/** Applies an object on the server's side: it gets the fields of this object, and the field manager owns them. */
	async apply<T extends KubeObject = KubeObject>(object: KubeObject, options: ApplyOptions): Promise<Written<T>> {
		return this.#write<T>(object, options, {
			...callOptions(options),
			method: 'PATCH',
			path: objectPath(object) + subresourcePath(options),
			query: { ...writeQuery(options), force: options.force === true ? true : undefined },
			// JSON is YAML. Servers before 1.33 or so know the type by this name only.
			contentType: 'application/apply-patch+yaml',
			body: object,
			isIdempotent: true,
		});
	}

	/** Rejects with ConflictError `AlreadyExists` when the object exists. */
	async create<T extends KubeObject = KubeObject>(object: KubeObject, options: WriteOptions = {}): Promise<Written<T>> {
		return this.#write<T>(object, options, {
			...callOptions(options),
			method: 'POST',
			path: collectionPath(kindOf(object), object.metadata.namespace),
			query: writeQuery(options),
			body: object,
		});
	}

	/** PUT. With `metadata.resourceVersion` set it rejects with ConflictError when somebody wrote in between. */
	async replace<T extends KubeObject = KubeObject>(
		object: KubeObject,
		options: WriteOptions = {},
	): Promise<Written<T>> {
		return this.#write<T>(object, options, {
			...callOptions(options),
			method: 'PUT',
			path: objectPath(object) + subresourcePath(options),
			query: writeQuery(options),
			body: object,
		});
	}

	/** JSON patch (RFC 6902) or merge patch (RFC 7396). */
	async patch<T extends KubeObject = KubeObject>(
		reference: ObjectReference,
		body: unknown,
		options: WriteOptions & { readonly type: 'json' | 'merge' },
	): Promise<Written<T>> {
		return this.#write<T>(reference, options, {
			...callOptions(options),
			method: 'PATCH',
			path: objectPath(reference) + subresourcePath(options),
			query: writeQuery(options),
			contentType: options.type === 'json' ? 'application/json-patch+json' : 'application/merge-patch+json',
			body,
		});
	}

	/**
	 * Returns `going` while finalizers or a grace period hold the object, else `gone`. Rejects with RequestError 404 when it
	 * was gone before.
	 */
	async delete(reference: ObjectReference, options: DeleteOptions = {}): Promise<Deletion> {
		const { propagationPolicy, preconditions, gracePeriodSeconds } = options;
		const response = await this.request<unknown>({
			...callOptions(options),
			method: 'DELETE',
			path: objectPath(reference),
			query: { dryRun: options.dryRun === true ? 'All' : undefined },
			body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions, gracePeriodSeconds },
			object: reference,
			kind: reference.kind,
			isReadOnly: options.dryRun === true,
		});
		return isGoing(response.body) ? 'going' : 'gone';
	}

	async version(options: CallOptions = {}): Promise<ServerVersion> {
		const { body } = await this.request<ServerVersion>({ ...callOptions(options), method: 'GET', path: '/version' });
		return body;
	}

	/**
	 * Opens an answer that lasts, on the connections for watches. It does not count as in flight and has no deadline: the
	 * caller watches over it. Resolves once it is under way. `fail` ends it, and is reported to the sink like any failure.
	 */
	async stream(request: Pick<RequestOptions, 'path' | 'query' | 'accept' | 'kind'>, sink: Sink): Promise<InFlight> {
		const started = performance.now();
		const report = (code: string) =>
			this.#observe?.({
				method: 'WATCH',
				code,
				host: this.host,
				seconds: (performance.now() - started) / 1000,
				kind: request.kind,
			});
		const { observed, sink: observing } = observeStart(sink, report);
		return this.#transport
			.stream(
				{
					method: 'GET',
					path: target(request.path, request.query),
					headers: { accept: request.accept ?? json, 'user-agent': userAgent },
					description: `WATCH ${request.path}`,
				},
				observing,
			)
			.catch((error: unknown) => {
				observed();
				throw error;
			});
	}

	/** Drops cached credentials after a 401. Returns false when a new attempt can't differ. */
	refreshCredentials(): boolean {
		return this.#transport.refreshCredentials();
	}

	/** Ends every connection. Requests in flight fail. */
	async close(): Promise<void> {
		await this.#transport.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}

	async #write<T extends KubeObject>(
		object: KubeObject | ObjectReference,
		options: WriteOptions,
		request: RequestOptions,
	): Promise<Written<T>> {
		const response = await this.request<unknown>({
			...request,
			accept: options.metadataOnly === true ? metadataAccept : undefined,
			object: referenceOf(object),
			kind: object.kind,
			isReadOnly: options.dryRun === true,
		});
		this.#expectObject(response.body, referenceOf(object));
		const stored = (options.metadataOnly === true ? headerOf(response.body, object) : response.body) as T;
		return {
			object: stored,
			created: response.status === 201,
			resourceVersion: stored.metadata?.resourceVersion ?? '',
			warnings: response.warnings,
		};
	}
}

/**
 * The server answers with the object and its deletionTimestamp while the object still exists. When it is gone, the answer
 * is a Status, or for some kinds the object as it was (apiserver's registry/generic/registry/store.go, Delete and
 * finalizeDelete).
 */
function isGoing(answer: unknown): boolean {
	return isRecord(answer) && isRecord(answer.metadata) && answer.metadata.deletionTimestamp !== undefined;
}

class Answered {
	readonly response: Response<unknown>;
	constructor(response: Response<unknown>) {
		this.response = response;
	}
}

class Retry {
	readonly waitMs: number;
	constructor(waitMs: number) {
		this.waitMs = waitMs;
	}
}

/** One call over all its attempts. The deadline and the caller's signal are about all of them. */
class Call {
	readonly subject: RequestSubject;
	readonly target: string;
	readonly body: string | undefined;
	readonly #deadline: number;
	readonly #timer: NodeJS.Timeout;
	readonly #callerSignal: AbortSignal | undefined;
	readonly #onCallerAbort: (() => void) | undefined;
	#inFlight: Pick<InFlight, 'fail'> | undefined;
	#end: { readonly error: unknown } | undefined;
	#controller: AbortController | undefined;
	/** The same function for all attempts. */
	readonly onStarted = (request: Pick<InFlight, 'fail'>): void => {
		this.#inFlight = request;
		if (this.#end !== undefined) {
			request.fail(this.#end.error);
		}
	};

	constructor(options: RequestOptions, timeoutMs: number) {
		this.subject = options;
		this.target = target(options.path, options.query);
		// An API server reads what is applied as YAML, and refuses control characters that JSON lets through (U+007F to U+009F).
		this.body = options.body === undefined ? undefined : escapeJson(JSON.stringify(options.body));
		this.#deadline = performance.now() + timeoutMs;
		this.#timer = setTimeout(() => {
			this.#over(
				new TransientError(`${this.description}: no answer within ${timeoutMs / 1000} s`, {
					...(options.object === undefined ? {} : { object: options.object }),
				}),
			);
		}, timeoutMs);
		this.#callerSignal = options.signal;
		if (options.signal !== undefined) {
			const { signal } = options;
			this.#onCallerAbort = () => this.#over(signal.reason);
			signal.addEventListener('abort', this.#onCallerAbort, { once: true });
		}
	}

	get description(): string {
		return describeRequest(this.subject);
	}

	get isOver(): boolean {
		return this.#end !== undefined;
	}

	get remainingMs(): number {
		return this.#deadline - performance.now();
	}

	/** Aborts at the deadline, and with the caller's signal. Made on demand, because most calls never wait. */
	get signal(): AbortSignal {
		if (this.#controller === undefined) {
			this.#controller = new AbortController();
			if (this.#end !== undefined) {
				this.#controller.abort(this.#end.error);
			}
		}
		return this.#controller.signal;
	}

	throwIfOver(): void {
		if (this.#end !== undefined) {
			throw this.#end.error;
		}
	}

	sleep(milliseconds: number): Promise<void> {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(resolve, milliseconds);
			this.onStarted({
				fail: (error) => {
					clearTimeout(timer);
					reject(error);
				},
			});
		});
	}

	end(): void {
		clearTimeout(this.#timer);
		if (this.#onCallerAbort !== undefined) {
			this.#callerSignal?.removeEventListener('abort', this.#onCallerAbort);
		}
	}

	#over(error: unknown): void {
		if (this.#end === undefined) {
			this.#end = { error };
			this.#controller?.abort(error);
			this.#inFlight?.fail(error);
		}
	}
}

function headersOf(options: RequestOptions): Record<string, string> {
	const headers: Record<string, string> = { accept: options.accept ?? json, 'user-agent': userAgent };
	if (options.body !== undefined) {
		headers['content-type'] = options.contentType ?? json;
	}
	return headers;
}

function target(path: string, query: Query | undefined): string {
	let result = path;
	let separator = '?';
	for (const name in query) {
		const value = query[name];
		if (value !== undefined) {
			result += `${separator}${name}=${encodeURIComponent(value)}`;
			separator = '&';
		}
	}
	return result;
}

function writeQuery(options: WriteOptions): Query {
	return {
		fieldManager: options.fieldManager,
		dryRun: options.dryRun === true ? 'All' : undefined,
		fieldValidation: options.fieldValidation,
	};
}

function subresourcePath(options: WriteOptions): string {
	return options.subresource === undefined ? '' : `/${options.subresource}`;
}

function callOptions(options: CallOptions): CallOptions {
	return { signal: options.signal, timeoutMs: options.timeoutMs, isPatient: options.isPatient };
}

function parseBody(description: string, body: Buffer): unknown {
	if (body.length === 0) {
		return undefined;
	}
	try {
		return JSON.parse(body.toString('utf8'));
	} catch {
		// The parser's message quotes the text, which may be a Secret's.
		throw new TransientError(`${description}: the answer is not JSON, or was cut off after ${body.length} bytes`);
	}
}

/** The object's header, with its own kind instead of `PartialObjectMetadata`. */
function headerOf(body: unknown, object: Pick<ObjectReference, 'apiVersion' | 'kind'>): ObjectHeader {
	const metadata = isRecord(body) ? body.metadata : undefined;
	return { apiVersion: object.apiVersion, kind: object.kind, metadata: metadata as ObjectMeta };
}

/** An item of a list as an object of its kind. Undefined when it is none. */
function asItem(item: unknown, kind: Kind, metadataOnly: boolean): KubeObject | undefined {
	if (!isRecord(item) || !hasHeader(item)) return undefined;
	if (metadataOnly) return headerOf(item, kind) as unknown as KubeObject;
	const { apiVersion: _, kind: __, ...rest } = item;
	return { apiVersion: kind.apiVersion, kind: kind.kind, ...rest } as KubeObject;
}

function notAList(path: string, { plural }: Kind): TransientError {
	return new TransientError(`GET ${path}: the answer is no list of ${plural}, but of something else`);
}

/** Whether an object is one of those that were asked for. */
export function isAsked(
	object: KubeObject,
	{ namespace, labelSelector, fieldSelector }: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
): boolean {
	const { metadata } = object;
	return (
		(namespace === undefined || metadata.namespace === namespace) &&
		(fieldSelector === undefined || hasField(object, fieldSelector)) &&
		matchesSelector(labelSelector, metadata.labels ?? {})
	);
}

/** @param selector one field and its value, as all requests here have it: `status.phase=Running` */
function hasField(object: KubeObject, selector: string): boolean {
	const [path = '', value] = selector.split('=');
	const found = path.split('.').reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), object);
	return found === value;
}

/** Whether the body of a refusal may be read. Without it the status alone decides. */
function isSmallRefusal(body: Buffer, { limits }: ConnectionBudget): boolean {
	return excessOf(body, { ...limits.document, bytes: limits.refusalBytes }) === undefined;
}

/** Whether the address refused the connection. Then trying again at once is pointless. */
function isRefused(error: TransientError): boolean {
	const { cause } = error;
	return isRecord(cause) && (cause.code === 'ECONNREFUSED' || cause.code === 'ENOTFOUND');
}

function observeStart(sink: Sink, report: (code: string) => void): { observed: () => void; sink: Sink } {
	let isObserved = false;
	const observed = (code = '<error>') => {
		if (!isObserved) {
			isObserved = true;
			report(code);
		}
	};
	return {
		observed,
		sink: {
			start: (status, headers) => {
				observed(String(status));
				sink.start(status, headers);
			},
			data: (chunk) => sink.data(chunk),
			get held() {
				return sink.held ?? 0;
			},
			end: () => sink.end(),
			fail: (error) => {
				observed();
				sink.fail(error);
			},
		},
	};
}
