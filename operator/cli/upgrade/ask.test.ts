import test from 'ava';
import { installation } from '../../render/testing.ts';
import { planFor } from './ask.ts';

const nowhere = { api: undefined, serverVersion: undefined, limits: undefined, signal: AbortSignal.timeout(60_000) };

function plan(from: string | undefined, to: string, spec: Readonly<Record<string, unknown>> = {}) {
	return planFor(installation({ version: to, profile: 'production', ...spec }), undefined, from, nowhere);
}

test('the stages of a plan are those that have something to do, in the order in which they are walked', async (t) => {
	const gateways = { ingress: { enabled: true } };
	const { stages, components } = await plan('1.3.8', '1.4.10', { gateways, upgrade: { pauseBefore: ['Gateways'] } });
	t.deepEqual(
		stages.filter(({ rolls }) => rolls.length > 0).map(({ stage, rolls }) => [stage, ...rolls].join(' ')),
		[
			'CA istio-citadel',
			'Pilot istio-pilot',
			'Mixer istio-policy istio-telemetry',
			'Injector istio-sidecar-injector',
			'Gateways istio-ingressgateway',
		],
	);
	t.is(stages[0]?.stage, 'CRDs');
	t.true(stages.every(({ objects }) => objects > 0));
	t.deepEqual(
		stages.filter(({ isPaused }) => isPaused).map(({ stage }) => stage),
		['Gateways'],
	);
	t.true(components.every(({ rolls }) => rolls));
});

test('joined clusters with a data plane follow, one after the other', async (t) => {
	const cluster = (name: string) => ({ name, kubeconfigSecret: { namespace: 'meshwright-system', name } });
	const clusters = [cluster('east'), { ...cluster('west'), dataPlane: { enabled: false } }];
	const { stages } = await plan('1.3.8', '1.4.10', { multiCluster: { clusters } });
	t.deepEqual(stages.find(({ stage }) => stage === 'DataPlanes')?.clusters, ['east']);
});

test('without a version before, or with one that nobody knows, there are no stages to tell', async (t) => {
	for (const from of [undefined, '1.3.7', '9.9.9']) {
		const { stages, components } = await plan(from, '1.4.10');
		t.deepEqual(stages, []);
		t.true(components.every(({ before }) => before.length === 0));
	}
	t.deepEqual((await plan('1.3.8', '1.4.99')).components, []);
});

test('nothing changes from a version to itself', async (t) => {
	const { stages, components, judgement } = await plan('1.4.10', '1.4.10');
	t.deepEqual(stages, []);
	t.false(components.some(({ rolls }) => rolls));
	t.false(judgement.isBlocked);
});
