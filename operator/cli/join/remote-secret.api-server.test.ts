/** `remote-secret create` prints what the operator would write, and that works. */
import test from 'ava';
import { parse } from 'yaml';
import { type Cluster, startCluster } from '../../../e2e/control-plane/cluster.ts';
import { type CommandResult, meshwright } from '../../../e2e/support/cli.ts';
import { toChild } from '../../apply/child.ts';
import type { LiveCache } from '../../apply/live.ts';
import { RepairLimit } from '../../apply/repair-limit.ts';
import { Writer } from '../../apply/writer.ts';
import { readClusterKubeconfig } from '../../clusters/kubeconfig/kubeconfig.ts';
import { keepPublished } from '../../clusters/secret/publication.ts';
import { recordOf, recordReference } from '../../clusters/secret/record.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { remoteSecret } from './remote-secret-content.ts';

type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> };

const namespace = 'istio-system';
let cluster: Cluster;
let admin: ApiServer;

test.before(async () => {
	cluster = await startCluster({ name: 'read' });
	admin = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
});
test.after.always(async () => {
	await admin?.close();
	await cluster?.stop();
});

function create(args: readonly string[], stdin = ''): Promise<CommandResult> {
	return meshwright(['remote-secret', 'create', '--kubeconfig', cluster.adminKubeconfig(), ...args], stdin);
}

function kubeconfigOf({ data }: Secret, name: string): string {
	return Buffer.from(data[name] ?? '', 'base64').toString('utf8');
}

/** A cache that knows nothing, so that everything is asked for. */
const nothingKnown: LiveCache = {
	get: () => undefined,
	ofApplySet: () => [],
	expectWrite: () => () => undefined,
	observeDeletion: () => undefined,
	seesAll: () => false,
	follow: async () => undefined,
} as unknown as LiveCache;

test.serial(
	'it is the Secret that the operator writes, but for its owner, with the kubeconfig that istioctl writes',
	async (t) => {
		await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'compared' } });
		const mesh = { name: 'default', namespace: 'compared' };
		const record = {
			cluster: 'east',
			role: 'Remote',
			dataPlane: true,
			id: '0c5c4f3e-9d1c-4b1f-8d3c-4b5a4d6a1c1e',
			kubeconfig: { namespace: 'meshwright-system', name: 'east-kubeconfig', key: 'kubeconfig' },
		} as const;
		const source = {
			account: { namespace: 'compared', name: 'istio-reader-home' },
			access: { server: 'https://1.2.3.4', ca: 'caData', tlsServerName: undefined },
		};
		const now = Date.parse('2026-01-01T00:00:00Z');
		const issued = { token: 'token', issued: { issuedAt: now, lifetimeMs: 3_600_000 } };
		const { signal } = new AbortController();
		const writer = new Writer({ api: admin, live: nothingKnown, repairLimit: new RepairLimit(), now: () => 0 }, signal);
		await keepPublished(
			{ api: admin, live: nothingKnown, writer, mesh },
			{ ...source, issue: async () => issued },
			{ record, policy: { lifetimeMs: 3_600_000, renewShare: 0.7 }, others: [], wasPublished: false, now },
			{ wasPublished: false },
			{ signal },
		);
		const live = (await admin.get(recordReference('compared', 'east'))) as Secret;
		const ours = remoteSecret({ mesh, source, ...record, ...issued }) as Secret;
		t.is(live.metadata.name, ours.metadata.name);
		t.deepEqual(live.metadata.labels, ours.metadata.labels);
		t.deepEqual(live.metadata.annotations, ours.metadata.annotations);
		t.deepEqual(live.data, ours.data);
		t.is(live.type, ours.type);
		t.is(
			kubeconfigOf(ours, 'east'),
			`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Y2FEYXRh
    server: https://1.2.3.4
  name: east
contexts:
- context:
    cluster: east
    user: east
  name: east
current-context: east
kind: Config
users:
- name: east
  user:
    token: token
`,
		);
	},
);

test.serial(
	'without the account it says what to do; with it, its token reads what Pilot reads and nothing else',
	async (t) => {
		const missing = await create(['--name', 'eu', '--read-by', 'home', '--no-create-account']);
		t.is(missing.exitCode, 2, missing.stderr);
		t.is(missing.stdout, '');
		t.regex(missing.stderr, /there is no ServiceAccount istio-system\/istio-reader-home/);

		const { exitCode, stdout, stderr } = await create([
			'--name',
			'eu',
			'--read-by',
			'home',
			'--lifetime',
			'1h',
			'--version',
			'1.4.10',
		]);
		t.is(exitCode, 0, stderr);
		t.regex(stderr, /The address 127\.0\.0\.1 is a loopback address/);
		t.regex(stderr, /Nobody renews this token: it ends at \d{4}-/);
		t.regex(stderr, /ServiceAccount istio-system\/istio-reader-home was made/);
		const secret = parse(stdout) as Secret;
		t.like(secret, { apiVersion: 'v1', kind: 'Secret', type: 'Opaque' });
		t.is(secret.metadata.name, 'istio-remote-secret-eu');
		t.is(secret.metadata.labels?.['istio/multiCluster'], 'true');
		t.is(secret.metadata.annotations?.['networking.istio.io/cluster'], 'eu');
		t.deepEqual(Object.keys(secret.data), ['eu']);
		const record = recordOf(toChild(secret));
		t.like(record, { cluster: 'eu', state: 'Published', role: 'Remote', issued: { lifetimeMs: 3_600_000 } });
		const { metadata } = await admin.getMetadata({ ...kinds.Namespace, name: 'kube-system' });
		t.is(record?.id, metadata.uid);

		const read = readClusterKubeconfig(Buffer.from(kubeconfigOf(secret, 'eu')), {
			allowLoopback: true,
			allowProxies: false,
		});
		if (!read.ok) throw new Error(read.problem.message);
		t.false(stderr.includes(read.access.credentials.token ?? ''), 'the token is in the Secret alone');
		await using pilot = new ApiServer(read.access.credentials);
		for (const kind of [kinds.Service, kinds.Endpoints, kinds.Pod, kinds.Node])
			await t.notThrowsAsync(pilot.list(kind));
		for (const kind of [kinds.Secret, kinds.ConfigMap]) {
			const error = await t.throwsAsync(pilot.list(kind), { instanceOf: RequestError });
			t.is(error.status, 403);
		}
	},
);

test.serial('what is there already stays as it is', async (t) => {
	const reference = { ...kinds.ClusterRole, name: `istio-reader-home-${namespace}` };
	const before = await admin.getMetadata(reference);
	const { exitCode, stderr } = await create(['--name', 'eu', '--read-by', 'home', '--version', '1.4.10']);
	t.is(exitCode, 0, stderr);
	t.regex(stderr, /ClusterRole istio-reader-home-istio-system is there/);
	t.is((await admin.getMetadata(reference)).metadata.resourceVersion, before.metadata.resourceVersion);
});

test.serial('a file answers for mesh, reader, and all that its entry says', async (t) => {
	const mesh = `apiVersion: meshwright.io/v1
kind: MeshInstallation
metadata: {name: shop}
spec:
  version: 1.0.9
  namespace: shop-mesh
  citadel: {enabled: true, caSecretName: cacerts}
  multiCluster:
    clusterName: central
    clusters:
      - {name: eu, server: "${cluster.url.replace('127.0.0.1', 'localhost')}", kubeconfigSecret: {name: other, namespace: ops, key: config}}
`;
	const { exitCode, stdout, stderr } = await create(['--name', 'eu', '-f', '-', '-o', 'json'], mesh);
	t.is(exitCode, 0, stderr);
	const secret = JSON.parse(stdout) as Secret;
	t.is(secret.metadata.namespace, 'shop-mesh');
	t.is(secret.metadata.labels?.['meshwright.io/mesh'], 'shop');
	t.is(secret.metadata.labels?.['app.kubernetes.io/instance'], undefined, 'by which Argo CD would prune it');
	t.like(recordOf(toChild(secret)), {
		dataPlane: true,
		kubeconfig: { namespace: 'ops', name: 'other', key: 'config' },
	});
	t.regex(kubeconfigOf(secret, 'eu'), /server: https:\/\/localhost:/);
	const role = (await admin.get({ ...kinds.ClusterRole, name: 'istio-reader-central-shop-mesh' })) as KubeObject;
	t.notRegex(JSON.stringify(role.rules), /replicasets/, 'Pilot 1.0 reads none');
	for (const given of ['--namespace', '--mesh', '--version']) {
		const twice = await create(['--name', 'eu', '-f', '-', given, 'x'], mesh);
		t.is(twice.exitCode, 2, 'what the file says is not said twice');
		t.regex(twice.stderr, new RegExp(`cannot be used with option '${given}`));
	}
});

test.serial('an address that does not answer from here is told, and the token tried where it does', async (t) => {
	const { exitCode, stdout, stderr } = await create([
		'--name',
		'eu',
		'--read-by',
		'home',
		'--server',
		'https://localhost:1',
	]);
	t.is(exitCode, 0, stderr);
	t.regex(stderr, /eu is not reached at localhost:1 from here .*; the token was tried at 127\.0\.0\.1:/);
	t.regex(kubeconfigOf(parse(stdout) as Secret, 'eu'), /server: https:\/\/localhost:1$/m);
});

test.serial('the release that is named decides what is read', async (t) => {
	const { exitCode, stdout, stderr } = await create(['--name', 'eu', '--read-by', 'old', '--version', '1.0.9']);
	t.is(exitCode, 0, stderr);
	t.is((parse(stdout) as Secret).kind, 'Secret');
	const role = await admin.get({ ...kinds.ClusterRole, name: 'istio-reader-old-istio-system' });
	t.notRegex(JSON.stringify(role.rules), /replicasets/, 'Pilot 1.0 reads none');
});

test.serial('who reads has to be said', async (t) => {
	const { exitCode, stderr } = await create(['--name', 'eu']);
	t.is(exitCode, 2);
	t.regex(stderr, /it is not said which cluster reads.*\n +do: name it with --read-by/);
});
