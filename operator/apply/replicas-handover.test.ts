import test from 'ava';
import { toChild } from './child.ts';
import { initialReplicas, replicasHandover } from './replicas-handover.ts';
import { autoscaler, configMap, deployment, stored } from './testing.ts';

const fixed = toChild(stored(deployment('pilot', { replicas: 3 })));
const scaled = toChild(stored(deployment('pilot')));
const withReplicas = deployment('pilot', { replicas: 2 });
const without = deployment('pilot');

test('a replica count that we own and no longer render gets a second owner, with the value that stands', (t) => {
	const live = { ...stored(deployment('pilot', { replicas: 3 })), spec: { replicas: 7 } };
	t.deepEqual(replicasHandover(without, toChild(live)), {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'pilot', namespace: 'mesh' },
		spec: { replicas: 7 },
	});
});

test('nothing is handed over where replicas stay ours, are not ours, or nothing stands', (t) => {
	t.is(replicasHandover(withReplicas, fixed), undefined);
	t.is(replicasHandover(withReplicas, scaled), undefined);
	t.is(replicasHandover(without, scaled), undefined);
	t.is(replicasHandover(without, undefined), undefined);
	t.is(replicasHandover(configMap('istio'), toChild(stored(configMap('istio')))), undefined);
});

test('a Deployment that an autoscaler scales, and of which nobody has said anything, begins with the minimum of that autoscaler', (t) => {
	const scaler = { ...autoscaler('pilot'), spec: { ...(autoscaler('pilot').spec as object), minReplicas: 3 } };
	t.deepEqual(initialReplicas(without, scaled, [without, scaler])?.spec, { replicas: 3 });
	t.is(initialReplicas(without, undefined, [without, scaler]), undefined, 'what is not there');
	t.is(initialReplicas(without, fixed, [without, scaler]), undefined, 'somebody has spoken');
	t.is(
		initialReplicas(withReplicas, scaled, [withReplicas, scaler]),
		undefined,
		'replicas that are rendered are final',
	);
	t.is(initialReplicas(without, scaled, [without]), undefined, 'without an autoscaler');
	t.is(
		initialReplicas(without, scaled, [{ ...scaler, spec: { ...scaler.spec, minReplicas: 1 } }]),
		undefined,
		'one is the default',
	);
	t.is(initialReplicas(deployment('other'), scaled, [scaler]), undefined, 'the autoscaler of another');
	t.is(initialReplicas(scaler, scaled, [scaler]), undefined, 'what is no Deployment');
});
