/**
 * Asks revisions whether they answer API servers, in the background. A pass gets what was answered last, and the mesh is woken by an
 * answer. One that is not good is asked for again, ever more rarely.
 */
import { type RevisionAnswer, type RevisionQuestion, wrongWith } from '../../plan/revisions/question.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';

/** `sentence`: what is wrong. `againInMs`: when to look again; undefined while it is being asked, since the answer wakes the mesh. */
export type Heard =
	| { readonly kind: 'asking' | 'fine' }
	| { readonly kind: 'against'; readonly sentence: string; readonly againInMs: number | undefined };

export interface RevisionAnswersOptions {
	readonly api: Pick<ApiServer, 'create'>;
	/** An answer has come. */
	readonly onChange: (mesh: string) => void;
	/** Monotonic clock, milliseconds. */
	readonly now: () => number;
	/** A good answer holds for this time. Default 10 s. */
	readonly freshMs?: number;
	/** The first question after a bad answer comes after this time, each further one after twice as long. Default 1 s. */
	readonly firstRetryMs?: number;
	/** At most so long. Default 60 s. */
	readonly longestRetryMs?: number;
}

interface Entry {
	readonly key: string;
	readonly ended: AbortController;
	isAsking: boolean;
	heardAtMs: number;
	wrong: string | undefined;
	/** Answers so far, and of them the bad ones in a row. */
	answers: number;
	badAnswers: number;
}

export class RevisionAnswers {
	readonly #options: RevisionAnswersOptions;
	readonly #entries = new Map<string, Map<string, Entry>>();
	#isStopped = false;

	constructor(options: RevisionAnswersOptions) {
		this.#options = options;
	}

	/** What a revision of a mesh has answered. Asks nobody itself, so it costs a pass nothing. */
	of(mesh: string, revision: string, questions: readonly RevisionQuestion[]): Heard {
		if (this.#isStopped) return { kind: 'asking' };
		const entries = this.#entries.get(mesh) ?? new Map<string, Entry>();
		this.#entries.set(mesh, entries);
		const key = JSON.stringify(questions);
		let entry = entries.get(revision);
		if (entry?.key !== key) {
			entry?.ended.abort();
			entry = {
				key,
				ended: new AbortController(),
				isAsking: false,
				heardAtMs: 0,
				wrong: undefined,
				answers: 0,
				badAnswers: 0,
			};
			entries.set(revision, entry);
		}
		const { now, freshMs = 10_000 } = this.#options;
		const { answers, wrong, badAnswers } = entry;
		const holdsMs = wrong === undefined ? freshMs : this.#retryMs(badAnswers);
		const leftMs = answers === 0 ? 0 : entry.heardAtMs + holdsMs - now();
		if (leftMs <= 0 && !entry.isAsking) void this.#ask(mesh, entry, questions);
		// What was wrong stays so until there is another answer.
		if (wrong !== undefined)
			return { kind: 'against', sentence: wrong, againInMs: entry.isAsking ? undefined : leftMs };
		return { kind: leftMs > 0 ? 'fine' : 'asking' };
	}

	forget(mesh: string): void {
		for (const { ended } of this.#entries.get(mesh)?.values() ?? []) ended.abort();
		this.#entries.delete(mesh);
	}

	stop(): void {
		this.#isStopped = true;
		for (const mesh of [...this.#entries.keys()]) this.forget(mesh);
	}

	#retryMs(badAnswers: number): number {
		const { firstRetryMs = 1_000, longestRetryMs = 60_000 } = this.#options;
		return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.max(0, badAnswers - 1));
	}

	async #ask(mesh: string, entry: Entry, questions: readonly RevisionQuestion[]): Promise<void> {
		const { signal } = entry.ended;
		entry.isAsking = true;
		const answers = await Promise.all(questions.map(({ object }) => this.#answerTo(object, signal)));
		if (signal.aborted) return;
		entry.wrong = questions.flatMap((question, index) => {
			const answer = answers[index];
			return answer === undefined ? [] : (wrongWith(question, answer) ?? []);
		})[0];
		entry.badAnswers = entry.wrong === undefined ? 0 : entry.badAnswers + 1;
		entry.answers++;
		entry.heardAtMs = this.#options.now();
		entry.isAsking = false;
		this.#options.onChange(mesh);
	}

	async #answerTo(object: KubeObject, signal: AbortSignal): Promise<RevisionAnswer> {
		try {
			const written = await this.#options.api.create<KubeObject>(object, { dryRun: true, signal });
			return { kind: 'admitted', object: written.object };
		} catch (error) {
			const status = error instanceof RequestError || error instanceof TransientError ? error.status : undefined;
			return { kind: 'failed', status, words: error instanceof Error ? error.message : String(error) };
		}
	}
}
