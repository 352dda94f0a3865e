/**
 * Finds out which rights the operator's own account has (SelfSubjectRulesReview). Stores nothing in the cluster, and every
 * authenticated account may ask (ClusterRole `system:basic-user`).
 */
import type { NeededRight } from '../../plan/rights.ts';
import { type RuleLike, rightsNotCovered, type SingleRight } from '../../render/rules-covered.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';

/** One right that is not there. */
export type MissingRight = Omit<NeededRight, 'rule'> & { readonly right: SingleRight };

interface Held {
	readonly rules: readonly RuleLike[];
	/** Whether an authorizer gives rights that it does not list, or the review failed. */
	readonly isIncomplete: boolean;
	/** Monotonic time of the question. */
	readonly askedAt: number;
}

interface ReviewAnswer {
	readonly status?: { readonly resourceRules?: readonly RuleLike[]; readonly incomplete?: boolean };
}

/** Rights that were there count as there for this time. A refusal meanwhile shows by itself. */
const heldForMs = 10 * 60_000;
/** When something is missing, the question is asked anew after this time. */
const askAgainMs = 1_000;

/**
 * A review is about a namespace. No namespace can have this name, so nothing is given in it but what is given in the whole
 * cluster.
 */
const nowhere = 'no.namespace';

export interface HeldRightsOptions {
	readonly api: Pick<ApiServer, 'request'>;
	/** Monotonic clock. */
	readonly now: () => number;
}

export class HeldRights {
	readonly #options: HeldRightsOptions;
	/** By namespace. Empty for the whole cluster. */
	readonly #held = new Map<string, Promise<Held>>();
	/** What was found complete, with the answers that it was compared with. */
	readonly #complete = new WeakMap<
		readonly NeededRight[],
		readonly { readonly scope: string; readonly held: Held }[]
	>();

	constructor(options: HeldRightsOptions) {
		this.#options = options;
	}

	/**
	 * The needed rights that the account surely does not have. What an authorizer does not list may be there: only the
	 * request itself shows that. What is given in the whole cluster is not asked about namespace by namespace. The same list
	 * is compared once with the same answers.
	 */
	async missing(needed: readonly NeededRight[], signal: AbortSignal): Promise<readonly MissingRight[]> {
		const known = this.#complete.get(needed);
		const again = await Promise.all((known ?? []).map(({ scope }) => this.#heldIn(scope, heldForMs)));
		if (known !== undefined && again.every((held, index) => held === known[index]?.held)) return [];
		const everywhere = await this.#heldIn('', heldForMs);
		const left = needed.filter(
			(right) => right.namespace === undefined || missingOf(everywhere.rules, [right]).length > 0,
		);
		const scopes = [...Map.groupBy(left, ({ namespace = '' }) => namespace)];
		const answers = await Promise.all(
			scopes.map(async ([scope, rights]) => {
				const held = scope === '' ? everywhere : await this.#heldIn(scope, heldForMs);
				if (missingOf(held.rules, rights).length === 0) return { scope, held, missing: [] };
				const fresh = await this.#heldIn(scope, askAgainMs);
				return { scope, held: fresh, missing: fresh.isIncomplete ? [] : missingOf(fresh.rules, rights) };
			}),
		);
		signal.throwIfAborted();
		const missing = answers.flatMap((answer) => answer.missing);
		if (missing.length === 0) this.#complete.set(needed, [{ scope: '', held: everywhere }, ...answers]);
		return missing;
	}

	/** Whether rights in the whole cluster that are known to be there now include these. If not, they may be there even so. */
	async surelyHas(needed: readonly NeededRight[], signal: AbortSignal): Promise<boolean> {
		const { rules } = await this.#heldIn('', askAgainMs);
		signal.throwIfAborted();
		return missingOf(rules, needed).length === 0;
	}

	/** Asks anew next time: the API server has refused something. */
	forget(): void {
		this.#held.clear();
	}

	async #heldIn(scope: string, maxAgeMs: number): Promise<Held> {
		const known = this.#held.get(scope);
		if (known !== undefined && this.#options.now() - (await known).askedAt < maxAgeMs) return known;
		// Meanwhile somebody else may have asked.
		const current = this.#held.get(scope);
		if (current !== undefined && current !== known) return current;
		const asked = this.#ask(scope);
		this.#held.set(scope, asked);
		return asked;
	}

	/** Never rejects: when nothing is learned, nothing is refused for it. */
	async #ask(scope: string): Promise<Held> {
		const askedAt = this.#options.now();
		try {
			const { body } = await this.#options.api.request<ReviewAnswer>({
				method: 'POST',
				path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
				body: {
					apiVersion: 'authorization.k8s.io/v1',
					kind: 'SelfSubjectRulesReview',
					spec: { namespace: scope === '' ? nowhere : scope },
				},
				kind: 'SelfSubjectRulesReview',
				isReadOnly: true,
				isIdempotent: true,
			});
			const { resourceRules = [], incomplete = false } = body.status ?? {};
			return { rules: resourceRules, isIncomplete: incomplete, askedAt };
		} catch {
			// Whatever it was: the requests of the pass meet it too, and tell it.
			return { rules: [], isIncomplete: true, askedAt: askedAt - heldForMs };
		}
	}
}

/** The needed rights that these rules do not give, one by one. */
export function missingOf(rules: readonly RuleLike[], needed: readonly NeededRight[]): readonly MissingRight[] {
	return needed.flatMap(({ rule, ...where }) =>
		rightsNotCovered(rules, [rule]).map((right): MissingRight => ({ ...where, right })),
	);
}
