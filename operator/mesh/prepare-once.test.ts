import test from 'ava';
import { lines } from '../lines/index.ts';
import type { StandingRevision } from '../releases/index.ts';
import { installation } from '../render/testing.ts';
import type { StoredInstallation } from './installation.ts';
import { prepareOnce } from './prepare-once.ts';
import { emptySide } from './side.ts';

const unnamed: StandingRevision = { name: 'default', version: '1.31.4', isActive: true };

function preparing(spec: object) {
	const object = installation(spec as Readonly<Record<string, unknown>>) as unknown as StoredInstallation;
	const side = emptySide();
	return (revisions: readonly StandingRevision[], serverVersion = 'v1.36.3') =>
		prepareOnce(object, side, { lines, serverVersion, revisions });
}

test('a mesh stays the same object while revisions come and go that change nothing of it', (t) => {
	const prepare = preparing({ version: '1.31.4' });
	const first = prepare([]);
	t.true(first.ok);
	t.is(prepare([unnamed]), first, 'its Deployment has come');
	t.is(prepare([]), first, 'and was deleted');
	t.is(prepare([unnamed], 'v1.35.0') === first, false, 'another server is another question');
});

test('a revision that decides what the mesh is called makes it another one', (t) => {
	const prepare = preparing({ version: '1.31.4', upgrade: { strategy: 'Canary' } });
	const named = prepare([]);
	const unnamedMesh = prepare([unnamed]);
	t.true(named.ok && unnamedMesh.ok);
	if (!named.ok || !unnamedMesh.ok) return;
	t.is(named.mesh.revision, '1-31-4');
	t.is(unnamedMesh.mesh.revision, undefined);
});
