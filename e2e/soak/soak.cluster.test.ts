/** A short soak: the same as `npm run soak`, with few meshes, one seed, and patience for a busy machine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { deadlineMs } from '../support/eventually.ts';
import { commandOf } from './options.ts';
import { soak } from './run.ts';

const short = { minutes: 0.5, meshes: 3, seed: '7' };
const bounds = { readyMs: 2 * deadlineMs, restMs: 5_000, deadlineMs };

test('half a minute in which a tenth of all requests goes wrong: afterwards all is as it should be', async (t) => {
	t.timeout(15 * 60_000);
	const folder = await mkdtemp(join(tmpdir(), 'soak-'));
	const lines: string[] = [];
	const say = (line: string) => void lines.push(line);
	const { signal } = new AbortController();
	const problems = await soak({ ...short, folder, bounds, isShort: true, signal, say, tell: say });
	t.deepEqual(problems, [], [...lines, `logs in ${folder}`, commandOf(short)].join('\n'));
	t.regex(lines.join('\n'), /requests \d+, misbehaved [1-9]/);
	await rm(folder, { recursive: true, force: true });
});
