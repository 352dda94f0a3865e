/**
 * The operator with no rights but those of its manifests: what they suffice for, what it says when they don't, and that it
 * goes on by itself once it has them.
 */
import test from 'ava';
import type { AddedComponent } from '../operator/cli/install-parts.ts';
import { type ManifestOptions, manifests, meshNamespaces } from '../operator/cli/manifests.ts';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { isWebhook, kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { type Cluster, startCluster } from './control-plane/cluster.ts';
import { takeAway, untilInForce } from './support/authorizer.ts';
import { eventually, orAbsent } from './support/eventually.ts';
import { setAvailable } from './support/injector.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readInstallation,
	renderedChildren,
	type Spec,
	untilCondition,
	untilInstalled,
} from './support/installation.ts';
import { versionUnderTest } from './support/lines-under-test.ts';
import { installCrd, operatorAccount, person } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';

let cluster: Cluster;
let api: ApiServer;
let operator: RunningOperator;

/** Gives rights as `meshwright install --rights-only` does. */
async function give(options: ManifestOptions): Promise<void> {
	const objects = [...meshNamespaces(options), ...manifests({ ...options, rightsOnly: true })];
	for (const object of objects) await api.apply(object, { fieldManager: person });
	await untilInForce(api, objects);
}

test.before(async () => {
	cluster = await startCluster({ name: 'rights', auditLog: true });
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	await installCrd(api);
	const workloads = new Set([
		'CustomResourceDefinition',
		'Deployment',
		'Service',
		'NetworkPolicy',
		'PodDisruptionBudget',
	]);
	const objects = [...meshNamespaces(), ...manifests()].filter(({ kind }) => !workloads.has(kind));
	for (const object of objects) await api.apply(object, { fieldManager: person });
	await untilInForce(api, objects);
	operator = await startOperator({ kubeconfig: await cluster.kubeconfigFor(operatorAccount) });
});

test.after.always(async () => {
	await operator?.stop();
	await api?.close();
	await cluster?.stop();
});

/** Waits until the status says that rights are missing. Returns the message. */
async function untilRefused(name: string): Promise<string> {
	await untilCondition(api, name, 'Stalled', 'True', 'RightsMissing');
	return (await untilCondition(api, name, 'Ready', 'False', 'RightsMissing')).message;
}

/** What the operator has made in a namespace. */
async function madeIn(namespace: string): Promise<readonly KubeObject[]> {
	const labelSelector = 'app.kubernetes.io/managed-by=meshwright';
	const lists = await Promise.all(
		[kinds.Deployment, kinds.Service, kinds.ConfigMap, kinds.ServiceAccount, kinds.Secret].map((kind) =>
			api.list(kind, { namespace, labelSelector, metadataOnly: true }),
		),
	);
	return lists.flatMap(({ items }) => items);
}

/**
 * A mesh that lacks a component is refused whole, names the command, and is installed once that was run.
 * @param given called when there are rights
 */
async function untilGiven(
	name: string,
	spec: Spec,
	component: AddedComponent,
	given: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ readonly message: string; readonly made: readonly KubeObject[] }> {
	const namespace = `istio-${name}`;
	await give({ meshNamespaces: [namespace] });
	await applyInstallation(api, name, { namespace, ...spec });
	const message = await untilRefused(name);
	const made = await madeIn(namespace);
	await give({ meshNamespaces: [namespace], with: [component] });
	await given();
	await untilInstalled(api, name);
	return { message, made };
}

// These two run before all others: whoever gives istiod its rights may read Secrets and write Deployments of all namespaces.
test.serial(
	'a namespace without rights: RightsMissing with the command, nothing is written, and the command mends it',
	async (t) => {
		await applyInstallation(api, 'team-a', { namespace: 'team-a' });
		const message = await untilRefused('team-a');
		t.true(message.includes('meshwright install --mesh-namespaces team-a --rights-only'), message);
		t.regex(message, /in namespace team-a .*secrets/);
		t.regex(message, /deployments\.apps/);
		t.true(message.length < 1_500, message);
		const { metadata } = await readInstallation(api, 'team-a');
		t.is(metadata.finalizers, undefined, 'not even its finalizer');
		t.is(await orAbsent(api.get({ ...kinds.Namespace, name: 'team-a' })), undefined);
		const role = { ...kinds.ClusterRole, name: 'istio-pilot-team-a' };
		t.is(await orAbsent(api.get(role)), undefined);
		await give({ meshNamespaces: ['team-a'] });
		await untilInstalled(api, 'team-a');
		// The right is taken away: the mesh says so when there is something to do, and others go on.
		await takeAway(api, { ...kinds.RoleBinding, namespace: 'team-a', name: 'meshwright-mesh' });
		await applyInstallation(api, 'team-a', { namespace: 'team-a', pilot: { replicas: 2 } });
		t.true((await untilRefused('team-a')).includes('--mesh-namespaces team-a'));
		await give({ meshNamespaces: ['team-a'] });
		await untilInstalled(api, 'team-a');
		const { spec } = await api.get({ ...kinds.Deployment, namespace: 'team-a', name: 'istio-pilot' });
		t.like(spec, { replicas: 2 });
		await deleteInstallation(api, 'team-a');
	},
);

test.serial(
	'a joined cluster without the component: RightsMissing, also for the Secret with its kubeconfig',
	async (t) => {
		const kubeconfigSecret = { name: 'west', namespace: 'meshwright-system' };
		const clusters = [{ name: 'west', role: 'Primary', kubeconfigSecret }];
		const { message, made } = await untilGiven('joined', { multiCluster: { clusters } }, 'clusters');
		t.true(
			message.includes('meshwright install --mesh-namespaces istio-joined --with clusters --rights-only'),
			message,
		);
		t.regex(message, /in namespace meshwright-system .*secrets/);
		t.regex(message, /serviceaccounts\/token/);
		t.deepEqual(made, []);
		const elsewhere = [{ ...clusters[0], kubeconfigSecret: { name: 'west', namespace: 'vault' } }];
		await applyInstallation(api, 'joined', { namespace: 'istio-joined', multiCluster: { clusters: elsewhere } });
		const told = await untilRefused('joined');
		t.true(told.includes('kubectl -n vault create role meshwright-kubeconfigs --verb=get,list,watch'), told);
		await deleteInstallation(api, 'joined');
	},
);

test('the rights of the manifests suffice for the profiles minimal and default in istio-system', async (t) => {
	await applyInstallation(api, 'default', { profile: 'minimal' });
	await untilInstalled(api, 'default');
	await applyInstallation(api, 'default', { profile: 'default' });
	await eventually('the injector is stored', () =>
		api.get({ ...kinds.Deployment, namespace: 'istio-system', name: 'istio-sidecar-injector' }),
	);
	t.true((await madeIn('istio-system')).some(({ metadata }) => metadata.name === 'istio-sidecar-injector-certs'));
	await deleteInstallation(api, 'default');
	t.deepEqual(await madeIn('istio-system'), []);
});

test('Citadel without its component: RightsMissing, and nothing of the mesh is made before', async (t) => {
	const { message, made } = await untilGiven('signed', { citadel: { enabled: true } }, 'citadel');
	t.true(message.includes('meshwright install --mesh-namespaces istio-signed --with citadel --rights-only'), message);
	t.regex(message, /in the whole cluster .*secrets/);
	t.deepEqual(made, []);
	await deleteInstallation(api, 'signed');
});

test('istiod without its component: RightsMissing, and nothing of the mesh is made before', async (t) => {
	const spec = { version: versionUnderTest('istiod'), profile: 'production', mesh: { mtls: { mode: 'STRICT' } } };
	const namespace = 'istio-today';
	// What waits for a running istiod is written by these rights too.
	const run = () => eventually('istiod', () => setAvailable(api, namespace, 'istiod', true).then(() => true));
	const { message, made } = await untilGiven('today', spec, 'istiod', run);
	t.true(message.includes('meshwright install --mesh-namespaces istio-today --with istiod --rights-only'), message);
	t.regex(message, /in the whole cluster .*validatingwebhookconfigurations/);
	t.deepEqual(made, []);
	const rendered = renderedChildren('today', { namespace, ...spec });
	t.true(rendered.filter((object) => isWebhook(object) || object.kind === 'PeerAuthentication').length >= 4);
	t.deepEqual((await liveChildren(api, 'today')).map(objectKey).sort(), rendered.map(objectKey).sort());
	await deleteInstallation(api, 'today');
	t.deepEqual(await liveChildren(api, 'today'), []);
});

test('restarts of workloads without their component: RightsMissing, and nothing of the mesh is made before', async (t) => {
	const upgrade = { restartWorkloads: { enabled: true } };
	const { message, made } = await untilGiven('restarts', { upgrade }, 'restarts');
	t.true(
		message.includes('meshwright install --mesh-namespaces istio-restarts --with restarts --rights-only'),
		message,
	);
	t.regex(message, /in the whole cluster .*patch .*statefulsets\.apps/);
	t.deepEqual(made, []);
	await deleteInstallation(api, 'restarts');
});

test('a mesh whose namespace is gone is deleted, though the rights in it are gone too', async (t) => {
	await give({ meshNamespaces: ['istio-gone'] });
	await applyInstallation(api, 'gone', { namespace: 'istio-gone' });
	await untilInstalled(api, 'gone');
	await takeAway(api, { ...kinds.RoleBinding, namespace: 'istio-gone', name: 'meshwright-mesh' });
	// No controller empties it here, so it stays, and is about to go.
	await api.delete({ ...kinds.Namespace, name: 'istio-gone' });
	await untilCondition(api, 'gone', 'Installed', 'False', 'NamespaceTerminating');
	t.pass('it says what is the case, and not that rights are missing');
});
