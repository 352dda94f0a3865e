/**
 * Keeps a `Store` equal to an API server's objects of one kind, and tells handlers each change in the moment when it
 * arrives. It lists once and then watches. After an interruption it goes on by the rules of `reflector-state.ts`.
 */
import type { ApiServer } from '../client/api-server.ts';
import type { ConnectionBudget } from '../client/budget.ts';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import { RequestError, TransientError } from '../errors.ts';
import type { Kind } from '../kinds.ts';
import type { KubeObject } from '../object.ts';
import { type BackoffPolicy, backoffDelayMs, serverBackoff } from '../queue/backoff.ts';
import { type ChangeHandler, ChangeHandlers } from './change-handlers.ts';
import { ListGathering } from './list-gathering.ts';
import { failureOf, type ReflectorSource, type SourceOptions, serverSource } from './reflector-source.ts';
import { initialState, type ListForm, type ReflectorEffect, type ReflectorEvent, step } from './reflector-state.ts';
import { matchesSelector } from './selector.ts';
import { type IndexFunction, Store } from './store.ts';
import type { Watch, WatchEnd } from './watch-stream.ts';

export interface ReflectorOptions<T> extends SourceOptions {
	readonly transform: (object: KubeObject) => T;
	readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
	/** Called when a handler threw, or the server could not be reached. Neither ends the reflector. */
	readonly onError?: ((error: unknown) => void) | undefined;
	/** For metrics. */
	readonly observe?: ((happening: ReflectorHappening) => void) | undefined;
	readonly backoff?: BackoffPolicy | undefined;
	readonly clock?: Clock | undefined;
	readonly random?: (() => number) | undefined;
	/** Replaces the API server. */
	readonly source?: ReflectorSource | undefined;
}

export interface ReflectorHappening {
	readonly kind: string;
	readonly event: 'reconnect' | 'relist' | 'error';
	readonly reason: string;
}

/** A watch that was open for less than this was of no use, whatever it brought. */
const shortMs = 1_000;

/** After this time a watch that resumed has brought what happened in between. */
const catchUpMs = 1_000;

/** The server ends each watch after 5 to 10 minutes, so that watches spread over its replicas again. */
const shortestWatchSeconds = 300;

export class Reflector<T> {
	readonly kind: Kind;
	readonly store: Store<T>;
	/** Resolves with the first complete list. Never rejects: a reflector goes on trying until it is stopped. */
	readonly synced: Promise<void>;
	readonly #options: ReflectorOptions<T>;
	readonly #source: ReflectorSource;
	readonly #clock: Clock;
	readonly #random: () => number;
	readonly #handlers: ChangeHandlers<T>;
	readonly #resolveSynced: () => void;
	#hasSynced = false;
	#state = initialState;
	/** Number of the list or watch under way. Callbacks of an older one are ignored. */
	#turn = 0;
	#watch: Watch | undefined;
	#listing: AbortController | undefined;
	#timer: Timer | undefined;
	readonly #gathering: ListGathering<T>;
	/** What the connection may cost, where that is bounded. */
	readonly #budget: ConnectionBudget | undefined;
	#staleSince: number | undefined;
	/** Monotonic time at which the watch was opened. */
	#openedAt: number | undefined;
	#failure: unknown;
	#isStopped = false;
	/** Events that come while effects are carried out. */
	readonly #pending: ReflectorEvent[] = [];
	#isStepping = false;

	constructor(server: ApiServer, options: ReflectorOptions<T>) {
		this.kind = options.kind;
		this.#options = options;
		this.#source = options.source ?? serverSource(server, options);
		this.#clock = options.clock ?? systemClock;
		this.#random = options.random ?? Math.random;
		this.#budget = server.budget;
		this.store = new Store<T>({
			transform: options.transform,
			indexes: options.indexes,
			...(this.#budget === undefined ? {} : { sizeOf: (value) => JSON.stringify(value)?.length ?? 0 }),
		});
		this.#gathering = new ListGathering(this.store, this.#budget);
		this.#handlers = new ChangeHandlers({
			store: this.store,
			observeWrite: (answer) => this.observeWrite(answer),
			onError: (error) => this.#report(error),
		});
		const { promise, resolve } = Promise.withResolvers<void>();
		this.synced = promise;
		this.#resolveSynced = resolve;
	}

	get hasSynced(): boolean {
		return this.#hasSynced;
	}

	/** Why the last list or watch failed. Undefined since one succeeded. */
	get failure(): unknown {
		return this.#failure;
	}

	/**
	 * How long there has been no open watch, so that the store may be outdated. 0 while a watch is open and has had the time
	 * to bring what happened before.
	 */
	get staleForMs(): number {
		return this.#staleSince === undefined || this.#isCaughtUp ? 0 : this.#clock.now() - this.#staleSince;
	}

	get #isOpen(): boolean {
		return this.#state.phase === 'watching' && this.#state.isOpen;
	}

	get #isCaughtUp(): boolean {
		return this.#isOpen && this.#openedAt !== undefined && this.#clock.now() - this.#openedAt >= catchUpMs;
	}

	/**
	 * Calls the handler with each change, in the order of arrival. Objects that are known already are told at once, as
	 * initial additions. Returns a function that removes the handler.
	 */
	addHandler(handler: ChangeHandler<T>): () => void {
		const remove = this.#handlers.add(handler);
		if (this.#hasSynced) {
			for (const key of [...this.store.keys()]) {
				const current = this.store.get(key);
				if (current !== undefined) {
					this.#handlers.tell(handler, { type: 'added', key, current, initial: true });
				}
			}
		}
		return remove;
	}

	start(): void {
		if (this.#isStopped) {
			throw new Error(`the reflector of ${this.kind.plural} was stopped: make a new one`);
		}
		this.#staleSince ??= this.#clock.now();
		this.#dispatch({ type: 'start' });
	}

	/** Ends the reflector for good. No handler is called after this returns. */
	stop(): void {
		if (this.#isCaughtUp) this.#staleSince = this.#clock.now();
		this.#isStopped = true;
		this.#handlers.stop();
		this.#openedAt = undefined;
		this.#abandon();
	}

	[Symbol.dispose](): void {
		this.stop();
	}

	/** Lists everything anew, to catch what a watch might have missed. */
	relist(): void {
		this.#dispatch({ type: 'relist' });
	}

	/** Ends a wait. Call it when the cause of the last failure is known to be gone. */
	retryNow(): void {
		if (this.#timer !== undefined) {
			this.#timer.cancel();
			this.#timer = undefined;
			this.#dispatch({ type: 'due' });
		}
	}

	/**
	 * Puts the answer to an own write into the store, so that the next pass reads what it wrote. The event that follows is
	 * recognised by its resourceVersion and told to nobody. An object outside our selectors is ignored.
	 */
	observeWrite(object: KubeObject): void {
		const { namespace, labelSelector, fieldSelector } = this.#options;
		if (
			this.#isStopped ||
			(fieldSelector !== undefined && fieldSelector !== `metadata.name=${object.metadata.name}`) ||
			(namespace !== undefined && object.metadata.namespace !== namespace) ||
			!matchesSelector(labelSelector, object.metadata.labels)
		) {
			return;
		}
		this.store.observe(object);
	}

	/**
	 * Announces an own write of this object, so that its event is recognised even when it overtakes the answer. Until the
	 * returned function is called, changes of the object go into the store but are told to nobody. Call the function in any
	 * case, with the answer, or with nothing when the write failed. Calling it again does nothing.
	 *
	 * @param key as `objectKey` makes it
	 */
	expectWrite(key: string): (answer?: KubeObject) => void {
		return this.#handlers.expectWrite(key);
	}

	/**
	 * Tells that the server has confirmed an object's end. Handlers learn of it at once, and the event is then told to
	 * nobody. So whoever waits for the end goes on, and nobody deletes the object again because the watch is late.
	 *
	 * @param key as `objectKey` makes it
	 */
	observeDeletion(key: string, uid: string): void {
		if (!this.#isStopped) this.#handlers.notify(this.store.forget(key, uid), false);
	}

	/** Takes steps one after the other, also when an effect's callback comes at once. */
	#dispatch(event: ReflectorEvent): void {
		this.#pending.push(event);
		if (this.#isStepping) {
			return;
		}
		this.#isStepping = true;
		try {
			for (let next = this.#pending.shift(); next !== undefined && !this.#isStopped; next = this.#pending.shift()) {
				const wasCaughtUp = this.#isCaughtUp;
				const { state, effects } = step(this.#state, next);
				this.#state = state;
				if (wasCaughtUp && !this.#isOpen) this.#staleSince = this.#clock.now();
				for (const effect of effects) {
					this.#carryOut(effect);
				}
			}
		} finally {
			this.#isStepping = false;
		}
	}

	#carryOut(effect: ReflectorEffect): void {
		switch (effect.type) {
			case 'list':
				this.#list(effect.form, effect.continue);
				break;
			case 'watch':
				this.#openWatch(effect.position);
				break;
			case 'commit':
				try {
					this.#commit(effect.resourceVersion);
				} catch (error) {
					// An object in the list can't be read, so the list is useless. It is asked for again, less and less often.
					this.#failure = error;
					this.#report(error);
					this.#pending.push({ type: 'failed', failure: 'expired' });
				}
				break;
			case 'wait':
				this.#wait(effect.failures, effect.atLeastMs);
				break;
			case 'abandon':
				this.#abandon();
				break;
			case 'report':
				this.#options.observe?.({ kind: this.kind.kind, event: effect.event, reason: effect.reason });
				break;
		}
	}

	#list(form: ListForm, next: string | undefined): void {
		const turn = this.#newTurn();
		if (next === undefined) {
			this.#gathering.clear();
		}
		const controller = new AbortController();
		this.#listing = controller;
		const read = (object: KubeObject) => this.#gathering.read(object);
		this.#source.list({ continue: next, isWhole: form === 'whole', signal: controller.signal, read }).then(
			(page) => {
				if (turn === this.#turn) {
					try {
						for (const item of page.items) this.#gathering.add(item);
					} catch (error) {
						this.#fail(error, undefined);
						return;
					}
					this.#dispatch({ type: 'page', resourceVersion: page.resourceVersion, continue: page.continue });
				}
			},
			(error: unknown) => {
				if (turn === this.#turn) {
					this.#fail(error, undefined);
				}
			},
		);
	}

	#openWatch(position: string): void {
		const turn = this.#newTurn();
		const isCurrent = () => turn === this.#turn;
		const timeoutSeconds = Math.floor(shortestWatchSeconds * (1 + this.#random()));
		this.#openedAt = undefined;
		this.#watch = this.#source.watch(position, timeoutSeconds, {
			opened: () => {
				if (isCurrent()) {
					this.#openedAt = this.#clock.now();
					this.#failure = undefined;
					this.#dispatch({ type: 'opened' });
				}
			},
			event: (event) => {
				if (!isCurrent()) {
					return;
				}
				if (event.type === 'bookmark') {
					this.store.advance(event.resourceVersion);
					this.#dispatch(event);
					return;
				}
				const { resourceVersion = '' } = event.object.metadata;
				// The store comes first: an object that it can't read ends the watch, which was then of no use.
				const changes = event.type === 'deleted' ? this.store.remove(event.object) : this.store.put(event.object);
				this.#budget?.keeps(this, this.store.size, this.store.bytes);
				this.#dispatch({ type: 'changed', resourceVersion });
				this.#handlers.notify(changes, false);
			},
			ended: (end) => {
				if (isCurrent()) {
					this.#watch = undefined;
					if (end.how === 'done') {
						this.#dispatch({ type: 'ended', isShort: this.#isShort });
					} else {
						this.#fail(end.error, end);
					}
				}
			},
		});
	}

	#commit(resourceVersion: string): void {
		const changes = this.store.replaceAll(this.#gathering.takeAll(), resourceVersion);
		this.#budget?.keeps(this, this.store.size, this.store.bytes);
		const isInitial = !this.#hasSynced;
		this.#hasSynced = true;
		this.#failure = undefined;
		if (isInitial) this.#staleSince = this.#clock.now();
		this.#handlers.notify(changes, isInitial);
		this.#resolveSynced();
	}

	#fail(error: unknown, end: (WatchEnd & { readonly error: Error }) | undefined): void {
		if (error instanceof RequestError && error.status === 401) {
			this.#source.refreshCredentials?.();
		}
		// When nothing has happened to a kind since the API server started, its watch gets no bookmarks either (apiserver's
		// cacher sends none before it has seen an event). It falls silent and is opened again, and nobody needs to know.
		if (end?.how !== 'silent') {
			this.#failure = error;
			this.#report(error);
		}
		const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
		const isShort = end !== undefined && this.#isShort;
		this.#dispatch({ type: 'failed', failure: failureOf(error, end), retryAfterMs, isShort });
	}

	get #isShort(): boolean {
		return this.#openedAt !== undefined && this.#clock.now() - this.#openedAt < shortMs;
	}

	#wait(failures: number, atLeastMs: number): void {
		const delayMs = Math.max(atLeastMs, backoffDelayMs(this.#options.backoff ?? serverBackoff, failures, this.#random));
		this.#timer = this.#clock.setTimer(() => {
			this.#timer = undefined;
			this.#dispatch({ type: 'due' });
		}, delayMs);
	}

	#abandon(): void {
		this.#newTurn();
		this.#gathering.clear();
		this.#timer?.cancel();
		this.#timer = undefined;
	}

	/** Begins a new turn: callbacks of the list or watch before are ignored from now on. */
	#newTurn(): number {
		this.#turn++;
		this.#watch?.close();
		this.#watch = undefined;
		this.#listing?.abort(new Error('the list was given up'));
		this.#listing = undefined;
		return this.#turn;
	}

	#report(error: unknown): void {
		this.#options.onError?.(error);
	}
}
