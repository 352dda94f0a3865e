import test from 'ava';
import fc from 'fast-check';
import type { KubeObject } from '../runtime/object.ts';
import { toChild } from './child.ts';
import {
	type CrdDecision,
	compareReleases,
	decideCrd,
	missingVersions,
	newerVersions,
	releaseOf,
	versionsOf,
	withVersionsOf,
} from './crd-plan.ts';
import { bodyHash, fingerprint } from './fingerprint.ts';
import { crdVersionAnnotation } from './identity.ts';
import type { Applied } from './plan.ts';
import { crd, stored } from './testing.ts';

const desired = crd('gateways', { release: '1.4.10' });

function appliedAs(body: KubeObject): Applied {
	return { bodyHash: bodyHash(body), fingerprint: fingerprint(stored(body).metadata) ?? '' };
}

/** The decision about 1.4.10's definition when ours has these annotations. */
function decideOver(annotations: Readonly<Record<string, string>>): CrdDecision {
	return decideCrd(desired, toChild(stored(desired, { annotations })), undefined);
}

const downgrades: readonly [title: string, annotations: Readonly<Record<string, string>>, expected: CrdDecision][] = [
	['a newer release', { [crdVersionAnnotation]: '1.5.0' }, { kind: 'kept', release: '1.5.0' }],
	['a newer patch', { [crdVersionAnnotation]: '1.4.11' }, { kind: 'kept', release: '1.4.11' }],
	['the same release', { [crdVersionAnnotation]: '1.4.10' }, { kind: 'write', cause: 'outdated' }],
	['an older release', { [crdVersionAnnotation]: '1.3.8' }, { kind: 'write', cause: 'outdated' }],
	[
		'an older patch (by number, not by letters)',
		{ [crdVersionAnnotation]: '1.4.9' },
		{ kind: 'write', cause: 'outdated' },
	],
	['no annotation', {}, { kind: 'write', cause: 'outdated' }],
	['an empty annotation', { [crdVersionAnnotation]: '' }, { kind: 'write', cause: 'outdated' }],
	['an annotation that is no version', { [crdVersionAnnotation]: 'latest' }, { kind: 'write', cause: 'outdated' }],
];
for (const [title, annotations, expected] of downgrades) {
	test(`over ${title}: ${expected.kind}`, (t) => {
		t.deepEqual(decideOver(annotations), expected);
	});
}

test('a definition that stands as it was applied is current', (t) => {
	const live = stored(desired);
	t.deepEqual(decideCrd(desired, toChild(live), appliedAs(desired)), { kind: 'current' });
});

test('a changed one is written, a deleted one too, and one that was never seen is asked for', (t) => {
	const changed = toChild(
		stored(desired, { managedFields: [{ manager: 'meshwright', operation: 'Apply', fieldsV1: {} }] }),
	);
	t.deepEqual(decideCrd(desired, changed, appliedAs(desired)), { kind: 'write', cause: 'drifted' });
	t.deepEqual(decideCrd(desired, undefined, appliedAs(desired)), { kind: 'write', cause: 'deleted' });
	t.deepEqual(decideCrd(desired, undefined, undefined), { kind: 'ask' });
});

test('one with our label that we do not own a field of is asked for', (t) => {
	t.deepEqual(decideCrd(desired, toChild(stored(desired, { managedFields: [] })), undefined), { kind: 'ask' });
});

test('one that is being deleted is left alone', (t) => {
	const going = toChild(stored(desired, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
	t.deepEqual(decideCrd(desired, going, undefined), { kind: 'current' });
});

test('whatever the order of installations, the newest release is stored at the end', (t) => {
	const release = fc.tuple(fc.constant(1), fc.nat(5), fc.nat(12)).map((parts) => parts.join('.'));
	fc.assert(
		fc.property(fc.array(release, { minLength: 1, maxLength: 8 }), (order) => {
			let live: KubeObject | undefined;
			for (const next of order) {
				const body = crd('gateways', { release: next });
				const decision = decideCrd(body, live === undefined ? undefined : toChild(live), undefined);
				if (decision.kind === 'write' || decision.kind === 'ask') live = stored(body);
			}
			const [newest] = order.toSorted(compareReleases).toReversed();
			t.is(live === undefined ? undefined : releaseOf(live), newest);
		}),
	);
});

test('releases are ordered by number; what is no full version is older than all that are', (t) => {
	t.deepEqual(['1.10.0', '1.4.10', '', '1.4.9', '2.0.0', '1.4', 'v1.9.9'].toSorted(compareReleases).slice(-4), [
		'1.4.9',
		'1.4.10',
		'1.10.0',
		'2.0.0',
	]);
	t.is(compareReleases('1.4.10', '1.4.10'), 0);
	t.is(compareReleases(undefined, 'x'), 0);
	t.true(compareReleases(undefined, '1.0.0') < 0);
	t.true(compareReleases('1.0.0', '1.0.0-rc.1') > 0);
});

test('comparing is antisymmetric and transitive', (t) => {
	const version = fc.oneof(
		fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20)).map((parts) => parts.join('.')),
		fc.constantFrom(undefined, '', '1.2', 'x'),
	);
	fc.assert(
		fc.property(version, version, version, (a, b, c) => {
			t.is(Math.sign(compareReleases(a, b)) + Math.sign(compareReleases(b, a)), 0);
			if (compareReleases(a, b) <= 0 && compareReleases(b, c) <= 0) t.true(compareReleases(a, c) <= 0);
		}),
	);
});

test('a version that is needed and not served is missing', (t) => {
	t.deepEqual(versionsOf(desired), ['v1alpha3']);
	const facts = { established: true, release: undefined, versions: [] };
	t.deepEqual(missingVersions(desired, { ...facts, servedVersions: ['v1beta1', 'v1alpha3'] }), []);
	t.deepEqual(missingVersions(desired, { ...facts, servedVersions: ['v1beta1'] }), ['v1alpha3']);
	t.deepEqual(missingVersions(desired, { ...facts, servedVersions: [] }), ['v1alpha3']);
});

function versions(...names: readonly string[]): readonly object[] {
	return names.map((name, index) => ({ name, served: true, storage: index === names.length - 1 }));
}

function changedTo(list: readonly object[]): KubeObject {
	return {
		...stored(desired, { managedFields: [{ manager: 'meshwright', operation: 'Apply', fieldsV1: {} }] }),
		spec: { versions: list },
	};
}

test('one that serves more than we have, and all that we need, is newer and stays; one that does not serve it is written', (t) => {
	const newer = changedTo(versions('v1alpha3', 'v1beta1', 'v1'));
	t.deepEqual(decideCrd(desired, toChild(newer), appliedAs(desired)), { kind: 'newer', versions: ['v1beta1', 'v1'] });
	t.deepEqual(decideCrd(desired, toChild(newer), undefined), { kind: 'newer', versions: ['v1beta1', 'v1'] });
	const others = changedTo([{ name: 'v1alpha3', served: false }, ...versions('v1')]);
	t.deepEqual(decideCrd(desired, toChild(others), appliedAs(desired)), { kind: 'write', cause: 'drifted' });
	t.deepEqual(newerVersions(desired, undefined), []);
});

test('a definition is written beside the versions of others, and what is stored in theirs stays so', (t) => {
	const { spec } = withVersionsOf(changedTo(versions('v1alpha3', 'v1')), desired);
	const { versions: written } = spec as { versions: readonly { name: string; storage: boolean }[] };
	t.deepEqual(
		written.map(({ name, storage }) => [name, storage]),
		[
			['v1alpha3', false],
			['v1', true],
		],
	);
	t.deepEqual(withVersionsOf(changedTo(versions('v1alpha3')), desired), desired);
});
