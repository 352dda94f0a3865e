/**
 * Who may have changed what is written: the mutating webhooks and policies of a cluster that are asked about its kinds.
 * Nothing tells who of them did it, so they are named as those who may have. Read only while something is changed.
 */
import { managedByLabel, managedByValue } from '../../api/v1/index.ts';
import { type ChangedObject, describeChanges } from '../apply/ask-changes.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { ConflictError, RequestError, TransientError } from '../runtime/errors.ts';
import { type Kind, kindOf, kinds } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import { isRecord, recordsIn } from '../runtime/object-shape.ts';
import { isRuleAbout } from './webhooks/webhook-facts.ts';

/** (kubernetes 1.36: v1; v1beta1 since 1.34.) */
const policyKinds: readonly Kind[] = [
	kinds.MutatingAdmissionPolicy,
	{ ...kinds.MutatingAdmissionPolicy, apiVersion: 'admissionregistration.k8s.io/v1beta1' },
];

/** They are read again after this time. */
const knownForMs = 55_000;
/** More are not named. */
const mostNamed = 5;

export class Mutators {
	readonly #api: Pick<ApiServer, 'list'>;
	readonly #now: () => number;
	#known: { readonly at: number; readonly all: readonly KubeObject[] } | undefined;

	/** @param now monotonic clock */
	constructor(api: Pick<ApiServer, 'list'>, now: () => number) {
		this.#api = api;
		this.#now = now;
	}

	/** A sentence about objects that are stored otherwise than they were written. Undefined when there are none. */
	async describe(changed: readonly ChangedObject[], signal: AbortSignal): Promise<string | undefined> {
		if (changed.length === 0) return undefined;
		const about = [...new Set(changed.map(({ object }) => kindOf(object)))];
		const names = (await this.#all(signal))
			.filter(({ metadata }) => metadata.labels?.[managedByLabel] !== managedByValue)
			.filter((mutator) => about.some((kind) => isAskedAbout(mutator, kind)))
			.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
			.sort();
		const shown = names.length > mostNamed ? [...names.slice(0, mostNamed), '…'] : names;
		return describeChanges(changed, shown);
	}

	async #all(signal: AbortSignal): Promise<readonly KubeObject[]> {
		if (this.#known !== undefined && this.#now() - this.#known.at < knownForMs) return this.#known.all;
		const [webhooks, policies] = await Promise.all([
			this.#list(kinds.MutatingWebhookConfiguration, signal),
			this.#policies(signal),
		]);
		const all = [...(webhooks ?? []), ...policies];
		this.#known = { at: this.#now(), all };
		return all;
	}

	async #policies(signal: AbortSignal): Promise<readonly KubeObject[]> {
		for (const kind of policyKinds) {
			const found = await this.#list(kind, signal);
			if (found !== undefined) return found;
		}
		return [];
	}

	/** Undefined when the cluster has no such kind, does not let it be read, or does not answer: then none is named. */
	async #list(kind: Kind, signal: AbortSignal): Promise<readonly KubeObject[] | undefined> {
		try {
			const { items } = await this.#api.list<KubeObject>(kind, { signal });
			return items.map((item) => ({ ...item, kind: kind.kind }));
		} catch (error) {
			signal.throwIfAborted();
			if (error instanceof RequestError || error instanceof TransientError || error instanceof ConflictError)
				return undefined;
			throw error;
		}
	}
}

/** Whether a webhook configuration or a policy is asked when an object of a kind is written. */
export function isAskedAbout({ webhooks, spec }: KubeObject, kind: Kind): boolean {
	const constraints = isRecord(spec) && isRecord(spec.matchConstraints) ? spec.matchConstraints.resourceRules : [];
	const rules = [...recordsIn(webhooks).flatMap(({ rules: own }) => recordsIn(own)), ...recordsIn(constraints)];
	return rules.some((rule) => isRuleAbout(rule, kind, 'CREATE', 'UPDATE'));
}
