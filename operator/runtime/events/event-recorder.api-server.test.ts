/** Writes Events to a real API server: its validation is stricter for `events.k8s.io/v1` than for the old kind. */
import test from 'ava';
import { startCluster } from '../../../e2e/control-plane/cluster.ts';
import { deadlineMs, eventually } from '../../../e2e/support/eventually.ts';
import { ApiServer } from '../client/api-server.ts';
import { kinds } from '../kinds.ts';
import { EventRecorder } from './event-recorder.ts';

test('Events of cluster-scoped and namespaced objects are accepted, and repetitions become a series', async (t) => {
	await using cluster = await startCluster({ parts: 'api-server' });
	const api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	const outcomes: string[] = [];
	const recorder = new EventRecorder({ api, onOutcome: (outcome) => void outcomes.push(outcome) });
	const base = { type: 'Warning', action: 'Apply', note: `${'é'.repeat(3_000)}` } as const;
	const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'istio-pilot:istio-system' };
	const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'kube-system', name: 'cacerts' };
	recorder.record({ ...base, about: role, reason: 'R'.repeat(200) });
	recorder.record({ ...base, about: secret, reason: 'Missing' });
	await eventually('both are written', () => outcomes.length === 2);
	recorder.record({ ...base, about: secret, reason: 'Missing' });
	recorder.record({ ...base, about: secret, reason: 'Missing' });
	await recorder.stop({ deadlineMs });
	t.deepEqual(outcomes, ['written', 'written', 'written']);

	const { items } = await api.list(kinds.Event);
	const ours = items.filter((item) => item.reportingController === 'meshwright.io/operator');
	t.deepEqual(ours.map(({ metadata }) => metadata.namespace).sort(), ['default', 'kube-system']);
	const repeated = ours.find(({ reason }) => reason === 'Missing');
	t.like(repeated, {
		type: 'Warning',
		action: 'Apply',
		regarding: { kind: 'Secret', name: 'cacerts' },
		series: { count: 3 },
	});
	await api.close();
});

test('Events into a namespace that does not exist fail without harm', async (t) => {
	await using cluster = await startCluster({ parts: 'api-server' });
	const api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	const outcomes: string[] = [];
	const recorder = new EventRecorder({ api, onOutcome: (outcome) => void outcomes.push(outcome) });
	const about = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'nowhere', name: 'a' };
	recorder.record({ about, type: 'Normal', reason: 'A', action: 'B', note: 'c' });
	await recorder.stop({ deadlineMs });
	t.deepEqual(outcomes, ['failed']);
	await api.close();
});
