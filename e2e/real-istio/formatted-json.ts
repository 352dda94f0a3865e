/** JSON as the formatter of this repository writes it, for files that scripts make. */
import { fileURLToPath } from 'node:url';
import { outputOf } from '../support/output-of.ts';

const biome = fileURLToPath(new URL('../../node_modules/.bin/biome', import.meta.url));

/** What fits into a line is in one line. Throws with what the formatter says when it refuses. */
export function formattedJson(value: unknown): Promise<string> {
	return outputOf(biome, ['format', '--stdin-file-path=data.json'], {
		cwd: import.meta.dirname,
		input: JSON.stringify(value),
	});
}
