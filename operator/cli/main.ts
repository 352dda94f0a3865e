/** Runs one command line and returns its exit code. Failures end here, as a message and a remedy on standard error. */
import { type Command, CommanderError } from 'commander';
import { explain, isExpected } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';
import { helpOutput, note, painter } from './terminal.ts';

export async function main(args: readonly string[]): Promise<number> {
	let exitCode: number = exitCodes.ok;
	const program = createProgram((code) => {
		exitCode = code;
	});
	for (const command of withSubcommands(program)) {
		command.exitOverride().configureOutput(helpOutput);
	}
	try {
		await program.parseAsync(args, { from: 'user' });
		return exitCode;
	} catch (error) {
		if (error instanceof CommanderError) {
			// The user asked for help or the version, or the usage was wrong: commander has printed everything.
			return error.exitCode === 0 ? exitCodes.ok : exitCodes.failed;
		}
		printFailure(error);
		return exitCodes.failed;
	}
}

function withSubcommands(command: Command): readonly Command[] {
	return [command, ...command.commands.flatMap(withSubcommands)];
}

function printFailure(error: unknown): void {
	const paint = painter('stderr');
	const { message, remedy } = explain(error);
	const stack = !isExpected(error) && error instanceof Error ? (error.stack ?? '') : '';
	note([
		...`${paint('red', 'error:')} ${message}`.split('\n'),
		...linesOf(remedy).map((line) => `${paint('cyan', '  do:')} ${line}`),
		...linesOf(stack),
	]);
}

function linesOf(text: string | undefined): readonly string[] {
	return text === undefined || text === '' ? [] : text.split('\n');
}
