import test from 'ava';
import { render } from '../../lines/testing.ts';
import type { StoredInstallation } from '../../mesh/installation.ts';
import { installation, meshOf } from '../../render/testing.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { planFor, runningVersion } from './ask.ts';

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

test('what runs is what the status says, or else what the Deployments were made for', async (t) => {
	const base = installation({ version: '1.4.10' }) as StoredInstallation;
	const asked: unknown[] = [];
	const cluster = (...versions: readonly string[]) => {
		const items = versions.flatMap((version) =>
			render(meshOf({ version }))
				.filter(({ kind }) => kind === 'Deployment')
				.map((deployment) => ({ ...deployment, status: { availableReplicas: 1 } })),
		);
		const list = (_: unknown, options: unknown) => {
			asked.push(options);
			return Promise.resolve({ items, resourceVersion: '1' });
		};
		return { list } as unknown as Pick<ApiServer, 'list'>;
	};
	const upgrade = { from: '1.2.10', to: '1.3.8', state: 'Held' as const };
	t.is(await runningVersion({ ...base, status: { version: '1.3.8', upgrade } }, cluster()), '1.2.10');
	t.is(await runningVersion({ ...base, status: { version: '1.3.8' } }, cluster()), '1.3.8');
	t.deepEqual(asked, []);
	t.is(await runningVersion(base, cluster('1.3.8')), '1.3.8');
	t.is(await runningVersion(base, cluster('1.4.10', '1.3.8')), '1.3.8', 'on its way');
	t.is(await runningVersion(base, cluster()), undefined);
	t.like(asked, { 0: { namespace: 'istio-system' } });
	const inventory = { objects: 1, hash: 'x' };
	t.is(await runningVersion({ ...base, status: { inventory } }, cluster()), '1.4.10', 'by an older operator');
});
