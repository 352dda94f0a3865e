/**
 * Sends the requests of one client: turns, deadlines, retries, what an answer means. Everything that is sent to an API server
 * goes through here.
 */
import manifest from '../../../package.json' with { type: 'json' };
import { type Credentials, type StaticCredentials, staticCredentials } from '../credentials/grant.ts';
import { TransientError } from '../errors.ts';
import { isRecord } from '../object-shape.ts';
import { errorOfAnswer, warningsOf } from './answer.ts';
import { type ConnectionBudget, workTimeMs } from './budget.ts';
import { Call, target } from './call.ts';
import type { Answer, InFlight, Sink } from './exchange.ts';
import { excessOf } from './json-bounds.ts';
import { type ApiServerOptions, json, type ObservedRequest, type RequestOptions, type Response } from './requests.ts';
import { Semaphore } from './semaphore.ts';
import { Transport } from './transport.ts';

const userAgent = `meshwright/${manifest.version}`;

const mostAttempts = 4;
/**
 * Longest wait for a retry inside a call. When the server asks for a longer one, the call returns the error, and the
 * caller's queue waits.
 */
const longestRetryWaitMs = 10_000;
/** Whoever is patient waits this long even if he may come back at once: nothing else limits how often he does. */
const leastPatientWaitMs = 100;
/**
 * Each retry takes one from this purse, and successes refill it. So a sick server is not buried under retries of
 * everything.
 */
const fullPurse = 20;
const refillPerSuccess = 0.2;
export class Requester {
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
			http2: options.http2 ?? 'nothing',
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
			const isInTime = waitMs <= longestRetryWaitMs && waitMs < call.remainingMs;
			// Whoever is patient comes back as late as he is told until his time is over, and leaves the purse to the others.
			if (isInTime && options.isPatient === true) return new Retry(Math.max(waitMs, leastPatientWaitMs));
			if (isInTime && attempt < mostAttempts && this.#purse >= 1) {
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
function headersOf(options: RequestOptions): Record<string, string> {
	const headers: Record<string, string> = { accept: options.accept ?? json, 'user-agent': userAgent };
	if (options.body !== undefined) {
		headers['content-type'] = options.contentType ?? json;
	}
	return headers;
}
/** Throws TransientError, without a word of the text. */
export function parseBody(description: string, body: Buffer): unknown {
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
