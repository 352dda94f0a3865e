/** The entry of the command line, for the bundle and for `npx meshwright` in a checkout. */
import { exitCodes } from './exit-codes.ts';
import { main } from './main.ts';

// `meshwright render … | head` closes the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	if (error.code === 'EPIPE') {
		process.exit(exitCodes.ok);
	}
	throw error;
});

process.exitCode = await main(process.argv.slice(2));
