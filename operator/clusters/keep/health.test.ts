import test from 'ava';
import fc from 'fast-check';
import { clusterReasons } from '../../../api/v1/index.ts';
import {
	describeLatency,
	failuresUntilDown,
	type Health,
	type Probe,
	recallHealth,
	stepHealth,
	unknownHealth,
} from './health.ts';

const answer: Probe = { ok: true, latencyMs: 5, at: 1 };
const lost: Probe = { ok: false, problem: { reason: 'Unreachable', message: 'silence' } };

function after(...probes: readonly Probe[]): Health {
	return probes.reduce(stepHealth, unknownHealth);
}

function states(...probes: readonly Probe[]): readonly string[] {
	let health = unknownHealth;
	return probes.map((probe) => {
		health = stepHealth(health, probe);
		return health.state;
	});
}

test('nothing is known before the first look, and the first look decides', (t) => {
	t.is(unknownHealth.state, 'unknown');
	t.is(after(answer).state, 'up');
	t.is(after(lost).state, 'down');
});

test('an outage is three failures in a row, its end two answers in a row', (t) => {
	t.deepEqual(states(answer, lost, lost, lost), ['up', 'up', 'up', 'down']);
	t.deepEqual(states(lost, answer, lost, answer, answer), ['down', 'down', 'down', 'down', 'up']);
	t.deepEqual(states(lost, answer, answer, lost, lost, answer, lost), ['down', 'down', 'up', 'up', 'up', 'up', 'up']);
});

test('with fewer failures in a row than make an outage it never flaps', (t) => {
	const quiet = fc.array(
		fc.nat({ max: failuresUntilDown - 1 }).map((count) => [answer, ...Array.from({ length: count }, () => lost)]),
		{ maxLength: 30 },
	);
	fc.assert(
		fc.property(quiet, (rounds) => {
			t.true(states(answer, ...rounds.flat()).every((state) => state === 'up'));
		}),
	);
});

test('whatever comes: down says why, up has no reason, and each change of state had its row of probes', (t) => {
	const probe = fc.oneof(
		fc.record({ ok: fc.constant(true as const), latencyMs: fc.integer({ min: 0, max: 60_000 }), at: fc.nat() }),
		fc.constant(lost),
	);
	fc.assert(
		fc.property(fc.array(probe, { maxLength: 60 }), (probes) => {
			let health = unknownHealth;
			let row = 0;
			let isOk: boolean | undefined;
			for (const one of probes) {
				const before = health;
				row = one.ok === isOk ? row + 1 : 1;
				isOk = one.ok;
				health = stepHealth(health, one);
				t.true(health.streak >= 0 && health.streak < failuresUntilDown);
				if (health.state === 'down') t.truthy(health.problem);
				if (before.state === 'up' && health.state === 'down') t.true(row >= failuresUntilDown);
				if (before.state === 'down' && health.state === 'up') t.true(row >= 2);
				t.not(health.state, 'unknown');
				t.is(health.latencyMs, one.ok ? one.latencyMs : undefined);
				if (one.ok) t.is(health.lastSuccessAt, one.at);
				else t.is(health.lastSuccessAt, before.lastSuccessAt);
			}
		}),
	);
});

test('what does not pass by itself is told at once, what may is not', (t) => {
	const atOnce = Object.keys(clusterReasons).filter((reason) => {
		const probe = { ok: false, problem: { reason: reason as keyof typeof clusterReasons, message: '' } } as const;
		return after(answer, probe).state === 'down';
	});
	t.deepEqual(atOnce.sort(), [
		'ClusterMisbehaves',
		'KubeconfigInvalid',
		'KubeconfigNotFound',
		'KubeconfigUnsafe',
		'TLSNotVerified',
	]);
});

test('the last reason that was found is told', (t) => {
	const refused: Probe = { ok: false, problem: { reason: 'Unauthorized', message: '401' } };
	t.is(after(lost, refused).problem?.reason, 'Unauthorized');
	t.is(after(lost, refused, answer).problem?.reason, 'Unauthorized');
	t.is(after(lost, refused, answer, answer).problem, undefined);
});

test('the latency that is shown moves when it was another one four times in a row', (t) => {
	const slow: Probe = { ok: true, latencyMs: 60, at: 1 };
	const shown = (...probes: readonly Probe[]) => describeLatency(after(...probes));
	t.is(shown(), undefined);
	t.is(shown(answer), 'under 10ms');
	t.is(shown(answer, slow, slow, slow), 'under 10ms');
	t.is(shown(answer, slow, slow, slow, answer, slow), 'under 10ms');
	t.is(shown(answer, slow, slow, slow, slow), 'under 250ms');
	t.is(shown({ ok: true, latencyMs: 900, at: 1 }), 'under 1s');
	t.is(shown({ ok: true, latencyMs: 99_000, at: 1 }), 'under 30s');
});

test('after a restart the latency goes on from what the status said', (t) => {
	t.is(describeLatency(recallHealth(unknownHealth, { latency: 'under 50ms' })), 'under 50ms');
	t.is(describeLatency(stepHealth(recallHealth(unknownHealth, { latency: 'under 50ms' }), answer)), 'under 50ms');
	t.is(recallHealth(unknownHealth, { latency: 'under the table' }), unknownHealth);
	t.is(recallHealth(unknownHealth, undefined), unknownHealth);
	const known = after(answer);
	t.is(recallHealth(known, { latency: 'under 50ms', reachable: true }), known);
});

test('after a restart one failure denies nothing that the status said; where it said nothing, it does', (t) => {
	const failure = { ok: false, problem: { reason: 'Unreachable', message: '' } } as const;
	t.is(stepHealth(recallHealth(unknownHealth, { reachable: true }), failure).state, 'up');
	t.is(stepHealth(recallHealth(unknownHealth, { reachable: false }), failure).state, 'down');
	t.is(stepHealth(recallHealth(unknownHealth), failure).state, 'down');
});
