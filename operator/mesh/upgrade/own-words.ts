/**
 * Asks the pods of a stage for their own word, in the background: one question at a time for each mesh. A pass gets what was
 * answered last, and the mesh is woken by an answer. A stage whose pods can't be reached is not held up: nothing is guessed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { refusedAddress } from '../../clusters/kubeconfig/address-guard.ts';
import { CounterSums, notAReview, type OwnWord, objections, type Sums } from '../../plan/upgrade/own-word.ts';
import { askPod, type PodAnswer, type PodQuestion } from '../../runtime/pod-question.ts';

/** - `unheard`: nobody can be asked, and why */
export type Word =
	| { readonly kind: 'asking' | 'fine' }
	| { readonly kind: 'unheard' | 'against'; readonly sentence: string };

export interface WordQuestion {
	/** Changes with each stage of each change of version. What was said for another one counts no more. */
	readonly stageKey: string;
	readonly word: OwnWord;
	readonly pods: readonly { readonly name: string; readonly address: string | undefined }[];
	/** The authorities of a webhook, PEM. */
	readonly ca?: string | undefined;
}

export interface OwnWordsOptions {
	/** Where a port of a pod is reached. Undefined when this process can't reach pods. */
	readonly reach: ((address: string, port: number) => Pick<PodQuestion, 'address' | 'port'> | undefined) | undefined;
	/** An answer has come. */
	readonly onChange: (mesh: string) => void;
	readonly onError: (error: unknown) => void;
	/** For one answer. Default 3 s. */
	readonly deadlineMs?: number;
	/** Between two readings of counters, neither of which may say anything. Default 10 s: then proxies have come over. */
	readonly settleMs?: number;
	/** What is said against a stage is asked for again after this time. Default 5 s. */
	readonly againMs?: number;
	/** A longer answer is none. Default 16 MiB: Pilot tells of each cluster of each proxy. */
	readonly mostBytes?: number;
}

interface Entry {
	readonly stageKey: string;
	readonly ended: AbortController;
	isAsking: boolean;
	/** Monotonic, milliseconds. */
	heardAtMs: number;
	heard: Word;
}

/** What was read from pods in one asking. */
interface Readings {
	readonly byPod: Map<string, Sums>;
	/** All pods have been read once. */
	isRepeated: boolean;
}

export class OwnWords {
	readonly #options: OwnWordsOptions;
	readonly #entries = new Map<string, Entry>();
	#isStopped = false;

	constructor(options: OwnWordsOptions) {
		this.#options = options;
	}

	/** What was answered last. Asks nobody itself, so it costs a pass nothing. What was once good stays so for the stage. */
	of(mesh: string, question: WordQuestion): Word {
		if (this.#options.reach === undefined)
			return { kind: 'unheard', sentence: 'the operator runs outside of the cluster and does not reach its pods' };
		if (this.#isStopped) return { kind: 'asking' };
		let entry = this.#entries.get(mesh);
		if (entry?.stageKey !== question.stageKey) {
			this.forget(mesh);
			const { stageKey } = question;
			entry = { stageKey, ended: new AbortController(), isAsking: false, heardAtMs: 0, heard: { kind: 'asking' } };
			this.#entries.set(mesh, entry);
		}
		const { againMs = 5_000 } = this.#options;
		const isDue =
			entry.heard.kind === 'asking' ||
			(entry.heard.kind === 'against' && performance.now() - entry.heardAtMs >= againMs);
		if (isDue && !entry.isAsking) void this.#ask(mesh, entry, question);
		return entry.heard;
	}

	forget(mesh: string): void {
		this.#entries.get(mesh)?.ended.abort();
		this.#entries.delete(mesh);
	}

	stop(): void {
		this.#isStopped = true;
		for (const mesh of [...this.#entries.keys()]) this.forget(mesh);
	}

	async #ask(mesh: string, entry: Entry, question: WordQuestion): Promise<void> {
		const { signal } = entry.ended;
		entry.isAsking = true;
		try {
			const readings: Readings = { byPod: new Map(), isRepeated: false };
			let heard = await this.#round(question, signal, readings);
			if (heard.kind === 'fine' && question.word.kind === 'counters') {
				await sleep(this.#options.settleMs ?? 10_000, undefined, { signal, ref: false });
				heard = await this.#round(question, signal, readings);
			}
			if (signal.aborted) return;
			entry.heard = heard;
		} catch (error) {
			if (signal.aborted) return;
			this.#options.onError(error);
			entry.heard = { kind: 'unheard', sentence: 'asking its pods failed' };
		}
		entry.heardAtMs = performance.now();
		entry.isAsking = false;
		this.#options.onChange(mesh);
	}

	/** Asks one pod after the other. What one says against the stage counts more than that another is not reached. */
	async #round(question: WordQuestion, signal: AbortSignal, readings: Readings): Promise<Word> {
		const { word, pods } = question;
		if (pods.length === 0) return { kind: 'unheard', sentence: `no pod of ${word.deployment} is seen` };
		let round: Word = { kind: 'fine' };
		for (const { name, address } of pods) {
			const heard = await this.#hear(name, address, question, signal, readings);
			if (heard.kind === 'against') return heard;
			if (heard.kind === 'unheard') round = heard;
		}
		readings.isRepeated = true;
		return round;
	}

	async #hear(
		pod: string,
		address: string | undefined,
		{ word, ca }: WordQuestion,
		signal: AbortSignal,
		readings: Readings,
	): Promise<Word> {
		const about = `pod ${pod}`;
		const place = address === undefined ? undefined : this.#options.reach?.(address, word.port);
		if (place === undefined) return { kind: 'unheard', sentence: `${about} has no address that can be asked` };
		const { deadlineMs = 3_000, mostBytes = 16 * 2 ** 20 } = this.#options;
		const common = { ...place, path: word.path, mostBytes, deadlineMs, signal };
		if (word.kind === 'counters') {
			const counted = new CounterSums(word.counters);
			const answer = await askPod({ ...common, onText: (text) => counted.add(text) });
			if (answer.kind !== 'answered') return unheard(about, word.port, answer);
			counted.end();
			// All that a pod has counted is new when it was not there before.
			const before = readings.isRepeated ? (readings.byPod.get(pod) ?? new Map()) : undefined;
			readings.byPod.set(pod, counted.sums);
			const against = objections(word.counters, counted.sums, before);
			return against.length === 0
				? { kind: 'fine' }
				: { kind: 'against', sentence: `${about} ${against.join(', and ')}; its log says more` };
		}
		if (ca === undefined) return { kind: 'unheard', sentence: 'the authorities of its webhook are not known' };
		let text = '';
		const answer = await askPod({
			...common,
			mostBytes: longestReview,
			tls: { ca, serverName: word.serverName },
			body: JSON.stringify(word.review),
			onText: (part) => {
				text += part;
			},
		});
		if (answer.kind === 'unreached') return unheard(about, word.port, answer);
		const why = answer.kind === 'failed' ? answer.why : notAReview(word, text);
		return why === undefined
			? { kind: 'fine' }
			: { kind: 'against', sentence: `${about} does not answer as a webhook on port ${word.port}: ${why}` };
	}
}

/** Pods are where their kubelet says, but never on the operator's own machine, nor where a cloud gives out credentials. */
export function reachPod(address: string, port: number): Pick<PodQuestion, 'address' | 'port'> | undefined {
	return refusedAddress(address, { allowLoopback: false, allowProxies: false }) === undefined
		? { address, port }
		: undefined;
}

/** The answer of a webhook that changes nothing is short. */
const longestReview = 64 * 1024;

function unheard(about: string, port: number, { why }: Exclude<PodAnswer, { readonly kind: 'answered' }>): Word {
	return { kind: 'unheard', sentence: `${about} gives no answer on port ${port}: ${why}` };
}
