import test from 'ava';
import fc from 'fast-check';
import type { ClusterRecord } from '../secret/record.ts';
import { type ClusterCell, newCell } from './cell.ts';
import { nextPassInMs, probeDelayMs, recheckDelayMs } from './schedule.ts';

const minute = 60_000;
const policy = { lifetimeMs: 30 * 24 * 60 * 60_000, renewShare: 0.7 };
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const middle = () => 0.5;

function cellWith(differences: Partial<ClusterCell>): ClusterCell {
	return Object.assign(newCell('default', 'a'), differences);
}

function health(state: 'unknown' | 'up' | 'down', streak = 0): Pick<ClusterCell, 'health'> {
	return { health: { state, streak, otherClass: 0 } };
}

function published(issuedAt: number, lifetimeMs: number): ClusterRecord {
	const kubeconfig = { namespace: 'x', name: 'y', key: 'z' };
	const issued = { issuedAt, lifetimeMs };
	return { cluster: 'a', role: 'Remote', state: 'Published', dataPlane: false, kubeconfig, issued };
}

test('delays are within their bounds, with 20 % of jitter', (t) => {
	fc.assert(
		fc.property(random, fc.nat({ max: 10_000 }), (value, count) => {
			const of = (delay: number, wanted: number) => {
				t.true(delay >= wanted * 0.8 && delay <= wanted * 1.2, `${delay} for ${wanted}`);
			};
			of(
				probeDelayMs(cellWith(health('up')), () => value),
				30_000,
			);
			of(
				probeDelayMs(cellWith(health('up', 2)), () => value),
				3_000,
			);
			of(
				probeDelayMs(cellWith({ ...health('down'), downs: count }), () => value),
				Math.min(3_000 * 2 ** Math.min(count, 10), 2 * minute),
			);
			// The probe that confirms the first answer comes soon, however long the cluster was down.
			of(
				probeDelayMs(cellWith({ ...health('down', 1), downs: count }), () => value),
				3_000,
			);
			of(
				recheckDelayMs(cellWith({ refusals: 0 }), () => value),
				10 * minute,
			);
			of(
				recheckDelayMs(cellWith({ refusals: count + 1 }), () => value),
				Math.min(10_000 * 2 ** Math.min(count, 10), 5 * minute),
			);
		}),
	);
});

test('two clusters do not march in step', (t) => {
	const delays = Array.from({ length: 20 }, (_, i) => probeDelayMs(cellWith(health('up')), () => i / 20));
	t.is(new Set(delays).size, 20);
});

test('the next pass never comes at once, and always comes', (t) => {
	const state = fc.constantFrom('unknown' as const, 'up' as const, 'down' as const);
	const moment = fc.integer({ min: -10 * minute, max: 10 * minute });
	const tokens = fc.array(fc.tuple(moment, fc.integer({ min: 1, max: 100 * minute })), { maxLength: 4 });
	fc.assert(
		fc.property(state, fc.nat({ max: 3 }), fc.nat({ max: 50 }), moment, moment, tokens, random, (...given) => {
			const [name, streak, failures, nextProbeAt, nextCheckAt, records, value] = given;
			const cell = cellWith({ ...health(name, streak), failures, nextProbeAt, nextCheckAt });
			const issued = records.map(([at, life]) => published(at, life));
			const inMs = nextPassInMs(cell, issued, policy, { now: 0, wallClock: 0, random: () => value });
			t.true(inMs >= 50);
			t.true(inMs <= Math.max(50, nextProbeAt));
		}),
	);
});

test('a check that is overdue makes no loop where it can not be made', (t) => {
	const overdue = { nextProbeAt: 2 * minute, nextCheckAt: -5 * minute };
	const clock = { now: 0, wallClock: 0, random: middle };
	// The cluster does not answer, or has just failed to.
	t.is(nextPassInMs(cellWith({ ...overdue, ...health('down') }), [], policy, clock), 2 * minute);
	t.is(nextPassInMs(cellWith({ ...overdue, ...health('unknown') }), [], policy, clock), 2 * minute);
	t.is(nextPassInMs(cellWith({ ...overdue, ...health('up', 1) }), [], policy, clock), 2 * minute);
	// The check itself failed. It is tried again with the rest, less and less often.
	t.is(nextPassInMs(cellWith({ ...overdue, ...health('up'), failures: 1 }), [], policy, clock), 2_000);
	t.is(nextPassInMs(cellWith({ ...overdue, ...health('up'), failures: 4 }), [], policy, clock), 16_000);
	t.is(nextPassInMs(cellWith({ ...overdue, ...health('up'), failures: 99 }), [], policy, clock), minute);
	t.is(nextPassInMs(cellWith({ ...overdue, ...health('up') }), [], policy, clock), 50);
});

test('renewal and end of a token bring a pass, and what is overdue makes no loop', (t) => {
	const far = { nextProbeAt: 1_000 * minute, nextCheckAt: 1_000 * minute };
	const clock = { now: 0, wallClock: 0, random: middle };
	const next = (state: 'up' | 'down', issuedAt: number) =>
		nextPassInMs(cellWith({ ...far, ...health(state) }), [published(issuedAt, 100 * minute)], policy, clock);
	t.true(next('up', 0) <= 70 * minute && next('up', 0) >= 65 * minute);
	// Nobody renews the token, but its end is told.
	t.is(next('down', 0), 100 * minute);
	t.is(next('up', -80 * minute), 20 * minute);
	t.is(next('up', -200 * minute), 1_000 * minute);
});
