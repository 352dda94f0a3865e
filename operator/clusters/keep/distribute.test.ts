import test from 'ava';
import { toChild } from '../../apply/child.ts';
import type { Kind } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { type ClusterRecord, recordReference, recordSecret } from '../secret/record.ts';
import { entryOf, recordWith, wantedMesh } from '../testing.ts';
import { type ClusterCell, newCell } from './cell.ts';
import type { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { distributedKeys, toldTo } from './distribute.ts';

const ours = 'set-of-ours';
const mesh = wantedMesh({ clusters: [entryOf('p', { role: 'Primary' }), entryOf('b'), entryOf('c')] });

interface There {
	/** What the MeshInstallation there lists. Undefined when nobody could read it. */
	readonly lists?: readonly (string | undefined)[] | undefined;
	/** Secrets that exist there, each with its set. */
	readonly secrets?: readonly (readonly [set: string, record: Partial<ClusterRecord> & { readonly cluster: string }])[];
}

function stage({ lists, secrets = [] }: There) {
	const children = secrets.map(([partOf, { cluster, ...record }]) => {
		const given = recordWith(cluster, { state: 'Published', ...record });
		return toChild(recordSecret({ name: 'default', namespace: mesh.namespace, partOf }, given, 'x'));
	});
	const live = {
		get: (key: string) => children.find((child) => objectKey(child) === key),
		ofKind: ({ kind }: Kind) => children.filter((child) => child.kind === kind),
	};
	const cell: ClusterCell = Object.assign(newCell('default', 'p'), {
		connection: { live, kept: { secrets: true } } as unknown as ClusterConnection,
		facts: lists === undefined ? undefined : { id: 'uid-p', listedThere: lists },
	});
	const context = {
		local: () => ({ id: 'uid-here', access: undefined }),
		namesOf: () => ({ readBy: 'here', applySet: ours }),
		cellsOf: () => [cell],
		recordOf: (_: unknown, cluster: string) => recordWith(cluster, { id: `uid-${cluster}` }),
	} as unknown as KeeperContext;
	return { context, cell };
}

function told(there: There): readonly string[] {
	const { context, cell } = stage(there);
	return toldTo(context, cell, mesh).map(({ cluster }) => cluster);
}

test('a primary is told of all clusters but itself and those that it lists', (t) => {
	t.deepEqual(told({ lists: [] }), ['here', 'b', 'c']);
	t.deepEqual(told({ lists: ['uid-here', 'uid-c'] }), ['b']);
	t.deepEqual(told({ lists: ['uid-here', 'uid-b', 'uid-c'] }), []);
});

test('while it lists one that nobody knows yet, nothing new is told, and nothing taken away', (t) => {
	t.deepEqual(told({ lists: [undefined] }), []);
	// The same after a restart: what exists there counts, not memory.
	t.deepEqual(told({ lists: [undefined], secrets: [[ours, { cluster: 'b', id: 'uid-b' }]] }), ['b']);
});

test('a Secret of another operator is left to it, under whatever name', (t) => {
	t.deepEqual(told({ lists: [], secrets: [['set-of-theirs', { cluster: 'b' }]] }), ['here', 'c']);
	t.deepEqual(told({ lists: [], secrets: [['set-of-theirs', { cluster: 'other-name', id: 'uid-b' }]] }), ['here', 'c']);
});

test('one that is listed there stays until the other operator has published its own', (t) => {
	const mine = [ours, { cluster: 'b', id: 'uid-b' }] as const;
	t.deepEqual(told({ lists: ['uid-b'], secrets: [mine] }), ['here', 'b', 'c']);
	const pending = ['set-of-theirs', { cluster: 'x', id: 'uid-b', state: 'Pending' }] as const;
	t.deepEqual(told({ lists: ['uid-b'], secrets: [mine, pending] }), ['here', 'b', 'c']);
	const theirs = ['set-of-theirs', { cluster: 'x', id: 'uid-b' }] as const;
	t.deepEqual(told({ lists: ['uid-b'], secrets: [mine, theirs] }), ['here', 'c']);
});

test('a cluster that is no primary is told of nobody', (t) => {
	const { context, cell } = stage({ lists: [] });
	t.deepEqual(toldTo(context, Object.assign(cell, { cluster: 'b' }), mesh), []);
	t.is(distributedKeys(context, Object.assign(cell, { cluster: 'b' }), mesh).size, 0);
});

test('while nobody can say what it lists, what is there stays', (t) => {
	const secrets = [
		[ours, { cluster: 'b', id: 'uid-b' }],
		['set-of-theirs', { cluster: 'c', id: 'uid-c' }],
	] as const;
	const { context, cell } = stage({ lists: undefined, secrets });
	t.deepEqual(toldTo(context, cell, mesh), []);
	t.deepEqual([...distributedKeys(context, cell, mesh)], [objectKey(recordReference(mesh.namespace, 'b'))]);
});
