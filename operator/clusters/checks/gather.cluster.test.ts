/**
 * Gathers facts of real clusters: one with nodes and two address families, and one that shows little to an account with few
 * rights.
 */
import test from 'ava';
import { type Cluster, startCluster } from '../../../e2e/control-plane/cluster.ts';
import { makeAuthority } from '../../../e2e/support/certificate-authority.ts';
import { installCrd } from '../../../e2e/support/mesh-cluster.ts';
import { untilGranted } from '../../../e2e/support/rights.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { loadKubeconfig } from '../../runtime/credentials/credentials.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { clusterId, type GatherOptions, gatherFacts, roundToTwoDigits } from './gather.ts';
import { reviewPermissions } from './permission-review.ts';
import type { Permission } from './permissions.ts';
import { rootCertificates } from './root-certificates.ts';

const ranges = {
	serviceCIDR: '10.66.0.0/16,fd00:10:66::/112',
	podCIDR: '10.132.0.0/16,fd00:10:132::/48',
};
const options: GatherOptions = { namespace: 'istio-system' };

let big: Cluster;
let small: Cluster;
let bigAdmin: ApiServer;
let smallAdmin: ApiServer;

test.before(async () => {
	[big, small] = await Promise.all([
		startCluster({ name: 'big', parts: 'all', nodes: 3, ...ranges }),
		startCluster({ name: 'small', serviceCIDR: '10.67.0.0/16', auditLog: true }),
	]);
	bigAdmin = adminOf(big);
	smallAdmin = adminOf(small);
});

test.after.always(async () => {
	await Promise.all([bigAdmin?.close(), smallAdmin?.close()]);
	await Promise.all([big?.stop(), small?.stop()]);
});

function adminOf(cluster: Cluster): ApiServer {
	return new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
}

function object(
	{ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
	rest: object,
): KubeObject {
	return { apiVersion, kind, ...rest } as KubeObject;
}

/** A client of a new ServiceAccount with these rights in the whole cluster. */
async function accountWith(cluster: Cluster, name: string, rules: readonly object[]): Promise<ApiServer> {
	const admin = adminOf(cluster);
	const namespace = 'default';
	const account = object(kinds.ServiceAccount, { metadata: { name, namespace } });
	const rights = [
		object(kinds.ClusterRole, { metadata: { name }, rules }),
		object(kinds.ClusterRoleBinding, {
			metadata: { name },
			roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
			subjects: [{ kind: 'ServiceAccount', name, namespace }],
		}),
	];
	try {
		for (const one of [account, ...rights]) await admin.create(one);
	} finally {
		await admin.close();
	}
	const api = new ApiServer(await loadKubeconfig({ path: await cluster.kubeconfigFor({ namespace, name }) }));
	await untilGranted(api, rights);
	return api;
}

const rule = (apiGroup: string, resource: string, ...verbs: readonly string[]) => ({
	apiGroups: [apiGroup],
	resources: [resource],
	verbs,
});

test('an administrator sees everything of a cluster with nodes and two families', async (t) => {
	const facts = await gatherFacts(bigAdmin, options);
	const { metadata } = await bigAdmin.get({ ...kinds.Namespace, name: 'kube-system' });
	t.is(metadata.uid, facts.id);
	t.is(await clusterId(bigAdmin), facts.id);
	t.regex(facts.serverVersion, /^v1\.3[0-9]\./);
	t.true(facts.latencyMs > 0 && facts.latencyMs < 30_000);
	t.deepEqual(facts.podCIDRs, {
		known: true,
		value: ['10.132.0.0/23', '10.132.2.0/24', 'fd00:10:132::/63', 'fd00:10:132:2::/64'],
		from: 'the Nodes',
	});
	t.deepEqual(facts.serviceCIDRs, {
		known: true,
		value: ['10.66.0.0/16', 'fd00:10:66::/112'],
		from: 'the ServiceCIDRs',
	});
	t.like(facts.services, { known: true });
	t.like(facts.endpoints, { known: true });
	t.deepEqual(facts.mesh.installations, { known: true, value: [], from: 'the MeshInstallations' });
	t.deepEqual(facts.mesh.trustDomain, {
		known: false,
		why: 'there is no mesh configuration in namespace istio-system',
	});
	t.deepEqual(facts.mesh.roots, {
		known: false,
		why: 'there is no certificate authority in namespace istio-system',
	});
});

test('a cluster without Nodes and Endpoints says so', async (t) => {
	const { podCIDRs, endpoints } = await gatherFacts(smallAdmin, options);
	t.deepEqual(podCIDRs, { known: false, why: 'it has no Nodes' });
	t.deepEqual(endpoints, { known: true, value: 0, from: 'the API server' });
});

for (const [name, expected] of [
	['big', ['10.66.0.0/16', 'fd00:10:66::/112']],
	['small', ['10.67.0.0/16']],
] as const) {
	test(`who may not read ServiceCIDRs of ${name} finds the same ranges by a dry run`, async (t) => {
		const cluster = name === 'big' ? big : small;
		await using api = await accountWith(cluster, `prober-${name}`, [
			rule('', 'namespaces', 'get'),
			rule('', 'services', 'create'),
		]);
		const { serviceCIDRs } = await gatherFacts(api, options);
		t.deepEqual(serviceCIDRs, { known: true, value: expected, from: 'a dry run of creating a Service' });
	});
}

test('who may do next to nothing gets values with reasons, and nothing is thrown', async (t) => {
	await using api = await accountWith(small, 'poor', [rule('', 'namespaces', 'get')]);
	const facts = await gatherFacts(api, options);
	t.truthy(facts.id);
	t.deepEqual(facts.podCIDRs, { known: false, why: 'the Nodes may not be read by the user of the kubeconfig' });
	t.deepEqual(facts.serviceCIDRs, {
		known: false,
		why: 'the ServiceCIDRs may not be read by the user of the kubeconfig, and a Service may not be created in it',
	});
	t.false(facts.services.known);
	t.false(facts.endpoints.known);
	t.false(facts.mesh.trustDomain.known);
	t.regex(facts.mesh.roots.known ? '' : facts.mesh.roots.why, /Secret istio-system\/cacerts may not be read/);
});

test('who may not even see kube-system can not join', async (t) => {
	await using api = await accountWith(small, 'blind', [rule('', 'pods', 'get')]);
	const error = await t.throwsAsync(gatherFacts(api, options), { instanceOf: RequestError });
	t.is((error as RequestError).status, 403);
});

test('what the entry says is not discovered', async (t) => {
	await using api = await accountWith(small, 'quiet', [rule('', 'namespaces', 'get')]);
	const facts = await gatherFacts(api, {
		...options,
		podCIDRs: ['10.1.128.0/17', '10.1.0.0/17'],
		serviceCIDRs: ['fd00::1/64'],
	});
	t.deepEqual(facts.podCIDRs, { known: true, value: ['10.1.0.0/16'], from: 'podCIDRs' });
	t.deepEqual(facts.serviceCIDRs, { known: true, value: ['fd00::/64'], from: 'serviceCIDRs' });
	const asked = (await small.auditEvents()).filter(
		({ user }) => user.username === 'system:serviceaccount:default:quiet',
	);
	t.true(asked.length > 0);
	t.deepEqual(
		asked.filter(({ objectRef }) => objectRef?.resource === 'nodes' || objectRef?.resource === 'servicecidrs'),
		[],
	);
});

test.serial('nothing is stored by looking', async (t) => {
	// The API server makes a Service for itself when it starts.
	const services = async () =>
		(await smallAdmin.list<KubeObject>(kinds.Service)).items.filter(({ metadata }) => metadata.name !== 'kubernetes');
	const before = await services();
	await using api = await accountWith(small, 'looker', [rule('', 'namespaces', 'get'), rule('', 'services', 'create')]);
	await gatherFacts(api, options);
	t.deepEqual(await services(), before);
});

test.serial('a mesh there tells its installations, trust domain and roots, and no key', async (t) => {
	await installCrd(smallAdmin);
	const namespace = 'mesh-there';
	const { certificate, key } = await makeAuthority({ organisation: 'There' });
	const base64 = (text: string) => Buffer.from(text).toString('base64');
	await smallAdmin.create(object(kinds.Namespace, { metadata: { name: namespace } }));
	await smallAdmin.create(
		object(kinds.MeshInstallation, {
			metadata: { name: 'there' },
			spec: { version: '1.4.10', namespace, citadel: { enabled: true, caSecretName: 'own-ca' } },
		}),
	);
	await smallAdmin.create(
		object(kinds.ConfigMap, {
			metadata: { name: 'istio', namespace },
			data: { mesh: 'trustDomain: there.example.com\nenableTracing: false\n' },
		}),
	);
	await smallAdmin.create(
		object(kinds.Secret, {
			metadata: { name: 'own-ca', namespace },
			data: { 'root-cert.pem': base64(certificate + key), 'ca-key.pem': base64(key) },
		}),
	);
	const { mesh } = await gatherFacts(smallAdmin, options);
	t.deepEqual(mesh.installations, {
		known: true,
		value: [{ name: 'there', namespace, caSecretName: 'own-ca', lists: [] }],
		from: 'the MeshInstallations',
	});
	t.is(mesh.namespace, namespace, 'the only mesh there is');
	t.deepEqual(mesh.trustDomain, { known: true, value: 'there.example.com', from: `ConfigMap ${namespace}/istio` });
	t.deepEqual(mesh.roots, {
		known: true,
		value: rootCertificates(certificate),
		from: `Secret ${namespace}/own-ca`,
	});
	t.false(JSON.stringify(mesh).includes('PRIVATE'));

	// What Citadel itself publishes, which everybody may read, is asked for first.
	const other = await makeAuthority({ organisation: 'Published' });
	await smallAdmin.create(
		object(kinds.ConfigMap, {
			metadata: { name: 'istio-security', namespace },
			data: { caTLSRootCert: base64(other.certificate) },
		}),
	);
	const published = (await gatherFacts(smallAdmin, options)).mesh.roots;
	t.deepEqual(published, {
		known: true,
		value: rootCertificates(other.certificate),
		from: `ConfigMap ${namespace}/istio-security`,
	});
});

test.serial('Services are counted without being read', async (t) => {
	const namespace = 'default';
	await Promise.all(
		Array.from({ length: 104 }, (_, index) =>
			bigAdmin.create(
				object(kinds.Service, { metadata: { name: `s${index}`, namespace }, spec: { ports: [{ port: 80 }] } }),
			),
		),
	);
	const { services } = await gatherFacts(bigAdmin, options);
	t.deepEqual(services, { known: true, value: 110, from: 'the API server' });
});

test('counts are told to two digits', (t) => {
	t.deepEqual([0, 7, 99, 104, 105, 1_234, 98_765].map(roundToTwoDigits), [0, 7, 99, 100, 110, 1_200, 99_000]);
});

test('certificates are found among anything, and keys are not kept', async (t) => {
	const one = await makeAuthority({ organisation: 'One' });
	const two = await makeAuthority({ organisation: 'Two' });
	const roots = rootCertificates(`${one.key}\nwords\n${two.certificate}${one.certificate}${two.certificate}`);
	t.is(roots.length, 2);
	t.deepEqual(roots.map(({ subject }) => subject).sort(), ['O=One', 'O=Two']);
	t.deepEqual(rootCertificates(one.key), []);
	t.deepEqual(rootCertificates('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'), []);
});

test('missing permissions are listed, and those that are held are not', async (t) => {
	await using api = await accountWith(small, 'half', [
		rule('', 'configmaps', 'get', 'list'),
		rule('', 'serviceaccounts', 'create'),
	]);
	const permission = (verb: string, resource: string, more: Partial<Permission> = {}): Permission => ({
		verb,
		group: '',
		resource,
		namespace: 'istio-system',
		...more,
	});
	const permissions = [
		permission('get', 'configmaps'),
		permission('patch', 'configmaps'),
		permission('delete', 'configmaps'),
		permission('create', 'serviceaccounts'),
		permission('create', 'serviceaccounts/token', { name: 'istio-reader-home' }),
		permission('get', 'pods', { toGrant: { kind: 'ClusterRole', name: 'reader' } }),
		permission('list', 'servicecidrs', { group: 'networking.k8s.io', isOptional: true }),
	];
	t.deepEqual(await reviewPermissions(api, permissions), {
		needed: [
			'patch, delete configmaps in namespace istio-system',
			'create serviceaccounts/token istio-reader-home in namespace istio-system',
			'get pods in namespace istio-system',
		],
		optional: ['list servicecidrs.networking.k8s.io in namespace istio-system'],
	});
	t.deepEqual(await reviewPermissions(smallAdmin, permissions), { needed: [], optional: [] });
});

test('who may grant what he has not need not have it', async (t) => {
	const toGrant = { kind: 'ClusterRole', name: 'reader' } as const;
	const permissions: readonly Permission[] = [{ verb: 'get', group: '', resource: 'pods', toGrant }];
	const rbac = 'rbac.authorization.k8s.io';
	await using bearer = await accountWith(small, 'bearer', [rule(rbac, 'clusterroles', 'escalate', 'bind')]);
	t.deepEqual(await reviewPermissions(bearer, permissions), { needed: [], optional: [] });
	await using binder = await accountWith(small, 'binder', [rule(rbac, 'clusterroles', 'bind')]);
	t.deepEqual((await reviewPermissions(binder, permissions)).needed, ['get pods']);
});

test('a signal ends gathering', async (t) => {
	const controller = new AbortController();
	const gathering = gatherFacts(bigAdmin, options, controller.signal);
	controller.abort(new Error('no longer needed'));
	await t.throwsAsync(gathering, { message: 'no longer needed' });
});

test.serial('an API server that is away is an error, not something unknown', async (t) => {
	await small.stopApiServer();
	try {
		await t.throwsAsync(gatherFacts(smallAdmin, options), { instanceOf: TransientError });
	} finally {
		await small.startApiServer();
	}
});
