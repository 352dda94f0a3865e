/** Runs one command line and returns its exit code. Failures end here, as a message and a remedy on standard error. */
import { type Command, CommanderError } from 'commander';
import { explain, isExpected } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { painter } from './output.ts';
import { createProgram } from './program.ts';

export async function main(args: readonly string[]): Promise<number> {
	let exitCode: number = exitCodes.ok;
	const program = createProgram((code) => {
		exitCode = code;
	});
	for (const command of withSubcommands(program)) {
		command.exitOverride();
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
	const paint = painter(process.stderr);
	const { message, remedy } = explain(error);
	process.stderr.write(`${paint('red', 'error:')} ${message}\n`);
	for (const line of remedy?.split('\n') ?? []) {
		process.stderr.write(`${paint('cyan', '  do:')} ${line}\n`);
	}
	if (!isExpected(error) && error instanceof Error) {
		process.stderr.write(`${error.stack ?? ''}\n`);
	}
}
