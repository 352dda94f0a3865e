/** JSON as the formatter of this repository writes it, for files that scripts make. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const biome = fileURLToPath(new URL('../../node_modules/.bin/biome', import.meta.url));

/** What fits into a line is in one line. Throws with what the formatter says when it refuses. */
export async function formattedJson(value: unknown): Promise<string> {
	const child = spawn(biome, ['format', '--stdin-file-path=data.json'], {
		cwd: path.dirname(fileURLToPath(import.meta.url)),
		stdio: ['pipe', 'pipe', 'pipe'],
	});
	child.stdin.end(JSON.stringify(value));
	const exited = new Promise<number>((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (code) => resolve(code ?? 1));
	});
	const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
	if (code !== 0) throw new Error(`biome format ended with exit code ${code}:\n${complaint}`);
	return output;
}
