import test from 'ava';
import type { CheckedFacts } from '../checks/checked-facts.ts';
import type { ClusterRecord } from '../secret/record.ts';
import { renewalAt } from '../secret/rotation.ts';
import { day, entryOf, recordWith, start, wantedMesh } from '../testing.ts';
import { type ClusterCell, newCell } from './cell.ts';
import { observationOf, type PassFindings } from './observe.ts';

const silence = { reason: 'Unreachable', message: 'silence' } as const;
const facts: CheckedFacts = {
	id: 'uid-a',
	serverVersion: 'v1.36.0',
	network: undefined,
	podCIDRs: ['10.1.0.0/16'],
	serviceCIDRs: undefined,
	services: 4,
	endpoints: undefined,
	gateways: undefined,
	listedThere: [],
};

function observed(
	cell: Partial<ClusterCell>,
	record?: ClusterRecord,
	found: PassFindings = {},
	entry = entryOf('a'),
	now = start,
) {
	const visit = { cell: Object.assign(newCell('default', 'a'), cell), mesh: wantedMesh(), entry, record };
	return observationOf(visit, found, now);
}

test('of a cluster that nobody has spoken with nothing is said', (t) => {
	t.deepEqual(observed({}), { name: 'a', role: 'Remote', state: 'Joining', reachable: 'unknown' });
});

test('what is not known is left out, and what was found is told', (t) => {
	const cell = { facts, problems: [], health: { state: 'up', streak: 0, otherClass: 0, latencyClass: 10 } as const };
	const record = recordWith('a', { state: 'Published', id: 'uid-a' });
	t.deepEqual(observed(cell, record, { inventory: { objects: 4, hash: 'h' } }), {
		name: 'a',
		role: 'Remote',
		state: 'Joined',
		reachable: 'yes',
		latency: 'under 10ms',
		id: 'uid-a',
		serverVersion: 'v1.36.0',
		podCIDRs: ['10.1.0.0/16'],
		services: 4,
		problems: [],
		secret: 'istio-system/istio-remote-secret-a',
		credentials: { expire: '2026-01-31T00:00:00Z', state: 'valid' },
		inventory: { objects: 4, hash: 'h' },
	});
});

test('the last success and the reason are told while it is down, and only then', (t) => {
	const health = { streak: 1, otherClass: 0, problem: silence, lastSuccessAt: start };
	t.like(observed({ health: { ...health, state: 'down' } }), {
		reachable: 'no',
		reachProblem: silence,
		lastSuccess: '2026-01-01T00:00:00Z',
	});
	const up = observed({ health: { ...health, state: 'up' } });
	t.false('reachProblem' in up || 'lastSuccess' in up);
});

test('who it is comes from the record until it was looked at', (t) => {
	t.is(observed({}, recordWith('a', { id: 'recorded' })).id, 'recorded');
	t.is(observed({ facts }, recordWith('a', { id: 'recorded' })).id, 'uid-a');
});

test('a token is late when its renewal is, and expired at its end', (t) => {
	const record = recordWith('a', { state: 'Published' });
	const due = renewalAt('a', record.issued ?? { issuedAt: 0, lifetimeMs: 0 }, wantedMesh().rotation);
	const stateAt = (now: number) => observed({}, record, {}, entryOf('a'), now).credentials?.state;
	t.is(stateAt(due + 2 * day), 'valid');
	t.is(stateAt(due + 3 * day + 1), 'late');
	t.is(stateAt(start + 30 * day - 1), 'late');
	t.is(stateAt(start + 30 * day), 'expired');
	t.is(observed({}, recordWith('a', { state: 'Leaving', leavingSince: start })).credentials, undefined);
	t.is(observed({}, recordWith('a')).secret, undefined);
});

test('what a pass did not come to goes on as it was', (t) => {
	const before = observed(
		{},
		undefined,
		{ inventory: { objects: 1, hash: 'h' }, dataPlane: { waiting: 'x' } },
		{
			...entryOf('a'),
			dataPlane: { controlPlaneAddresses: [] },
		},
	);
	const entry = entryOf('a', { dataPlane: { controlPlaneAddresses: [] } });
	t.like(observed({ observation: before }, undefined, {}, entry), {
		inventory: { objects: 1, hash: 'h' },
		dataPlane: { waiting: 'x' },
	});
	t.deepEqual(observed({}, undefined, {}, entry).dataPlane, {});
	t.false('dataPlane' in observed({ observation: before }, undefined, {}));
});
