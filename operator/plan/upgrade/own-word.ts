/** What a component says itself about its stage of a change of version, beside the readiness of its pods. Pure. */
import type { UpgradeStage } from '../../../api/v1/index.ts';

/** How the pods of a Deployment are asked. */
interface Asked {
	readonly stage: UpgradeStage;
	readonly deployment: string;
	readonly port: number;
	readonly path: string;
}

/** Counters that stay 0 while all is well. The pods of a stage are new, so whatever they have counted is of this stage. */
export interface CountersWord extends Asked {
	readonly kind: 'counters';
	/** Names of Prometheus metrics. */
	readonly counters: readonly string[];
}

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

/** A longer line is not read: its labels are the words of strangers, and what counts most has none. */
const longestLine = 16 * 1024;

/** Sums counters from the text format of Prometheus, part by part. Keeps nothing but the sums and the end of the last part. */
export class CounterSums {
	readonly sums = new Map<string, number>();
	readonly #names: ReadonlySet<string>;
	#rest = '';
	#isTooLong = false;

	constructor(names: readonly string[]) {
		this.#names = new Set(names);
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
		const [, name = '', value = ''] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{.*\})? ([^ ]+)\s*$/.exec(line) ?? [];
		const number = Number(value);
		if (!this.#names.has(name) || !Number.isFinite(number)) return;
		this.sums.set(name, (this.sums.get(name) ?? 0) + number);
	}
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
