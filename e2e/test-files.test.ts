import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { findFiles, needsCluster, selectFiles } from './test-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { ava } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
const files = ['api/a.test.ts', 'e2e/b.api-server.test.ts', 'e2e/crash-points.cluster.test.ts', 'e2e/x/c.test.ts'];

test('without a wish all files run: those that need no cluster first, of the others the longest', (t) => {
	t.deepEqual(selectFiles(files, []), {
		alone: ['api/a.test.ts', 'e2e/x/c.test.ts'],
		withCluster: ['e2e/crash-points.cluster.test.ts', 'e2e/b.api-server.test.ts'],
		unmatched: [],
	});
});

test('files, folders and patterns may be named together, each file runs once', (t) => {
	const { alone, withCluster } = selectFiles(files, ['./api/a.test.ts', 'e2e/x/', 'api', '**/*.api-server.test.ts']);
	t.deepEqual(alone, ['api/a.test.ts', 'e2e/x/c.test.ts']);
	t.deepEqual(withCluster, ['e2e/b.api-server.test.ts']);
});

test('what matches nothing is told', (t) => {
	t.deepEqual(selectFiles(files, ['e2e/gone.test.ts', 'api']).unmatched, ['e2e/gone.test.ts']);
});

test('what is named api-server or cluster itself needs none by that', (t) => {
	t.false(needsCluster('operator/runtime/client/api-server.test.ts'));
	t.true(needsCluster('operator/apply/applier.api-server.test.ts'));
});

test('a file starts clusters exactly where its name says so', async (t) => {
	const found = await findFiles(root, ava.files);
	t.true(found.length > 200);
	const starters =
		/\b(?:startCluster|startOwnCluster|borrowCluster|startMeshClusters?|startRendered|clusterFor|startPair|(?:Cluster)?CrashStage\.start|await soak|await openScene)\(/;
	// They start programs that start clusters.
	const throughPrograms = /e2e\/(?:bench\/bench\.|demo\/)/;
	const wrong: string[] = [];
	for (const file of found) {
		const starts = starters.test(await readFile(new URL(file, `file://${root}`), 'utf8')) || throughPrograms.test(file);
		if (starts !== needsCluster(file)) wrong.push(file);
	}
	t.deepEqual(wrong, []);
});
