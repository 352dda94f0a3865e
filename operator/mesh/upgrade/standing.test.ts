import test from 'ava';
import { type ParsedStatus, upgradeStages } from '../../../api/v1/index.ts';
import { toChild } from '../../apply/child.ts';
import { componentLabel, versionLabel } from '../../apply/identity.ts';
import { classicLine } from '../../lines/classic.ts';
import { meshOf } from '../../render/testing.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import { standingOf } from './standing.ts';

const now = '2026-12-05T02:00:00Z';
const { release } = meshOf({ version: '1.4.10' });

function deployment(component: string, version: string, available = 1) {
	const labels = { [componentLabel]: component, [versionLabel]: version };
	const metadata = { name: `istio-${component}`, namespace: 'istio-system', labels };
	return toChild({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, status: { availableReplicas: available } });
}

function standing(children: readonly ReturnType<typeof toChild>[], status?: ParsedStatus) {
	const object = { metadata: { name: 'default' }, ...(status === undefined ? {} : { status }) } as StoredInstallation;
	const stageOf = (one: KubeObject) => classicLine.stageOf(one, { from: release, to: release });
	return standingOf(object, { ofApplySet: () => children }, stageOf, now);
}

test('what the status says counts, whatever stands', (t) => {
	const children = [deployment('pilot', '1.3.8')];
	const upgrade = { from: '1.2.10', to: '1.3.8', state: 'Progressing' as const };
	t.deepEqual(standing(children, { observedGeneration: 1, version: '1.4.10' }), {
		running: '1.4.10',
		record: undefined,
	});
	t.deepEqual(standing(children, { observedGeneration: 1, upgrade }), { running: undefined, record: upgrade });
});

test('without it, what runs is what Deployments were made for; what never came up runs nothing', (t) => {
	const all = [deployment('pilot', '1.3.8'), deployment('ingressgateway', '1.3.8', 0)];
	t.deepEqual(standing(all), { running: '1.3.8', record: undefined });
	t.deepEqual(standing(all, { observedGeneration: -1 }), { running: '1.3.8', record: undefined });
	const none = { running: undefined, record: undefined };
	t.deepEqual(standing([]), none);
	t.deepEqual(standing([deployment('pilot', '1.3.8', 0)]), none);
	t.deepEqual(standing([deployment('pilot', 'mine'), deployment('mixer', '1.3')]), none);
});

test('two versions are a change in the middle, which may have come up to the next stage whose Deployment is of the older one', (t) => {
	const { running, record } = standing([
		deployment('ingressgateway', '1.9.1'),
		deployment('citadel', '1.10.0'),
		deployment('pilot', '1.10.0', 0),
	]);
	t.is(running, '1.9.1');
	t.like(record, { from: '1.9.1', to: '1.10.0', reached: 'Webhooks', state: 'Progressing' });
	t.true(upgradeStages.includes(record?.reached as (typeof upgradeStages)[number]));
	const among = standing(['1.2.10', '1.4.10', '1.3.8'].map((version, i) => deployment(`c${i}`, version)));
	t.like(among.record, { from: '1.2.10', to: '1.4.10' });
});
