/** Somebody whose only right is to write MeshInstallations asks for what would give him more. Nothing of it is written. */
import test from 'ava';
import { mayReadLabel } from '../api/v1/index.ts';
import { at } from '../operator/render/testing.ts';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	eventsAbout,
	liveChildren,
	readInstallation,
	type Spec,
	untilCondition,
} from './support/installation.ts';
import { addJoiner } from './support/joiner.ts';
import { type LineUnderTest, linesUnderTest } from './support/lines-under-test.ts';
import { type MeshCluster, person, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { untilGranted } from './support/rights.ts';

let mesh: MeshCluster;
let tenant: ApiServer;
let operator: RunningOperator | undefined;

test.before(async () => {
	mesh = await startMeshCluster();
	const account = await addJoiner(mesh, { name: 'tenant', isAdministrator: false });
	tenant = new ApiServer({ url: account.url, ca: account.ca, token: account.token });
	const rbac = 'rbac.authorization.k8s.io';
	const { apiVersion } = kinds.ClusterRole;
	const rights: readonly KubeObject[] = [
		{
			apiVersion,
			kind: 'ClusterRole',
			metadata: { name: 'tenant' },
			rules: [
				{ apiGroups: ['meshwright.io'], resources: ['meshinstallations'], verbs: ['create', 'delete', 'get', 'patch'] },
			],
		},
		{
			apiVersion,
			kind: 'ClusterRoleBinding',
			metadata: { name: 'tenant' },
			roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'tenant' },
			subjects: [{ kind: 'ServiceAccount', namespace: 'meshwright-system', name: 'tenant' }],
		},
	];
	for (const object of rights) await mesh.api.apply(object, { fieldManager: person });
	await untilGranted(tenant, rights);
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await tenant?.close();
	await mesh?.stop();
});

const overlay = (kind: string, name: string, mergePatch: Spec) => ({ target: { kind, name }, mergePatch });

/** What a tenant tries with a mesh in a namespace, the reason for which it is refused, and what the message names. */
interface Attempt {
	readonly spec: (namespace: string) => Spec;
	readonly reason: string;
	readonly names: readonly RegExp[];
}

/** What a line calls the objects that a tenant reaches for. */
const namesOf: Readonly<Record<string, { readonly account: string; readonly webhookEntry: string }>> = {
	classic: { account: 'istio-pilot', webhookEntry: 'any-mesh.sidecar-injector.istio.io' },
	istiod: { account: 'istiod', webhookEntry: 'namespace.sidecar-injector.istio.io' },
};

function attemptsOn({ line, version, pilot }: LineUnderTest): Readonly<Record<string, Attempt>> {
	const { account = '', webhookEntry = '' } = namesOf[line] ?? {};
	const of = (spec: (namespace: string) => Spec, reason: string, ...names: readonly RegExp[]): Attempt => ({
		spec: (namespace) => ({ version, namespace, ...spec(namespace) }),
		reason,
		names,
	});
	return {
		roles: of(
			(namespace) => ({
				overlays: [
					overlay('ClusterRoleBinding', `${account}-${namespace}`, {
						subjects: [{ kind: 'ServiceAccount', name: 'tenant', namespace: 'meshwright-system' }],
					}),
					overlay('ClusterRole', `${account}-${namespace}`, {
						rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['delete'] }],
					}),
				],
			}),
			'OverlayNotAllowed',
			new RegExp(`spec\\.overlays\\[0\\] must not .*subjects.* of ClusterRoleBinding ${account}-`),
			/spec\.overlays\[1\] must not add to rules the rights "delete secrets" of ClusterRole/,
			/--overlays=unrestricted/,
		),
		pods: of(
			() => ({
				overlays: [
					overlay('Deployment', pilot, {
						spec: { template: { spec: { hostPID: true, serviceAccountName: 'default' } } },
					}),
				],
			}),
			'OverlayNotAllowed',
			new RegExp(`spec\\.template\\.spec\\.hostPID of Deployment ${pilot}`),
			new RegExp(`spec\\.template\\.spec\\.serviceAccountName of Deployment ${pilot}`),
		),
		webhook: of(
			(namespace) => ({
				profile: 'default',
				overlays: [
					overlay('MutatingWebhookConfiguration', `istio-sidecar-injector-${namespace}`, {
						webhooks: [{ name: webhookEntry, clientConfig: { url: 'https://evil.example' } }],
					}),
				],
			}),
			'OverlayNotAllowed',
			/clientConfig/,
			/namespaceSelector/,
		),
		squat: of(() => ({ namespace: 'meshwright-system' }), 'Invalid', /spec\.namespace must not be meshwright-system/),
		inject: of(
			() => ({ sidecarInjector: { enabled: true, namespaces: ['shop', 'meshwright-system'] } }),
			'Invalid',
			/spec\.sidecarInjector\.namespaces\[1\] must not be meshwright-system/,
		),
	};
}

for (const entry of linesUnderTest)
	for (const [attempt, { spec, reason, names }] of Object.entries(attemptsOn(entry))) {
		const name = `${attempt}-${entry.line}`;
		test.serial(`${entry.line}: refused, and nothing is written: ${attempt}`, async (t) => {
			await applyInstallation(tenant, name, spec(`${name}-mesh`));
			const { message } = await untilCondition(mesh.api, name, 'Valid', 'False', reason);
			for (const part of names) t.regex(message, part);
			t.deepEqual(await liveChildren(mesh.api, name), []);
			await deleteInstallation(mesh.api, name);
		});
	}

/** What the status and the Events say of each cluster, with the names of the Secret and of the cluster taken out. */
async function told(name: string): Promise<ReadonlySet<string>> {
	const { status } = await readInstallation(mesh.api, name);
	const clusters = status?.clusters ?? [];
	const texts = clusters.map((cluster) => {
		const { name: own, conditions = [] } = cluster;
		return JSON.stringify(conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]))
			.replaceAll(own, 'CLUSTER')
			.replaceAll(/(crown|nosuch), key \w+/g, 'SECRET');
	});
	return new Set(texts);
}

test.serial(
	'no answer tells whether a Secret of another namespace exists, until it is labelled for the mesh',
	async (t) => {
		const { api } = mesh;
		const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'kube-system', name: 'crown' } };
		const data = { jewel: Buffer.from('no kubeconfig').toString('base64') };
		await api.create({ ...secret, data } as KubeObject);
		const named = (name: string, key: string) => ({ name, namespace: 'kube-system', key });
		const clusters = [
			{ name: 'probe-1', podCIDRs: ['172.20.1.0/24'], kubeconfigSecret: named('crown', 'jewel') },
			{ name: 'probe-2', podCIDRs: ['172.20.2.0/24'], kubeconfigSecret: named('crown', 'nosuch') },
			{ name: 'probe-3', podCIDRs: ['172.20.3.0/24'], kubeconfigSecret: named('nosuch', 'jewel') },
		].map((entry) => ({ ...entry, dataPlane: { enabled: false } }));
		const multiCluster = { clusterName: 'home', podCIDRs: ['172.21.0.0/24'], clusters };
		await applyInstallation(tenant, 'deputy', { namespace: 'deputy-mesh', multiCluster });
		await eventually('all three are told', async () => {
			const { status } = await readInstallation(api, 'deputy');
			return status?.clusters?.every(({ conditions = [] }) =>
				conditions.some((one) => one.reason === 'KubeconfigNotFound'),
			);
		});
		const one = await told('deputy');
		t.is(one.size, 1, [...one].join('\n'));
		t.regex([...one][0] ?? '', /SECRET: not there, or the mesh may not read it; it needs the label .*: deputy/);
		const events = (await eventsAbout(api, 'deputy')).map((event) => JSON.stringify(event));
		t.false(events.some((event) => /no key|does not exist|is no Secret|forbidden/i.test(event)));

		await api.patch(
			{ ...kinds.Secret, ...secret.metadata },
			{ metadata: { labels: { [mayReadLabel]: 'deputy' } } },
			{ type: 'merge' },
		);
		await eventually('what is wrong with it is told', async () => {
			const { status } = await readInstallation(api, 'deputy');
			const [first] = status?.clusters ?? [];
			return first?.conditions?.some(({ reason }) => reason === 'KubeconfigInvalid');
		});
		t.is((await told('deputy')).size, 2);
		await deleteInstallation(api, 'deputy');
	},
);

test.serial('whoever runs the operator can lift the policy of overlays', async (t) => {
	const { api } = mesh;
	await operator?.stop();
	operator = await startOperator(mesh, { limits: { overlays: 'unrestricted' } });
	for (const entry of linesUnderTest) {
		const name = `pods-${entry.line}`;
		await applyInstallation(tenant, name, attemptsOn(entry).pods?.spec(`${name}-mesh`));
		await eventually('it is written', async () => {
			const live = (await liveChildren(api, name)).find(
				({ kind, metadata }) => kind === 'Deployment' && metadata.name === entry.pilot,
			);
			return at(live, 'spec', 'template', 'spec', 'hostPID') === true;
		});
		await deleteInstallation(api, name);
	}
	t.pass();
});
