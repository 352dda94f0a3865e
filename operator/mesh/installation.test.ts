import test from 'ava';
import fc from 'fast-check';
import { deletionOf } from '../../api/v1/index.ts';
import { lines } from '../lines/index.ts';
import { rivalriesOf, type StoredInstallation, toInstallation } from './installation.ts';

function stored(name: string, creationTimestamp: string, uid: string, spec: unknown = {}): StoredInstallation {
	return {
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name, creationTimestamp, uid },
		spec,
	};
}

/** Names of the installations that may go on. */
function winners(all: readonly StoredInstallation[]): readonly string[] {
	return all
		.filter((object) => rivalriesOf(object, all, lines.exclusives).length === 0)
		.map(({ metadata }) => metadata.name);
}

const [earlier, later] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'] as const;

test('of two for one namespace the older wins, whatever their uids and names', (t) => {
	t.deepEqual(winners([stored('a', later, '1'), stored('b', earlier, '2')]), ['b']);
	t.deepEqual(winners([stored('b', earlier, '2'), stored('a', later, '1')]), ['b']);
});

test('made in the same second, the lesser uid wins, in whichever order they are seen', (t) => {
	const [first, second] = [stored('z', earlier, '1a'), stored('a', earlier, '1b')];
	t.deepEqual(winners([first, second]), ['z']);
	t.deepEqual(winners([second, first]), ['z']);
});

test('of any number there is one winner for each namespace, and each loser is told who it is', (t) => {
	const any = fc.record({
		time: fc.constantFrom(earlier, later),
		uid: fc.uuid(),
		namespace: fc.constantFrom('istio-system', 'other', undefined),
	});
	fc.assert(
		fc.property(fc.uniqueArray(any, { selector: ({ uid }) => uid, maxLength: 8 }), (entries) => {
			const all = entries.map(({ time, uid, namespace }, index) => stored(`m${index}`, time, uid, { namespace }));
			const names = winners(all);
			t.is(names.length, new Set(entries.map(({ namespace = 'istio-system' }) => namespace)).size);
			t.deepEqual(winners(all.toReversed()).toSorted(), names.toSorted());
			for (const object of all) {
				const [rivalry] = rivalriesOf(object, all, lines.exclusives);
				if (rivalry === undefined) continue;
				t.is(rivalry.reason, 'NamespaceTaken');
				t.true(
					names.some((name) => rivalry.message.includes(`MeshInstallation ${name} `)),
					rivalry.message,
				);
			}
		}),
	);
});

test('what a deletion needs is read of any spec, and is the default where it makes no sense', (t) => {
	const defaults = { policy: 'Delete', force: false, timeoutMs: 600_000, blockWhileInUse: false };
	for (const spec of [undefined, null, 'nonsense', {}, { deletion: { policy: 'x', force: 1, timeout: 'soon' } }]) {
		t.deepEqual(deletionOf(stored('a', earlier, '1', spec)), defaults, JSON.stringify(spec));
	}
	const deletion = { policy: 'Retain', force: true, timeout: '1m', blockWhileInUse: true };
	t.deepEqual(deletionOf(stored('a', earlier, '1', { deletion })), {
		policy: 'Retain',
		force: true,
		timeoutMs: 60_000,
		blockWhileInUse: true,
	});
});

test('a status is parsed where the object is read: what is malformed is told and counts as absent', (t) => {
	const told: string[] = [];
	const read = (status: unknown) =>
		toInstallation(
			{
				apiVersion: 'meshwright.io/v1',
				kind: 'MeshInstallation',
				metadata: { name: 'mesh' },
				spec: { any: 'thing' },
				status,
			},
			({ metadata: { name } }, problems) => told.push(...problems.map(({ path }) => `${name}: ${path}`)),
		);
	t.deepEqual(read({ phase: 'Ready' }).status, { phase: 'Ready' });
	t.false('status' in read(undefined));
	t.deepEqual(told, []);
	const malformed = read({ phase: 7, conditions: 'none' });
	t.false('status' in malformed);
	t.deepEqual(malformed.spec, { any: 'thing' }, 'the spec is kept whole');
	t.deepEqual(told.sort(), ['mesh: conditions', 'mesh: phase']);
});
