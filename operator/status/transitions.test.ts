import test from 'ava';
import { InvalidError, RequestError, TransientError } from '../runtime/errors.ts';
import type { Observation } from './compute-status.ts';
import { findingOfError } from './finding.ts';
import { observed, sequence, workload } from './testing.ts';
import { describeTransitions } from './transitions.ts';

/** The Events of the last of these steps, as `Warning/Reason`. */
function noticesOf(...steps: readonly Partial<Observation>[]): readonly string[] {
	const [after, before] = sequence(...steps).toReversed();
	if (after === undefined) throw new Error('no step');
	return describeTransitions(before, after).map(({ type, reason }) => `${type}/${reason}`);
}

const starting = { workloads: [observed(workload({ isRolledOut: false, available: 0 }))] };
const out = { workloads: [observed(workload({ available: 0 }))] };
const refused = { findings: [findingOfError(new InvalidError('ForeignObject', 'm'))] };
const otherwise = { findings: [findingOfError(new InvalidError('CrdConflict', 'm'))] };

test('becoming ready is told once', (t) => {
	t.deepEqual(noticesOf(starting), []);
	t.deepEqual(noticesOf(starting, {}), ['Normal/Ready']);
	t.deepEqual(noticesOf({}), ['Normal/Ready']);
	t.deepEqual(noticesOf({}, {}), []);
});

test('degrading after ready is a warning with the reason', (t) => {
	t.deepEqual(noticesOf({}, out), ['Warning/ComponentNotReady']);
	t.deepEqual(noticesOf({}, out, out), []);
});

test('what keeps an installation from going on is told once for each reason', (t) => {
	t.deepEqual(noticesOf(refused), ['Warning/ForeignObject']);
	t.deepEqual(noticesOf({}, refused), ['Warning/ForeignObject']);
	t.deepEqual(noticesOf(refused, refused), []);
	t.deepEqual(noticesOf(refused, otherwise), ['Warning/CrdConflict']);
});

test('a deletion is no warning', (t) => {
	t.deepEqual(noticesOf({}, { deleting: 'waiting' }), ['Normal/Deleting']);
});

test('a deletion that is refused is a warning, once; one that only takes its time is not', (t) => {
	const deleting = { deleting: 'waiting' };
	const refusal = new RequestError('Service a/b: denied by a policy', { status: 422, reason: 'Invalid' });
	const denied = { ...deleting, findings: [findingOfError(refusal)] };
	const away = { ...deleting, findings: [findingOfError(new TransientError('no answer'))] };
	t.deepEqual(noticesOf({}, denied), ['Warning/DeletionFailed']);
	t.deepEqual(noticesOf({}, deleting, denied), ['Warning/DeletionFailed']);
	t.deepEqual(noticesOf({}, denied, denied), []);
	t.deepEqual(noticesOf({}, deleting, away), []);
});

test('another version that runs is told', (t) => {
	const old = { version: '1.3.8', workloads: [observed(workload(), { version: '1.3.8' })] };
	t.deepEqual(noticesOf(old, {}), ['Normal/VersionChanged']);
	t.deepEqual(noticesOf(starting, {}), ['Normal/Ready'], 'the first one is not another one');
});

test('what another version of the operator changes is told when it is held, and when it is done', (t) => {
	const operatorUpgrade = { from: '0.1.0', to: '0.2.0', objects: 2, message: '2 objects differ' } as const;
	const held = { operatorUpgrade: { ...operatorUpgrade, state: 'Held' } } as const;
	const applied = { operatorUpgrade: { ...operatorUpgrade, state: 'Applied' } } as const;
	t.deepEqual(noticesOf({}, held), ['Normal/OperatorChangesHeld']);
	t.deepEqual(noticesOf(held, held), []);
	t.deepEqual(noticesOf(held, applied), ['Normal/OperatorChangesApplied']);
	t.deepEqual(noticesOf(applied, applied), []);
	t.deepEqual(noticesOf({}, { operatorUpgrade: { ...operatorUpgrade, state: 'Applying' } }), []);
});
