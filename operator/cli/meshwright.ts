/** The entry of the command line, for the bundle and for `npx meshwright` in a checkout. */
import { main } from './main.ts';
import { endWithPipe } from './terminal.ts';

endWithPipe();

process.exitCode = await main(process.argv.slice(2));
