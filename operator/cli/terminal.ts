/**
 * The one place that writes to standard output and standard error. What is written for people has no character that a
 * terminal obeys or hides, wherever it comes from: an object, a file, an answer, an argument. Only the colours of `painter`
 * pass.
 *
 * A line is a line: whoever has several hands over several, so that no text can pretend to be one more.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { clearScreenDown, createInterface, moveCursor } from 'node:readline';
import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { visible } from '../runtime/visible-text.ts';
import { exitCodes } from './exit-codes.ts';

export type Stream = 'stdout' | 'stderr';
export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Stands before each colour of ours until it is written. Nobody else knows it. */
const seal = `\u001b${randomBytes(12).toString('hex')}`;
const sealed = new RegExp(`${seal}(\\[[0-9;]*m)`);

/**
 * Colours for one stream. There are none when it is no terminal, or `NO_COLOR` is set; `FORCE_COLOR` turns them on. Node
 * decides, as it does for its own output.
 */
export function painter(stream: Stream): Paint {
	return (style, text) => {
		if (text === '') return '';
		const [begin = '', end = ''] = styleText(style, 'x', { stream: process[stream] })
			.replaceAll('\u001b', seal)
			.split('x');
		return `${begin}${text}${end}`;
	};
}

/** The line without our colours and with what can't be seen as escapes. */
export function unpainted(line: string): string {
	return pieces(line)
		.filter((_, index) => index % 2 === 0)
		.join('');
}

/** Text and colours in turn, text first. */
function pieces(line: string): readonly string[] {
	return line.split(sealed).map((piece, index) => (index % 2 === 0 ? visible(piece) : `\u001b${piece}`));
}

function written(lines: string | readonly string[]): string {
	return [lines]
		.flat()
		.map((line) => `${pieces(line).join('')}\n`)
		.join('');
}

/** Writes and waits until the text is taken, so that no line is lost in a pipe when the process ends. */
async function write(text: string): Promise<void> {
	if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Prints lines of a result to standard output. A text is one line. */
export async function print(lines: string | readonly string[]): Promise<void> {
	await write(written(lines));
}

/**
 * Prints a document for programs: YAML, JSON, a script. A file or a pipe gets it to the byte. A terminal gets every line of
 * it as `print` writes them, tabs aside.
 */
export async function printDocument(text: string): Promise<void> {
	if (!process.stdout.isTTY) return write(text);
	await write(
		text
			.split(/\r?\n/)
			.map((line) => line.split('\t').map(visible).join('\t'))
			.join('\n'),
	);
}

/** Prints remarks beside the result. They go to standard error, and so never into a pipe. A text is one line. */
export function note(lines: string | readonly string[]): void {
	process.stderr.write(written(lines));
}

/** Lines at the end of a terminal's standard error that are written over by the next ones. */
export class LiveLines {
	/** Whether there is a terminal. Without one nothing is ever written over, and nothing is written here. */
	readonly isLive = process.stderr.isTTY === true;
	#shown = 0;

	/** Shows these instead of those before. What doesn't fit is cut. */
	update(lines: readonly string[]): void {
		if (!this.isLive) return;
		this.end();
		// A terminal that nobody has told its size says 0.
		const columns = process.stderr.columns || 80;
		const rows = process.stderr.rows || 24;
		const fitting = lines.slice(0, rows - 1).map((line) => fitted(line, columns));
		process.stderr.write(written(fitting));
		this.#shown = fitting.length;
	}

	/** Takes them away. */
	end(): void {
		if (this.#shown === 0) return;
		moveCursor(process.stderr, 0, -this.#shown);
		clearScreenDown(process.stderr);
		this.#shown = 0;
	}
}

/** The line when it has room in so many columns. Otherwise its beginning, without colours. */
function fitted(line: string, columns: number): string {
	const plain = unpainted(line);
	if (stringWidth(plain) < columns) return line;
	let text = plain.slice(0, columns);
	while (text !== '' && stringWidth(text) > columns - 2) text = text.slice(0, -1);
	return `${text.toWellFormed()}…`;
}

/** Where a person can answer a program that we run. Its prompts have no end of line. */
export const personAtTerminal = {
	isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
	show: (text: string): void => {
		process.stderr.write(text.split('\n').map(visible).join('\n'));
	},
};

/**
 * Asks the person at the terminal, on standard error. Resolves with whether the answer is yes; no answer is no. Rejects with
 * the signal's reason when Ctrl-C is the answer.
 */
export async function askYesNo(
	question: string,
	signal: AbortSignal,
	input: NodeJS.ReadableStream = process.stdin,
): Promise<boolean> {
	signal.throwIfAborted();
	personAtTerminal.show(`${question} [y/N] `);
	const lines = createInterface({ input, signal });
	try {
		for await (const line of lines) return /^\s*(y|yes)\s*$/i.test(line);
		// The cursor is still behind the question.
		personAtTerminal.show('\n');
		signal.throwIfAborted();
		return false;
	} finally {
		lines.close();
	}
}

/** How commander writes help, the version, and what is wrong with a command line. */
export const helpOutput = {
	writeOut: (text: string): boolean => process.stdout.write(written(linesOf(text))),
	writeErr: (text: string): boolean => process.stderr.write(written(linesOf(text))),
};

function linesOf(text: string): readonly string[] {
	return text.replace(/\n$/, '').split('\n');
}

/** `meshwright render … | head` closes the pipe early: that is no failure. */
export function endWithPipe(): void {
	process.stdout.on('error', (error: NodeJS.ErrnoException) => {
		if (error.code === 'EPIPE') process.exit(exitCodes.ok);
		throw error;
	});
}
