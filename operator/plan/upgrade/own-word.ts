/** What a component says itself about its stage of a change of version, beside the readiness of its pods. Pure. */
import type { UpgradeStage } from '../../../api/v1/index.ts';

/** How the pods of a Deployment are asked. */
interface Asked {
	readonly stage: UpgradeStage;
	readonly deployment: string;
	readonly port: number;
	readonly path: string;
}

/** Counters of trouble. The pods of a stage are new, so whatever they have counted is of this stage. */
export interface CountersWord extends Asked {
	readonly kind: 'counters';
	readonly counters: readonly Counter[];
}

/** A metric of Prometheus that grows with trouble. */
export interface Counter {
	readonly metric: string;
	/** Values of its label `type` that count. Without it, all of its series do. */
	readonly types?: readonly string[] | undefined;
	/** What it says of a pod, as a clause without its subject. */
	readonly counts: string;
	/** Whether it stands against the stage only while it grows: what it has counted may be over. */
	readonly onlyWhileGrowing: boolean;
}

/**
 * How what proxies reject is judged. They are told again only when something changes, so a reject that is no longer counted may
 * still be there: it stands against the stage for as long as the process runs.
 */
export const rejected: Pick<Counter, 'counts' | 'onlyWhileGrowing'> = {
	counts: 'has counted since its start what proxies reject',
	onlyWhileGrowing: false,
};

/** What was read from one pod: by metric, or by metric and type. */
export type Sums = ReadonlyMap<string, number>;

/** A webhook that answers. */
export interface WebhookWord extends Asked {
	readonly kind: 'webhook';
	/** Key (`objectKey`) of the configuration whose `caBundle` its certificate is checked by. */
	readonly configuration: string;
	/** Name in its certificate. */
	readonly serverName: string;
	/** A review of an object that it leaves as it is. */
	readonly review: {
		readonly request: { readonly uid: string } & Readonly<Record<string, unknown>>;
	} & Readonly<Record<string, unknown>>;
}

export type OwnWord = CountersWord | WebhookWord;

/**
 * Asks an injector about a pod that wants no proxy.
 * @param version of AdmissionReview that the injector answers in
 * @param unwanted where the pod says that it wants none
 */
export function reviewOfPod(
	namespace: string,
	version: 'v1' | 'v1beta1',
	unwanted: 'annotations' | 'labels',
): WebhookWord['review'] {
	return {
		apiVersion: `admission.k8s.io/${version}`,
		kind: 'AdmissionReview',
		request: {
			uid: 'meshwright-asks',
			kind: { group: '', version: 'v1', kind: 'Pod' },
			resource: { group: '', version: 'v1', resource: 'pods' },
			namespace,
			operation: 'CREATE',
			userInfo: {},
			object: {
				apiVersion: 'v1',
				kind: 'Pod',
				metadata: { name: 'asked', namespace, [unwanted]: { 'sidecar.istio.io/inject': 'false' } },
				spec: { containers: [{ name: 'asked', image: 'asked' }] },
			},
		},
	};
}

/** A longer line is not read: its labels are the words of strangers, and what counts most has none. */
const longestLine = 16 * 1024;

/** Sums counters from the text format of Prometheus, part by part. Keeps nothing but the sums and the end of the last part. */
export class CounterSums {
	readonly #sums: Map<string, number>;
	readonly #metrics: ReadonlySet<string>;
	#rest = '';
	#isTooLong = false;

	constructor(counters: readonly Counter[]) {
		this.#sums = new Map(counters.flatMap(seriesOf).map((name) => [name, 0]));
		this.#metrics = new Set(counters.map(({ metric }) => metric));
	}

	get sums(): Sums {
		return this.#sums;
	}

	add(text: string): void {
		const lines = `${this.#rest}${text}`.split('\n');
		this.#rest = lines.pop() ?? '';
		for (const [index, line] of lines.entries()) if (index > 0 || !this.#isTooLong) this.#read(line);
		if (lines.length > 0) this.#isTooLong = false;
		if (this.#rest.length <= longestLine) return;
		this.#isTooLong = true;
		this.#rest = '';
	}

	/** The text is over. */
	end(): void {
		this.add('\n');
	}

	#read(line: string): void {
		if (line.length > longestLine) return;
		const [, metric = '', labels = '', value = ''] =
			/^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)\s*$/.exec(line) ?? [];
		const number = Number(value);
		if (!this.#metrics.has(metric) || !Number.isFinite(number)) return;
		// In the value of a label a quote is escaped, so nothing but a label matches.
		const [, type = ''] = /(?:^|,)type="([a-z_]*)"/.exec(labels) ?? [];
		for (const name of [metric, seriesName(metric, type)]) {
			const sum = this.#sums.get(name);
			if (sum !== undefined) this.#sums.set(name, sum + number);
		}
	}
}

function seriesOf({ metric, types }: Counter): readonly string[] {
	return types === undefined ? [metric] : types.map((type) => seriesName(metric, type));
}

function seriesName(metric: string, type: string): string {
	return `${metric}{type="${type}"}`;
}

/**
 * What counters say against the stage, as clauses without their subject.
 * @param before what the same pod had counted when it was read the last time; undefined when this is the first time
 */
export function objections(counters: readonly Counter[], now: Sums, before: Sums | undefined): readonly string[] {
	const byClause = Map.groupBy(
		counters.flatMap((counter) => seriesOf(counter).flatMap((name) => objection(counter, name, now, before))),
		({ counts }) => counts,
	);
	return [...byClause].map(([counts, all]) => `${counts}: ${all.map(({ told }) => told).join(', ')}`);
}

function objection(
	{ counts, onlyWhileGrowing }: Counter,
	name: string,
	now: Sums,
	before: Sums | undefined,
): readonly { readonly counts: string; readonly told: string }[] {
	const value = now.get(name) ?? 0;
	const was = before?.get(name) ?? 0;
	if (!onlyWhileGrowing) return value > 0 ? [{ counts, told: `${name} ${value}` }] : [];
	// It begins anew with its process.
	return before !== undefined && value > (value < was ? 0 : was) ? [{ counts, told: `${name} ${was} → ${value}` }] : [];
}

/** Why an answer is not that of a webhook. Undefined when it is one. */
export function notAReview({ review }: WebhookWord, answer: string): string | undefined {
	let parsed: unknown;
	try {
		parsed = JSON.parse(answer);
	} catch {
		return 'its answer is no JSON';
	}
	const { response } = (parsed ?? {}) as { readonly response?: { readonly uid?: unknown; readonly allowed?: unknown } };
	if (response?.uid !== review.request.uid) return 'its answer is no AdmissionReview of what it was asked';
	return response.allowed === true ? undefined : 'it refuses a pod that asks for no proxy';
}
