/**
 * Counts the proxies in one joined cluster from time to time: lists its pods page by page, and keeps how many have which image.
 *
 * Nobody trusts that cluster, so nothing of a single pod is kept: what is kept is the same however many pods it has, or says
 * that it has. A watch would have to remember each pod to know which one ended, and pods of a large cluster change more often
 * than a cluster may send events. Each list is paced, so that an honest cluster stays far below its budget.
 */
import { isDeepStrictEqual } from 'node:util';
import { definedFields } from '../../../api/v1/index.ts';
import type { ProxyFacts } from '../../plan/proxies/count.ts';
import { anyRevision } from '../../plan/revisions/usage.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { type Clock, sleep, systemClock, type Timer } from '../../runtime/clock.ts';
import { isOperatorError, RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { LookPace } from './look-pace.ts';
import { readProxy } from './read-proxy.ts';

export interface PodsThereOptions {
	readonly api: Pick<ApiServer, 'listPage' | 'budget'>;
	/** Namespace of the mesh. Proxies that ask another one are not counted. */
	readonly namespace: string;
	readonly pace: LookPace;
	/** A look begins this long after the one before has ended. */
	readonly everyMs: number;
	/** Something else is known than before, or somebody waits for what is known. */
	readonly onChange: (isAwaited: boolean) => void;
	/** Called with mistakes of ours. What the cluster does is told in `seen`. */
	readonly onError: (error: unknown) => void;
	readonly clock?: Clock | undefined;
	/** Uniform in [0, 1). */
	readonly random?: (() => number) | undefined;
}

export interface SeenThere {
	/** What the last look found, one entry for all proxies that are alike. Undefined while nobody knows. */
	readonly proxies: readonly ProxyFacts[] | undefined;
	/** When that look ended, by the clock. */
	readonly endedAtMs?: number | undefined;
	/** Why the last try found nothing, as a clause. */
	readonly trouble?: string | undefined;
	/** Whether the user of the kubeconfig may not list pods. */
	readonly isRefused?: boolean | undefined;
}

const pageSize = 100;
/** Pods of a cluster with more of them are not counted. */
const mostPods = 50_000;
/** Images of proxies that are told apart: a mesh has a few. All others count as of an unknown version. */
const mostImages = 64;
const pageTimeoutMs = 10_000;
/** A look that takes longer is given up. */
const lookTimeoutMs = 15 * 60_000;

const notYet: SeenThere = { proxies: undefined, trouble: 'its pods are not listed yet' };

export class PodsThere {
	readonly #options: PodsThereOptions;
	readonly #clock: Clock;
	readonly #ended = new AbortController();
	#seen: SeenThere = notYet;
	#timer: Timer | undefined;
	#isLooking = false;
	/** Whether somebody waits for the next look to end. */
	#isAwaited = false;

	/** Begins to look. */
	constructor(options: PodsThereOptions) {
		this.#options = options;
		this.#clock = options.clock ?? systemClock;
		// Clusters that join together are not looked at together.
		this.#lookIn(options.everyMs / 50);
	}

	get seen(): SeenThere {
		return this.#seen;
	}

	/** Whether the last look is so young that what it did not find can be taken as not there. */
	get isFresh(): boolean {
		return this.#seen.trouble === undefined && this.#ageMs < this.#options.everyMs / 5;
	}

	/** Whether it would be too soon to look again. */
	get isJustNow(): boolean {
		return this.#ageMs < this.#options.everyMs / 30;
	}

	get #ageMs(): number {
		const { endedAtMs = Number.NEGATIVE_INFINITY } = this.#seen;
		return this.#clock.now() - endedAtMs;
	}

	/** Looks at once, unless it does already, and tells when it has looked. */
	lookNow(): void {
		this.#isAwaited = true;
		if (!this.#isLooking) this.#lookIn(0);
	}

	stop(): void {
		this.#timer?.cancel();
		this.#ended.abort();
		this.#seen = { ...this.#seen, trouble: 'nothing is asked of it now' };
	}

	#lookIn(ms: number): void {
		if (this.#ended.signal.aborted) return;
		const { random = Math.random } = this.#options;
		this.#timer?.cancel();
		this.#timer = this.#clock.setTimer(() => void this.#look(), ms * (0.8 + 0.4 * random()));
	}

	async #look(): Promise<void> {
		const { pace, onChange, onError, everyMs } = this.#options;
		this.#isLooking = true;
		pace.begin();
		const { signal } = this.#ended;
		const before = this.#seen;
		try {
			const proxies = await this.#list(AbortSignal.any([signal, AbortSignal.timeout(lookTimeoutMs)]));
			this.#seen =
				proxies === 'beyond'
					? {
							proxies: undefined,
							endedAtMs: this.#clock.now(),
							trouble: `it has more than ${mostPods} pods, and so many are not counted`,
						}
					: { proxies, endedAtMs: this.#clock.now() };
		} catch (error) {
			if (!signal.aborted) this.#seen = troubleOf(error, before);
			if (!signal.aborted && !isOperatorError(error) && !isTimeout(error)) onError(error);
		} finally {
			pace.end();
			this.#isLooking = false;
		}
		if (signal.aborted) return;
		this.#lookIn(this.#seen.trouble === undefined ? everyMs : everyMs / 5);
		const { endedAtMs: _, ...now } = this.#seen;
		const { endedAtMs: __, ...then } = before;
		const isAwaited = this.#isAwaited;
		this.#isAwaited = false;
		if (isAwaited || !isDeepStrictEqual(now, then)) onChange(isAwaited);
	}

	async #list(signal: AbortSignal): Promise<readonly ProxyFacts[] | 'beyond'> {
		const { api, namespace, pace } = this.#options;
		const found = new Map<string, ProxyFacts>();
		let next: string | undefined;
		for (let pods = 0; pods <= mostPods; ) {
			const workedMs = api.budget?.workedMs ?? 0;
			const page = await pace.page(
				() =>
					api.listPage(kinds.Pod, {
						fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
						limit: pageSize,
						continue: next,
						timeoutMs: pageTimeoutMs,
						isPatient: true,
						read: readProxy,
						signal,
					}),
				signal,
			);
			for (const proxy of page.items) if (proxy !== undefined) gather(found, proxy, namespace);
			if (page.continue === undefined) return sorted(found.values());
			next = page.continue;
			// Also pages with nothing in them come to an end.
			pods += Math.max(1, page.items.length);
			await sleep(pace.restMs((api.budget?.workedMs ?? 0) - workedMs), { clock: this.#clock, signal });
		}
		return 'beyond';
	}
}

/** Adds a proxy to those that are like it, unless it asks another mesh. */
function gather(
	found: Map<string, ProxyFacts>,
	{ image: whole, controlPlane, revision }: ProxyFacts,
	namespace: string,
): void {
	if (controlPlane !== undefined && controlPlane !== namespace) return;
	const own = JSON.stringify([whole, controlPlane, revision]);
	const isTold = found.size < mostImages || found.has(own);
	const key = isTold ? own : JSON.stringify(['', controlPlane]);
	const told = isTold ? { image: whole, revision } : { image: '', revision: anyRevision };
	const { count = 0 } = found.get(key) ?? {};
	const facts = { namespace: '', image: told.image, controlPlane, owner: undefined, count: count + 1 };
	found.set(key, { ...facts, ...definedFields({ revision: told.revision }) });
}

function sorted(proxies: Iterable<ProxyFacts>): readonly ProxyFacts[] {
	return [...proxies].sort((a, b) => (a.image < b.image ? -1 : a.image > b.image ? 1 : 0));
}

/** What was seen before stands when a look fails. Without the right to look nobody knows. */
function troubleOf(error: unknown, before: SeenThere): SeenThere {
	if (error instanceof RequestError && error.status === 403)
		return { proxies: undefined, isRefused: true, trouble: 'the user of the kubeconfig may not list pods there' };
	return { ...before, isRefused: undefined, trouble: 'its pods could not be listed' };
}

function isTimeout(error: unknown): boolean {
	return error instanceof DOMException && error.name === 'TimeoutError';
}
