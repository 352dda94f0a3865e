/** A policy that changes what is written: what is stored counts, and is written again when the policy goes. */
import test from 'ava';
import { isWrite } from '../../e2e/control-plane/audit.ts';
import { startCluster } from '../../e2e/control-plane/cluster.ts';
import { eventually } from '../../e2e/support/eventually.ts';
import type { KubeObject } from '../runtime/object.ts';
import { referenceOf } from '../runtime/object.ts';
import { changesRecheckMs } from './ask-changes.ts';
import { configMap, deployment, namespace } from './testing.ts';
import { connectTo, World } from './testing-world.ts';

const policies = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies';

test('while a policy changes an object it is asked by dry runs alone; when the policy goes, the object is as rendered', async (t) => {
	const cluster = await startCluster({ auditLog: true });
	t.teardown(() => cluster.stop());
	const { admin, connect } = connectTo(cluster);
	t.teardown(() => admin.close());
	const world = new World(t, { admin, connect }, 'policed');
	const body = deployment('pilot', { image: 'docker.io/istio/pilot:1.4.10' });
	world.set([namespace, configMap('mesh'), body]);
	const placed = world.place(body);
	const image = async () => {
		const { spec } = await admin.get<KubeObject>(referenceOf(placed));
		return (spec as { template: { spec: { containers: { image: string }[] } } }).template.spec.containers[0]?.image;
	};

	const expression =
		'[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "mirror.example/pilot:1.4.10"}]';
	const rules = [
		{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
	];
	const policy = {
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'MutatingAdmissionPolicy',
		metadata: { name: 'mirror' },
		spec: {
			matchConstraints: {
				resourceRules: rules,
				namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'policed' } },
			},
			failurePolicy: 'Fail',
			reinvocationPolicy: 'Never',
			mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
		},
	};
	const binding = { ...policy, kind: 'MutatingAdmissionPolicyBinding', spec: { policyName: 'mirror' } };
	await admin.request({ method: 'POST', path: policies, body: policy });
	await admin.request({ method: 'POST', path: policies.replace('policies', 'policybindings'), body: binding });
	const process = world.start();
	await process.settle();
	// The API server takes a moment to know the policy. What it changes when somebody else writes is nobody's in managedFields.
	let revisionHistoryLimit = 0;
	await eventually('the policy is in force', async () => {
		const spec = { revisionHistoryLimit: ++revisionHistoryLimit };
		await admin.patch(referenceOf(placed), { spec }, { type: 'merge', fieldManager: 'someone' });
		return (await image())?.startsWith('mirror.example') === true;
	});
	await process.pass();
	process.now += changesRecheckMs;
	const result = await process.pass();
	t.deepEqual(result.errors, []);
	t.deepEqual(
		result.changed.map(({ object, paths }) => [object.kind, ...paths]),
		[['Deployment', 'spec.template.spec.containers[discovery].image']],
	);
	t.true((result.againInMs ?? Number.POSITIVE_INFINITY) <= changesRecheckMs);
	t.regex(result.hash ?? '', /^.{22}$/);

	await process.pass();
	t.deepEqual(process.requests, [], 'it is not asked in every pass');
	const { resourceVersion } = (await admin.get(referenceOf(placed))).metadata;
	process.now += changesRecheckMs;
	t.is((await process.pass()).hash, result.hash);
	t.deepEqual(process.requests.filter(isWriteLine), ['PATCH Deployment'], 'a dry run');
	t.is((await admin.get(referenceOf(placed))).metadata.resourceVersion, resourceVersion);

	const restarted = world.start(result.hash);
	const again = await restarted.settle();
	t.is(again.changed.length, 1, 'a process that starts finds out anew');
	t.is(again.hash, result.hash);
	t.is((await admin.get(referenceOf(placed))).metadata.resourceVersion, resourceVersion, 'and changes nothing by it');

	await admin.request({ method: 'DELETE', path: `${policies.replace('policies', 'policybindings')}/mirror` });
	await admin.request({ method: 'DELETE', path: `${policies}/mirror` });
	await eventually('it is as rendered', async () => {
		process.now += changesRecheckMs;
		await process.pass();
		return (await image()) === 'docker.io/istio/pilot:1.4.10';
	});
	const after = await process.pass();
	t.deepEqual(after.changed, []);
	t.is(after.againInMs, undefined);
});

/** Whether a line such as `PATCH Deployment` is a write. */
function isWriteLine(line: string): boolean {
	return isWrite({ verb: (line.split(' ')[0] ?? '').toLowerCase() } as never);
}
