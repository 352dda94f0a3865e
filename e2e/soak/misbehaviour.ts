/**
 * How an API server misbehaves in a tenth of all requests. What happens to a request follows from the seed, its method, its
 * path and how often that was asked for before, so that it does not matter in which order requests of several callers come.
 */
import { expiredEvent, type Fault, type ProxiedRequest } from '../fault-proxy.ts';
import type { Random } from './random.ts';

/** Share of the requests that go wrong. */
const share = 0.1;
/** Share of the watches that are cut at some time, beside those that go wrong at once. */
const cutShare = 0.5;
const longestHangMs = 90_000;
/** Most hangs are shorter than a client's patience, so that a run has more than hangs to show. */
const usualHangMs = 12_000;

function refusal(code: number, reason: string, headers: Readonly<Record<string, string>> = {}): Fault {
	const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code };
	return { type: 'answer', status: code, headers, body: JSON.stringify({ ...status, message: `soak: ${code}` }) };
}

type Make = (random: Random) => Fault;

const retryAfter = (random: Random) => ({ 'retry-after': String(random.whole(1, 3)) });
const internalError: Make = () => refusal(500, 'InternalError');
const busy: Make = (random) => refusal(429, 'TooManyRequests', retryAfter(random));
const unavailable: Make = (random) => refusal(503, 'ServiceUnavailable', random.isLucky(0.5) ? retryAfter(random) : {});
const conflict: Make = () => refusal(409, 'Conflict');
const gone: Make = () => refusal(410, 'Expired');
const nothingDone: Make = () => ({ type: 'drop' });
const allDone: Make = () => ({ type: 'drop-answer' });
const hang: Make = (random) => ({
	type: 'hang',
	ms: random.whole(500, random.isLucky(0.15) ? longestHangMs : usualHangMs),
});
const cutBody: Make = (random) => ({
	type: random.isLucky(0.5) ? 'truncate' : 'cut',
	afterBytes: random.whole(0, 400),
});

const reads: readonly Make[] = [internalError, busy, unavailable, nothingDone, hang, cutBody, gone];
const writes: readonly Make[] = [conflict, internalError, busy, unavailable, nothingDone, allDone, hang, cutBody];
const watches: readonly Make[] = [
	internalError,
	busy,
	nothingDone,
	hang,
	gone,
	(random) => ({ type: 'cut', afterEvents: random.whole(0, 3) }),
	(random) => ({ type: 'freeze', afterEvents: random.whole(0, 3) }),
	(random) => ({ type: 'inject', line: expiredEvent, afterEvents: random.whole(0, 3) }),
];

export class Misbehaviour {
	readonly #random: Random;
	readonly #counts = new Map<string, number>();
	/** Whether it misbehaves at all. */
	isOn = true;
	/** Whether it does not answer anybody: an outage. */
	isAway = false;

	constructor(random: Random) {
		this.#random = random;
	}

	/** What happens to the next request of this kind. */
	decide({ method, path, isWatch }: Pick<ProxiedRequest, 'method' | 'path' | 'isWatch'>): Fault | undefined {
		const key = `${isWatch ? 'WATCH' : method} ${path}`;
		const count = (this.#counts.get(key) ?? 0) + 1;
		this.#counts.set(key, count);
		if (this.isAway) return { type: 'drop' };
		if (!this.isOn) return undefined;
		const random = this.#random.for(`${key} ${count}`);
		const makers = isWatch ? watches : method === 'GET' ? reads : writes;
		if (random.isLucky(share)) return random.pick(makers)?.(random);
		return isWatch && random.isLucky(cutShare) ? { type: 'cut', afterMs: random.whole(1_000, 60_000) } : undefined;
	}
}
