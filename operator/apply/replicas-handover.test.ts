import test from 'ava';
import { toChild } from './child.ts';
import { replicasHandover } from './replicas-handover.ts';
import { configMap, deployment, stored } from './testing.ts';

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
