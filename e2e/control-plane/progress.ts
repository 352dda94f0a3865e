/** Progress of something long: one line that is rewritten on a terminal, a line now and then elsewhere. */

const intervalMs = { terminal: 200, log: 15_000 };

export class Progress {
	readonly #title: string;
	readonly #log: (line: string) => void;
	readonly #started = Date.now();
	readonly #isTerminal: boolean;
	#shown = Date.now();
	#done = 0;
	#expected = 0;

	/** Without a terminal on standard error, lines go to `log`. */
	constructor(title: string, log: (line: string) => void) {
		this.#title = title;
		this.#log = log;
		this.#isTerminal = process.stderr.isTTY === true;
		log(title);
	}

	/** What is being done, where no number says how far it is. */
	step(what: string): void {
		this.#show(what);
	}

	/** About how many calls of `advance` there will be; fewer when a part was done before. */
	expect(count: number): void {
		this.#expected = count;
	}

	advance(what: string): void {
		this.#done++;
		this.#show(`${this.#done} of about ${this.#expected} packages, ${what}`);
	}

	end(): void {
		if (this.#isTerminal) {
			process.stderr.write('\r\x1b[K');
		}
	}

	#show(what: string): void {
		const now = Date.now();
		if (now - this.#shown < (this.#isTerminal ? intervalMs.terminal : intervalMs.log)) {
			return;
		}
		this.#shown = now;
		const line = `${Math.round((now - this.#started) / 1000)} s: ${what}`;
		if (this.#isTerminal) {
			process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
		} else {
			this.#log(`${this.#title}: ${line}`);
		}
	}
}
