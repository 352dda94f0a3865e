import test from 'ava';
import type { KubeObject } from '../runtime/object.ts';
import { toChild } from './child.ts';
import { asChild, fieldManager, handoverFieldManager } from './identity.ts';
import { configMap, crd, deployment, labels, ownEntry, owner, partOf, stored } from './testing.ts';

test('a child keeps what drift, ownership and keys need', (t) => {
	const body = configMap('istio');
	const object = stored(body, {
		managedFields: [ownEntry(body), { manager: 'kubectl-edit', operation: 'Update', time: '2026-01-01T00:00:00Z' }],
		deletionTimestamp: '2026-01-02T00:00:00Z',
	});
	const child = toChild(object);
	t.like(child, { instance: 'default', component: 'pilot', partOf, changedBy: 'kubectl-edit' });
	t.regex(child.fingerprint ?? '', /^.{22}$/);
	t.deepEqual(child.metadata, {
		name: 'istio',
		namespace: 'mesh',
		uid: object.metadata.uid,
		resourceVersion: object.metadata.resourceVersion,
		deletionTimestamp: '2026-01-02T00:00:00Z',
	});
	t.true(Object.isFrozen(child));
});

test('a child keeps nothing big: no data, no managedFields, no annotations, no pod template', (t) => {
	const filler = 'x'.repeat(100_000);
	const big = [
		stored(configMap('istio', { mesh: filler }), { annotations: { note: filler } }),
		stored(crd('gateways'), { annotations: { note: filler } }),
		stored({
			...deployment('pilot'),
			status: { conditions: [{ type: 'Available', status: 'True', message: filler }] },
		}),
	];
	for (const object of big) t.true(JSON.stringify(toChild(object)).length < 800, object.kind);
});

test('an object without labels, namespace or managedFields is a child all the same', (t) => {
	const child = toChild({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mesh' } });
	t.deepEqual(child.metadata, { name: 'mesh' });
	t.like(child, { fingerprint: undefined, instance: undefined, partOf: undefined, changedBy: undefined });
	t.false('workload' in child || 'crd' in child);
});

function workload(status: unknown, replicas?: number) {
	return toChild({ ...stored(deployment('pilot', { replicas }), { generation: 4 }), status }).workload;
}

test('a Deployment tells its counts, its generations and its images', (t) => {
	const status = { observedGeneration: 3, replicas: 5, updatedReplicas: 4, readyReplicas: 3, availableReplicas: 2 };
	t.deepEqual(workload(status, 6), {
		generation: 4,
		observedGeneration: 3,
		desired: 6,
		total: 5,
		updated: 4,
		ready: 3,
		remoteSecrets: undefined,
		remoteSecretsSince: undefined,
		available: 2,
		stalled: undefined,
		podsRefused: undefined,
		isRolledOut: false,
		version: undefined,
		images: ['istio/pilot:1.4.10'],
		secrets: [],
		configMaps: [],
		ownsReplicas: true,
		isReplicasSaid: true,
	});
});

test('a Deployment without a status yet has no pods; without replicas it wants one', (t) => {
	t.like(workload(undefined), { observedGeneration: 0, desired: 1, total: 0, available: 0, ownsReplicas: false });
});

test('condition ReplicaFailure tells why there are no more pods, in a bounded text', (t) => {
	const refused = (status: string, message?: string) =>
		workload({
			conditions: [
				{ type: 'ReplicaFailure', status, reason: 'FailedCreate', ...(message === undefined ? {} : { message }) },
			],
		})?.podsRefused;
	t.is(refused('True', 'pods "a" is forbidden: exceeded quota'), 'pods "a" is forbidden: exceeded quota');
	t.is(refused('True'), 'FailedCreate');
	t.is(refused('False', 'x'), undefined);
	t.is(refused('True', 'x'.repeat(10_000))?.length, 512);
});

test('condition Progressing tells whether a roll-out was complete or has stalled', (t) => {
	const progressing = (value: string, reason?: string) => {
		const condition = { type: 'Progressing', status: value, ...(reason === undefined ? {} : { reason }) };
		const { stalled, isRolledOut } = workload({ conditions: [condition] }) ?? {};
		return { stalled, isRolledOut };
	};
	t.deepEqual(progressing('True', 'NewReplicaSetAvailable'), { stalled: undefined, isRolledOut: true });
	t.deepEqual(progressing('True', 'ReplicaSetUpdated'), { stalled: undefined, isRolledOut: false });
	t.deepEqual(progressing('Unknown', 'DeploymentPaused'), { stalled: undefined, isRolledOut: false });
	t.deepEqual(progressing('False', 'ProgressDeadlineExceeded'), {
		stalled: 'ProgressDeadlineExceeded',
		isRolledOut: false,
	});
	t.deepEqual(progressing('False'), { stalled: 'Unknown', isRolledOut: false });
});

test('only our own apply owns replicas: not the hand-over, not an update, not the scale subresource', (t) => {
	const fieldsV1 = { 'f:spec': { 'f:replicas': {} } };
	const ownsReplicas = (entry: NonNullable<KubeObject['metadata']['managedFields']>[number]) =>
		toChild(stored(deployment('pilot'), { managedFields: [entry] })).workload?.ownsReplicas;
	t.true(ownsReplicas({ manager: fieldManager, operation: 'Apply', fieldsV1 }));
	t.false(ownsReplicas({ manager: handoverFieldManager, operation: 'Apply', fieldsV1 }));
	t.false(ownsReplicas({ manager: fieldManager, operation: 'Update', fieldsV1 }));
	t.false(ownsReplicas({ manager: fieldManager, operation: 'Apply', subresource: 'scale', fieldsV1 }));
	t.false(ownsReplicas({ manager: fieldManager, operation: 'Apply', fieldsV1: { 'f:spec': {} } }));
	const isSaid = (fields: Readonly<Record<string, unknown>>) =>
		toChild(
			stored(deployment('pilot'), { managedFields: [{ manager: 'hpa', subresource: 'scale', fieldsV1: fields }] }),
		).workload?.isReplicasSaid;
	t.true(isSaid(fieldsV1));
	t.false(isSaid({ 'f:spec': {} }));
});

test('a CRD tells its release, what it serves, and whether it is Established', (t) => {
	const conditions = (status: string) => ({ conditions: [{ type: 'Established', status }] });
	const facts = (status?: unknown) => toChild({ ...stored(crd('gateways')), status }).crd;
	t.deepEqual(facts(conditions('True')), {
		established: true,
		versions: ['v1alpha3'],
		servedVersions: ['v1alpha3'],
		release: '1.4.10',
	});
	t.false(facts(conditions('False'))?.established);
	t.false(facts({ conditions: [] })?.established);
	t.false(facts()?.established);
	const versions = [
		{ name: 'v1', served: true },
		{ name: 'v0', served: false },
	];
	t.deepEqual(toChild({ ...stored(crd('gateways')), spec: { versions } }).crd?.servedVersions, ['v1']);
});

test('a child of an installation names it as its controller and keeps everything else', (t) => {
	const body = configMap('istio');
	const child = asChild(body, owner);
	t.deepEqual(child, {
		...body,
		metadata: {
			name: 'istio',
			namespace: 'mesh',
			labels,
			ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
		},
	});
	t.false('ownerReferences' in body.metadata);
});

test('a Secret that stands for a cluster tells which keys of its data are somebody else’s', (t) => {
	const entry = (manager: string, operation: 'Apply' | 'Update', ...keys: readonly string[]) => ({
		manager,
		operation,
		fieldsV1: { 'f:data': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) },
	});
	const secret = (labels: Readonly<Record<string, string>>) =>
		toChild({
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: {
				namespace: 'a',
				name: 'b',
				labels,
				managedFields: [
					entry('meshwright', 'Apply', 'eu'),
					entry('kubectl-edit', 'Update', 'eu', 'us', 'asia'),
					entry('other', 'Apply', 'us'),
				],
			},
		}).clusterRecord;
	t.deepEqual(secret({ 'meshwright.io/cluster': 'eu' })?.foreignKeys, ['asia', 'us']);
	t.is(secret({}), undefined);
});

test('a DaemonSet tells on how many nodes its pods are, and that all are new where some are available', (t) => {
	const daemonSet = (status: object) =>
		toChild({ ...stored({ ...deployment('agent'), kind: 'DaemonSet' }, { generation: 2 }), status }).workload;
	const counts = {
		observedGeneration: 2,
		desiredNumberScheduled: 5,
		currentNumberScheduled: 4,
		updatedNumberScheduled: 3,
		numberReady: 2,
		numberAvailable: 1,
		numberMisscheduled: 7,
	};
	t.like(daemonSet(counts), { generation: 2, observedGeneration: 2, desired: 5, total: 4, updated: 3, ready: 2 });
	t.like(daemonSet(counts), { available: 1, isRolledOut: false });
	t.like(daemonSet({ ...counts, updatedNumberScheduled: 5 }), { isRolledOut: true });
	t.like(daemonSet({ ...counts, updatedNumberScheduled: 5, numberAvailable: 0 }), { isRolledOut: false });
	t.like(daemonSet({}), { desired: 0, total: 0, isRolledOut: false });
});
