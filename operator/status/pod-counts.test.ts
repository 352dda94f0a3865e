import test from 'ava';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { onlyCountsPods } from './pod-counts.ts';

const lastTransitionTime = '2026-01-01T00:00:00Z';
const ready = {
	type: 'Ready',
	status: 'Unknown',
	reason: 'Progressing',
	message: '0 of 1',
	lastTransitionTime,
} as const;
const pilot = { name: 'pilot', ready: 1, desired: 1, version: '1.3.8', image: 'pilot:1.3.8' } as const;
const installed = { ...ready, type: 'Installed', reason: 'ApplyFailed', message: 'a is refused' } as const;
const upgrade = {
	from: '1.3.8',
	to: '1.4.10',
	state: 'Progressing',
	stage: 'Pilot',
	since: lastTransitionTime,
	waitingFor: 'Deployment istio-pilot: 0 of 1 pods updated',
	plan: [{ stage: 'Pilot', state: 'Current' }],
} as const;
const before: ParsedStatus = {
	observedGeneration: 2,
	version: '1.3.8',
	phase: 'Upgrading (Pilot)',
	conditions: [ready, installed],
	components: [pilot],
	ready: '1/1',
	upgrade: { ...upgrade, plan: [...upgrade.plan] },
};

function then(change: Partial<ParsedStatus>): boolean {
	return onlyCountsPods(before, { ...before, ...change });
}

test('numbers of pods, and sentences about them, are no news while a change of version goes on', (t) => {
	t.true(then({ ready: '0/1' }));
	t.true(then({ components: [{ ...pilot, ready: 0, reason: 'Progressing', message: '0 of 1 pods' }] }));
	t.true(then({ components: [{ ...pilot, version: '1.4.10', image: 'pilot:1.4.10' }] }));
	t.true(then({ conditions: [{ ...ready, message: '1 of 1' }, installed] }));
	t.true(then({ upgrade: { ...before.upgrade, ...upgrade, waitingFor: '1 of 1', plan: [...upgrade.plan] } }));
});

const news: Readonly<Record<string, Partial<ParsedStatus>>> = {
	'another stage': { upgrade: { ...upgrade, stage: 'Mixer', plan: [{ stage: 'Mixer', state: 'Current' }] } },
	'another state': { upgrade: { ...upgrade, state: 'Held', plan: [...upgrade.plan] } },
	'a finding': {
		upgrade: {
			...upgrade,
			plan: [...upgrade.plan],
			findings: [{ name: 'ports-change', severity: 'Warning', message: 'x' }],
		},
	},
	'another spec': { observedGeneration: 3 },
	'the reason of a component': { components: [{ ...pilot, reason: 'ImagePullBackOff' }] },
	'an address': { components: [{ ...pilot, addresses: ['192.0.2.1'] }] },
	'one component more': { components: [pilot, { ...pilot, name: 'galley' }] },
	'the reason of a condition': { conditions: [{ ...ready, reason: 'ImagePullBackOff' }, installed] },
	'the status of a condition': { conditions: [{ ...ready, status: 'False' }, installed] },
	'what is refused': { conditions: [ready, { ...installed, message: 'b is refused' }] },
	'another condition': { conditions: [ready, installed, { ...ready, type: 'Stalled' }] },
};

for (const [what, change] of Object.entries(news)) {
	test(`${what} is news`, (t) => {
		t.false(then(change));
	});
}

test('the end is news', (t) => {
	const { upgrade: _, ...rest } = before;
	t.false(onlyCountsPods(before, rest));
});

test('a mesh whose version does not change tells each number of pods', (t) => {
	const { upgrade: _, ...rest } = before;
	t.false(onlyCountsPods(rest, { ...rest, ready: '0/1' }));
	t.false(onlyCountsPods(undefined, before));
	const held = { ...before, upgrade: { ...upgrade, state: 'Held' as const, plan: [...upgrade.plan] } };
	t.false(onlyCountsPods(held, { ...held, ready: '0/1' }));
});
