/** One call of a client, over all its attempts. */
import { TransientError } from '../errors.ts';
import { escapeJson } from '../visible-text.ts';
import { describeRequest, type RequestSubject } from './answer.ts';
import type { InFlight } from './exchange.ts';
import type { Query, RequestOptions } from './requests.ts';

/** The deadline and the caller's signal are about all of them. */
export class Call {
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

/** The path with its query. */
export function target(path: string, query: Query | undefined): string {
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
