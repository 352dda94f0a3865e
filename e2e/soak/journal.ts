/** What happened in a soak: a file with a line for each act, and counts of all. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

export class Journal implements AsyncDisposable {
	readonly #file: WriteStream;
	readonly #begun = performance.now();
	readonly #counts = new Map<string, number>();

	constructor(file: string) {
		this.#file = createWriteStream(file, { flags: 'a' });
	}

	/** Notes an act of one kind, and counts it. */
	note(what: string, about = ''): void {
		this.count(what);
		this.line(`${what} ${about}`.trimEnd());
	}

	/** Writes a line with the seconds since the beginning. */
	line(text: string): void {
		const seconds = ((performance.now() - this.#begun) / 1_000).toFixed(2).padStart(8);
		for (const line of text.split('\n')) this.#file.write(`${seconds} ${line}\n`);
	}

	/** Counts without a line. */
	count(what: string): void {
		this.#counts.set(what, this.countOf(what) + 1);
	}

	countOf(what: string): number {
		return this.#counts.get(what) ?? 0;
	}

	/** `kill 4, spec 120`, the most frequent first. */
	get summary(): string {
		return [...this.#counts]
			.sort(([, a], [, b]) => b - a)
			.map(([what, count]) => `${what} ${count}`)
			.join(', ');
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#file.end();
		await finished(this.#file);
	}
}
