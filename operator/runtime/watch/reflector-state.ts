/**
 * When a reflector lists, watches and waits: a closed set of states and one pure step. No clock, no connection, no
 * randomness; the driver (`reflector.ts`) carries out the effects and feeds back what happened.
 *
 *     idle ──start──▶ listing ──last page──▶ watching ◀─┐
 *                        ▲  │                  │  │     │ ended in order, cut off, cut short: the position is kept
 *                        │  └─failed─▶ backingOff◀┘     │
 *                        └──────due───────┘  └───due────┘
 *
 * Rules:
 * - Only 410 (as an answer or an event), or a server that refuses the position again and again, costs a new list.
 *   Everything else (refused connections, 429, 5xx, silence, cut-off JSON) keeps the position and goes on from it.
 * - The first try after a watch that was of use is immediate; further ones wait, longer each time, until something
 *   arrives. An open watch alone is no success: a server may take it and cut it at once. Nor is one that brought something
 *   and was over in a moment: a server that does so each time would be asked without a pause.
 */

export type ReflectorState =
	| { readonly phase: 'idle' }
	/** Reading all objects. */
	| {
			readonly phase: 'listing';
			readonly form: ListForm;
			readonly failures: number;
			readonly expiries: number;
	  }
	| {
			readonly phase: 'watching';
			/** The store has all changes up to here. */
			readonly position: string;
			readonly isOpen: boolean;
			/** Attempts in a row without any event or bookmark. */
			readonly failures: number;
			/** How much speaks against the position itself, see `doubtOf`. */
			readonly doubt: number;
			/** Positions in a row that expired before any event or bookmark came. */
			readonly expiries: number;
	  }
	| {
			readonly phase: 'backingOff';
			readonly next: Next;
			readonly failures: number;
			readonly doubt: number;
			readonly expiries: number;
	  };

/** `pages`: with limit and continue. `whole`: in one answer, after the server forgot a page. */
export type ListForm = 'pages' | 'whole';

type Next = { readonly step: 'list'; readonly form: ListForm } | { readonly step: 'watch'; readonly position: string };

export type ReflectorEvent =
	| { readonly type: 'start' }
	| { readonly type: 'page'; readonly resourceVersion: string; readonly continue: string | undefined }
	| { readonly type: 'opened' }
	/** An object was added, changed or deleted. */
	| { readonly type: 'changed'; readonly resourceVersion: string }
	| { readonly type: 'bookmark'; readonly resourceVersion: string }
	/** `isShort`: the watch had been open only for a moment. */
	| { readonly type: 'ended'; readonly isShort?: boolean }
	| {
			readonly type: 'failed';
			readonly failure: Failure;
			readonly retryAfterMs?: number | undefined;
			readonly isShort?: boolean;
	  }
	/** The wait is over. */
	| { readonly type: 'due' }
	/** Somebody asks for a new list. */
	| { readonly type: 'relist' };

/**
 * What went wrong, as far as it matters here: `expired` the position is gone (410); `unsupported` the request's form is
 * not known (400, 403, 405, 422 …); `unreachable` no answer; `busy` 429; `cut` an open stream broke or was cut short;
 * `silent` it stayed open and nothing came; `refused` any other answer that is none.
 */
export type Failure = 'expired' | 'unsupported' | 'unreachable' | 'busy' | 'cut' | 'silent' | 'refused';

export type ReflectorEffect =
	| { readonly type: 'list'; readonly form: ListForm; readonly continue?: string | undefined }
	| { readonly type: 'watch'; readonly position: string }
	/** The list is complete: it replaces the store's contents. */
	| { readonly type: 'commit'; readonly resourceVersion: string }
	/** Back off by this many failures in a row, but wait at least `atLeastMs`. */
	| { readonly type: 'wait'; readonly failures: number; readonly atLeastMs: number }
	/** End the list or watch under way. None of its callbacks count any more. */
	| { readonly type: 'abandon' }
	| { readonly type: 'report'; readonly event: 'reconnect' | 'relist' | 'error'; readonly reason: string };

export interface Step {
	readonly state: ReflectorState;
	readonly effects: readonly ReflectorEffect[];
}

/**
 * A server that answers, but never with anything for our position, may not know the position. A server that was restored
 * from a backup lets a watch from the future wait in silence, or answers 504 for ever. When the doubt reaches `mostDoubt`,
 * a list finds out.
 */
const doubtOf: Readonly<Record<Failure | 'ended', number>> = {
	refused: 1,
	unsupported: 1,
	silent: 4,
	expired: 0,
	unreachable: 0,
	busy: 0,
	cut: 0,
	ended: 0,
};
export const mostDoubt = 8;

export const initialState: ReflectorState = { phase: 'idle' };

/** An event that does not fit the state (a late timer, a page after `relist`) changes nothing. */
export function step(state: ReflectorState, event: ReflectorEvent): Step {
	if (event.type === 'relist' && state.phase !== 'idle') {
		const fresh = { failures: 0, expiries: state.expiries };
		return list('pages', fresh, 'asked for', [{ type: 'abandon' }]);
	}
	switch (state.phase) {
		case 'idle':
			return event.type === 'start'
				? {
						state: { phase: 'listing', form: 'pages', failures: 0, expiries: 0 },
						effects: [{ type: 'list', form: 'pages' }],
					}
				: same(state);
		case 'listing':
			return listing(state, event);
		case 'watching':
			return watching(state, event);
		case 'backingOff':
			return event.type === 'due' ? resume(state) : same(state);
	}
}

type Listing = ReflectorState & { phase: 'listing' };
type Watching = ReflectorState & { phase: 'watching' };
type Failed = {
	readonly failure: Failure | 'ended';
	readonly retryAfterMs?: number | undefined;
	readonly isShort?: boolean | undefined;
};

function listing(state: Listing, event: ReflectorEvent): Step {
	const { form } = state;
	switch (event.type) {
		case 'page':
			return event.continue === undefined
				? commit(state, event.resourceVersion)
				: { state, effects: [{ type: 'list', form, continue: event.continue }] };
		case 'failed':
			if (event.failure === 'expired' && form === 'pages') {
				return list('whole', state, 'a page expired');
			}
			// A list that had to come whole is tried in pages again.
			return backOff({ step: 'list', form: 'pages' }, { ...state, doubt: 0 }, event);
		default:
			return same(state);
	}
}

function watching(state: Watching, event: ReflectorEvent): Step {
	switch (event.type) {
		case 'opened':
			return { state: { ...state, isOpen: true }, effects: [] };
		case 'changed':
		case 'bookmark':
			return {
				state: {
					phase: 'watching',
					position: event.resourceVersion === '' ? state.position : event.resourceVersion,
					isOpen: true,
					failures: 0,
					doubt: 0,
					expiries: 0,
				},
				effects: [],
			};
		case 'ended':
			return reconnect(state, { failure: 'ended', isShort: event.isShort });
		case 'failed':
			return event.failure === 'expired' ? expired(state, event) : reconnect(state, event);
		default:
			return same(state);
	}
}

function reconnect(state: Watching, failed: Failed): Step {
	const { position, isOpen, failures, expiries } = state;
	const doubt = state.doubt + doubtOf[failed.failure];
	if (doubt >= mostDoubt) {
		return backOff({ step: 'list', form: 'pages' }, { ...state, doubt: 0 }, failed);
	}
	if (isOpen && failures === 0 && failed.isShort !== true) {
		return {
			state: { phase: 'watching', position, isOpen: false, failures: 1, doubt, expiries },
			effects: [
				{ type: 'report', event: 'reconnect', reason: failed.failure },
				{ type: 'watch', position },
			],
		};
	}
	return backOff({ step: 'watch', position }, { ...state, doubt }, failed);
}

/** Lists at once the first time. When a server's fresh positions expire too, it is asked less and less often. */
function expired(state: Watching, { isShort }: Failed): Step {
	const expiries = state.expiries + 1;
	return expiries === 1 && isShort !== true
		? list('pages', { failures: 0, expiries }, 'expired')
		: backOff(
				{ step: 'list', form: 'pages' },
				{ failures: Math.max(0, expiries - 2), doubt: 0, expiries },
				{ failure: 'expired' },
			);
}

/** The list is complete. Its failures are forgotten, but not the expiries: those are about the watches. */
function commit(state: Listing, resourceVersion: string): Step {
	return {
		state: {
			phase: 'watching',
			position: resourceVersion,
			isOpen: false,
			failures: 0,
			doubt: 0,
			expiries: state.expiries,
		},
		effects: [
			{ type: 'commit', resourceVersion },
			{ type: 'watch', position: resourceVersion },
		],
	};
}

function list(
	form: ListForm,
	{ failures, expiries }: { readonly failures: number; readonly expiries: number },
	reason: string,
	first: readonly ReflectorEffect[] = [],
): Step {
	return {
		state: { phase: 'listing', form, failures, expiries },
		effects: [...first, { type: 'report', event: 'relist', reason }, { type: 'list', form }],
	};
}

function backOff(
	next: Next,
	before: { readonly failures: number; readonly doubt: number; readonly expiries: number },
	failed: Failed,
): Step {
	const failures = before.failures + 1;
	return {
		state: { phase: 'backingOff', next, failures, doubt: before.doubt, expiries: before.expiries },
		effects: [
			{ type: 'report', event: 'error', reason: failed.failure },
			{ type: 'wait', failures, atLeastMs: failed.retryAfterMs ?? 0 },
		],
	};
}

function resume(state: ReflectorState & { phase: 'backingOff' }): Step {
	const { next, failures, doubt, expiries } = state;
	return next.step === 'list'
		? list(next.form, state, 'again')
		: {
				state: { phase: 'watching', position: next.position, isOpen: false, failures, doubt, expiries },
				effects: [
					{ type: 'report', event: 'reconnect', reason: 'again' },
					{ type: 'watch', position: next.position },
				],
			};
}

function same(state: ReflectorState): Step {
	return { state, effects: [] };
}
