/** Runs the commands about joined clusters between two real API servers, as a user does. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { type Cluster, startCluster } from '../../../e2e/control-plane/cluster.ts';
import { startGuarded } from '../../../e2e/control-plane/guard.ts';
import { type CommandResult, meshwright } from '../../../e2e/support/cli.ts';
import { eventually, orAbsent } from '../../../e2e/support/eventually.ts';
import { exitCodeOf } from '../../../e2e/support/exit-code.ts';
import { installCrd, person } from '../../../e2e/support/mesh-cluster.ts';
import { statusFieldManager } from '../../apply/identity.ts';
import { readClusterKubeconfig } from '../../clusters/kubeconfig/kubeconfig.ts';
import { recordReference } from '../../clusters/secret/record.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, type ObjectReference, objectKey, referenceOf } from '../../runtime/object.ts';
import { accountObjects, accountParts, joinAccount, unmarked } from '../join/account.ts';
import { applyEntry, entryManager } from '../join/entry.ts';
import { tokenSecret } from '../join/token.ts';
import { matrixFromHere, probeMatrix } from '../probe/clusters.ts';
import type { ProbeOptions } from '../probe/run.ts';
import type { ProbeTarget } from '../probe/script.ts';
import { lookAtClusters } from './look.ts';
import { readClustersMesh, wantedForChecks } from './mesh.ts';

const loopback = '--allow-loopback-clusters';
const joinFar = ['clusters', 'join', 'far', '--mesh', 'default', '--join-context', 'far', '--no-data-plane', loopback];
const leaveFar = ['clusters', 'leave', 'far', '--mesh', 'default'];
const kubeconfigHere: ObjectReference = { ...kinds.Secret, namespace: 'meshwright-system', name: 'far-kubeconfig' };
const installation = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name: 'default' } };

let home: Cluster;
let far: Cluster;
let api: ApiServer;
let there: ApiServer;
let folder: string;
let kubeconfig: string;
let localId: string;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-clusters-'));
	[home, far] = await Promise.all([
		startCluster({ name: 'home' }),
		// This cluster has controllers, which fill in tokens.
		startCluster({ name: 'far', parts: 'all', nodes: 1, serviceCIDR: '10.72.0.0/16', podCIDR: '10.172.0.0/16' }),
	]);
	[api, there] = [home, far].map(({ url, ca, adminToken }) => new ApiServer({ url, ca, token: adminToken })) as [
		ApiServer,
		ApiServer,
	];
	kubeconfig = join(folder, 'kubeconfig');
	const all = [home, far];
	await writeFile(
		kubeconfig,
		JSON.stringify({
			'current-context': 'home',
			clusters: all.map(({ name, url, ca }) => ({
				name,
				cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
			})),
			users: all.map(({ name, adminToken }) => ({ name, user: { token: adminToken } })),
			contexts: all.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
		}),
	);
	await installCrd(api);
	for (const name of ['meshwright-system', 'istio-system']) {
		await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
	}
	const multiCluster = { clusterName: 'home', podCIDRs: ['10.171.0.0/16'] };
	await api.apply({ ...installation, spec: { version: '1.4.10', multiCluster } }, { fieldManager: person });
	localId = (await api.getMetadata({ ...kinds.Namespace, name: 'kube-system' })).metadata.uid ?? '';
});
test.after.always(async () => {
	await Promise.all([api?.close(), there?.close()]);
	await Promise.all([home?.stop(), far?.stop()]);
	await rm(folder, { recursive: true, force: true });
});

function cli(...args: readonly string[]): Promise<CommandResult> {
	return meshwright([...args, '--kubeconfig', kubeconfig]);
}

async function exists(client: ApiServer, object: KubeObject | ObjectReference): Promise<boolean> {
	return (await orAbsent(client.getMetadata(referenceOf(object)))) !== undefined;
}

const account = () => accountObjects(accountParts('Remote', false, 'classic'), 'istio-system');

test.serial('list and check of a mesh without clusters say so', async (t) => {
	const list = await cli('clusters', 'list');
	t.is(list.exitCode, 0, list.stderr);
	t.regex(list.stdout, /No cluster is joined\. Join one: meshwright clusters join/);
	t.regex((await cli('clusters', 'check')).stdout, /MeshInstallation default lists no clusters/);
	const data = await cli('clusters', 'check', '-o', 'json');
	t.is(data.exitCode, 0, data.stderr);
	t.deepEqual(JSON.parse(data.stdout), { mesh: 'default', clusters: [], matrix: [], gaps: [] });
});

test.serial('a kubeconfig that the operator would not use is refused before anything is made', async (t) => {
	const { exitCode, stdout, stderr } = await cli(...joinFar.filter((word) => word !== loopback));
	t.is(exitCode, 2);
	t.is(stdout, '');
	t.regex(stderr, /the operator would not use this kubeconfig: .*loopback address/);
	t.regex(stderr, /do: name an address by which other machines reach its API server with --server/);
	t.false(await exists(there, { ...kinds.Namespace, name: 'meshwright-system' }));
});

test.serial('a cluster does not join itself', async (t) => {
	const { exitCode, stderr } = await cli(...joinFar.map((word, index) => (index === 6 ? 'home' : word)));
	t.is(exitCode, 2);
	t.regex(stderr, /both contexts lead to the same cluster/);
});

test.serial('an entry that the operator would refuse is refused before anything is made', async (t) => {
	const { exitCode, stderr } = await cli(...joinFar, '--network', 'other');
	t.is(exitCode, 2);
	t.regex(stderr, /spec\.multiCluster\.network must be set: cluster far names its network/);
	t.false(await exists(there, { ...kinds.Namespace, name: 'meshwright-system' }));
});

test.serial('join --dry-run tells everything and changes nothing', async (t) => {
	const { exitCode, stdout, stderr } = await cli(...joinFar, '--dry-run', '--apply');
	t.is(exitCode, 0, stderr);
	for (const object of account()) {
		t.regex(stderr, new RegExp(`${object.kind} \\S*${object.metadata.name} would be made`));
		t.false(await exists(there, object), objectKey(object));
	}
	t.regex(stderr, /Secret meshwright-system\/far-kubeconfig would be written/);
	t.regex(stderr, /MeshInstallation default would list far/);
	t.false(await exists(api, kubeconfigHere));
	t.deepEqual(parse(stdout), [
		{
			name: 'far',
			kubeconfigSecret: { name: 'far-kubeconfig', namespace: 'meshwright-system' },
			dataPlane: { enabled: false },
		},
	]);
});

test.serial('join makes account and Secret, prints the entry, and no secret', async (t) => {
	const { exitCode, stdout, stderr } = await cli(...joinFar);
	t.is(exitCode, 0, stderr);
	t.is(parse(stdout)[0].name, 'far');
	for (const object of account()) t.true(await exists(there, object), objectKey(object));
	const secret = (await api.get(kubeconfigHere)) as KubeObject & { readonly data: Readonly<Record<string, string>> };
	const read = readClusterKubeconfig(Buffer.from(secret.data.kubeconfig ?? '', 'base64'), {
		allowLoopback: true,
		allowProxies: false,
	});
	t.true(read.ok);
	const token = read.ok ? (read.access.credentials.token ?? '') : '';
	t.true(token.length > 100);
	for (const output of [stdout, stderr]) {
		t.false(output.includes(token) || output.includes(token.split('.')[2] ?? token));
		t.false(output.includes(secret.data.kubeconfig ?? ''));
	}
	await using joined = new ApiServer({ url: far.url, ca: far.ca, token });
	t.truthy((await joined.getMetadata({ ...kinds.Namespace, name: 'kube-system' })).metadata.uid);
	const { items } = await api.list<KubeObject>(kinds.MeshInstallation);
	t.deepEqual(
		items.map(({ spec }) => (spec as { multiCluster: { clusters?: unknown } }).multiCluster.clusters),
		[undefined],
	);
});

test.serial('join --apply again changes nothing but the spec, in which the entry is its own', async (t) => {
	const before = await api.getMetadata(kubeconfigHere);
	const { exitCode, stderr } = await cli(...joinFar, '--apply');
	t.is(exitCode, 0, stderr);
	t.regex(stderr, /ClusterRole meshwright-join-base is up to date/);
	t.is((await api.getMetadata(kubeconfigHere)).metadata.resourceVersion, before.metadata.resourceVersion);
	const live = await api.get({ ...kinds.MeshInstallation, name: 'default' });
	const owner = live.metadata.managedFields?.find(({ manager }) => manager === entryManager('far'));
	t.deepEqual(Object.keys(owner?.fieldsV1?.['f:spec'] as object), ['f:multiCluster']);
});

test.serial(
	'another mesh that joins the same cluster needs a Secret of its own, and takes none of the first one away',
	async (t) => {
		const other = { ...installation, metadata: { name: 'other' } };
		const spec = { version: '1.4.10', namespace: 'istio-other', multiCluster: { podCIDRs: ['10.171.0.0/16'] } };
		await api.apply({ ...other, spec }, { fieldManager: person });
		try {
			const before = await api.getMetadata(kubeconfigHere);
			const forOther = (args: readonly string[]) => args.map((word) => (word === 'default' ? 'other' : word));
			const joined = await cli(...forOther(joinFar));
			t.is(joined.exitCode, 2, joined.stderr);
			t.regex(
				joined.stderr,
				/far-kubeconfig is there already, and was made by this command for cluster far of mesh default/,
			);
			t.regex(joined.stderr, /do: .*--secret-namespace/);
			const left = await cli(...forOther(leaveFar));
			t.is(left.exitCode, 0, left.stderr);
			t.regex(left.stderr, /far-kubeconfig was not made by `clusters join` for this mesh and stays/);
			t.is((await api.getMetadata(kubeconfigHere)).metadata.resourceVersion, before.metadata.resourceVersion);
		} finally {
			await api.delete({ ...kinds.MeshInstallation, name: 'other' });
		}
	},
);

test.serial('another entry by the same command leaves the first one as it is', async (t) => {
	const kubeconfigSecret = { name: 'x', namespace: 'meshwright-system' };
	await applyEntry(api, 'default', { name: 'second', kubeconfigSecret }, false);
	const names = async () => {
		const { spec } = await api.get({ ...kinds.MeshInstallation, name: 'default' });
		return (spec as { multiCluster: { clusters: { name: string }[] } }).multiCluster.clusters.map(({ name }) => name);
	};
	t.deepEqual((await names()).sort(), ['far', 'second']);
	// It may change its own fields, and nobody else's.
	await applyEntry(api, 'default', { name: 'second', kubeconfigSecret: { ...kubeconfigSecret, name: 'y' } }, false);
	await api.apply(
		{ ...installation, spec: { version: '1.4.10', multiCluster: { clusters: [{ name: 'third', kubeconfigSecret }] } } },
		{ fieldManager: 'argocd', force: true },
	);
	const entry = { name: 'third', kubeconfigSecret: { ...kubeconfigSecret, name: 'z' } };
	await t.throwsAsync(applyEntry(api, 'default', entry, false), {
		message: /the entry third of MeshInstallation default belongs to somebody else: .*argocd/,
	});
	await api.apply({ ...installation, spec: { version: '1.4.10' } }, { fieldManager: 'argocd', force: true });
	t.deepEqual((await names()).sort(), ['far', 'second']);
});

test.serial('check finds what the operator would find, and who is reached from here', async (t) => {
	const text = await cli('clusters', 'check', loopback);
	t.is(text.exitCode, 1);
	t.regex(
		text.stdout,
		/^✔ far \(Remote\): Kubernetes v1\.3\d\.\d+; \d+ms; pods 10\.172\.0\.0\/24; Services 10\.72\.0\.0\/16$/m,
	);
	t.regex(
		text.stdout,
		/^✘ second \(Remote\)\n {4}KubeconfigNotFound: Secret meshwright-system\/y, key kubeconfig: not there, or the mesh may not read it/m,
	);
	t.regex(text.stdout, /^API SERVERS {3}home +far +second\nhere +ok \S+ +ok \S+ +unknown$/m);
	const data = await cli('clusters', 'check', loopback, '--cluster', 'far', '-o', 'json');
	t.is(data.exitCode, 0, data.stdout);
	const { clusters } = JSON.parse(data.stdout);
	t.is(clusters.length, 1);
	t.like(clusters[0], { name: 'far', problems: [], reach: { state: 'ok' } });
	const strict = await cli('clusters', 'check', '--cluster', 'far');
	t.is(strict.exitCode, 1);
	t.regex(strict.stdout, /KubeconfigUnsafe: .*loopback/);
	const none = await cli('clusters', 'check', '--cluster', 'nobody');
	t.is(none.exitCode, 2);
	t.regex(none.stderr, /lists no cluster nobody\n +do: choose one of: far, second/);
});

test.serial('a context for a probe that would be passed over is refused', async (t) => {
	const unknown = await cli('clusters', 'matrix', '--probe-context', 'fra=far');
	t.is(unknown.exitCode, 2);
	t.regex(unknown.stderr, /lists no cluster fra, for which --probe-context .*\n +do: choose one of: far, second/);
	const unused = await cli('clusters', 'check', '--probe-context', 'far=far');
	t.is(unused.exitCode, 2);
	t.regex(unused.stderr, /--probe-context is for probes/);
	t.is((await cli('clusters', 'check', '--probe-namespace', 'x')).exitCode, 2);
});

test.serial('what fails here is told as such, and as nothing of the clusters that were looked at', async (t) => {
	const mesh = wantedForChecks(await readClustersMesh(api, 'default'));
	const settings = { allowLoopback: true, allowProxies: false };
	// This API server says who it is and what it knows of the clusters, and then answers no more.
	const silent = new Proxy(api, {
		get: (target, field) => {
			if (field === 'version') return () => Promise.reject(new TransientError('the API server here is silent'));
			const value = Reflect.get(target, field);
			return typeof value === 'function' ? value.bind(target) : value;
		},
	});
	await t.throwsAsync(lookAtClusters({ api: silent, mesh, settings, only: 'far' }), {
		instanceOf: TransientError,
		message: 'the API server here is silent',
	});
});

test.serial('an API server that is away is told as such, in findings and matrix', async (t) => {
	await far.stopApiServer();
	try {
		const { exitCode, stdout } = await cli('clusters', 'check', loopback, '--cluster', 'far');
		t.is(exitCode, 1);
		t.regex(stdout, /Unreachable: the API server at 127\.0\.0\.1:\d+ does not answer/);
		t.regex(stdout, /^here +ok \S+ +refused$/m);
		t.regex(stdout, /^here does not reach the API server of far: refused$/m);
	} finally {
		await far.startApiServer();
	}
});

test.serial('list shows what the operator has said, with reasons below', async (t) => {
	const fresh = await cli('clusters', 'list');
	t.is(fresh.exitCode, 1);
	t.regex(fresh.stdout, /^far +Remote +unknown +no$/m);
	t.regex(fresh.stdout, /^far: the operator has not looked at it yet$/m);
	const lastTransitionTime = '2026-01-01T00:00:00Z';
	const ready = { type: 'Ready', status: 'False', reason: 'Joining', message: 'on its way', lastTransitionTime };
	const status = {
		observedGeneration: 1,
		clusters: [{ name: 'far', role: 'Remote', reachable: true, conditions: [ready] }],
	};
	await api.apply(
		{ ...installation, status },
		{ fieldManager: statusFieldManager, subresource: 'status', force: true },
	);
	const { stdout } = await cli('clusters', 'list', 'default');
	t.regex(stdout, /^far +Remote +yes +no$/m);
	t.regex(stdout, /^far: Joining: on its way$/m);
	const data = JSON.parse((await cli('clusters', 'list', '-o', 'json')).stdout);
	t.like(data[0], { mesh: 'default', name: 'far', ready: false, reasons: ['Joining: on its way'] });
	const none = { observedGeneration: 1 };
	await api.apply(
		{ ...installation, status: none },
		{ fieldManager: statusFieldManager, subresource: 'status', force: true },
	);
});

test.serial('every cluster is asked about all others; who can not be asked has a row with the reason', async (t) => {
	await there.create({
		apiVersion: 'v1',
		kind: 'ServiceAccount',
		metadata: { name: 'pilot', namespace: 'istio-system' },
	});
	const pod = {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name: 'pilot', namespace: 'istio-system' },
		spec: {
			serviceAccountName: 'pilot',
			// Nothing schedules the pod or removes it.
			schedulerName: 'nobody',
			containers: [{ name: 'discovery', image: 'pilot', ports: [{ containerPort: 15010 }] }],
		},
	};
	await there.create(pod);
	await there.patch(
		{ ...kinds.Pod, name: 'pilot', namespace: 'istio-system' },
		{
			status: {
				phase: 'Running',
				podIP: '10.172.0.9',
				podIPs: [{ ip: '10.172.0.9' }],
				conditions: [{ type: 'Ready', status: 'True' }],
			},
		},
		{ type: 'merge', subresource: 'status' },
	);
	const settings = { allowLoopback: true, allowProxies: false };
	const mesh = wantedForChecks(await readClustersMesh(api, 'default'));
	await using looking = await lookAtClusters({ api, mesh, settings });
	const { clusters } = looking;
	const asked = new Map<string, readonly ProbeTarget[]>();
	const start = matrixFromHere(mesh, clusters, 1);
	const choices = {
		probeImage: 'none',
		run: async (_: ApiServer, { cluster, targets }: ProbeOptions) => {
			asked.set(cluster, targets);
			if (cluster === 'far') throw new RequestError('no', { status: 403, reason: 'Forbidden' });
			return 'meshwright-probe/1 0 0 0.0 0.001 0.002\nmeshwright-probe/1 1 28 0.0 0.0 0.0\nmeshwright-probe/1 end 2\n';
		},
	};
	const { signal } = new AbortController();
	const matrix = await probeMatrix(start, mesh, clusters, api, settings, choices, signal);
	t.deepEqual(asked.get('home'), [
		{ kind: 'api', cluster: 'far', url: `${far.url}/version` },
		{ kind: 'pod', cluster: 'far', url: 'http://10.172.0.9:15010/' },
	]);
	t.deepEqual(asked.get('far'), [{ kind: 'api', cluster: 'home', url: `${home.url}/version` }]);
	t.false(asked.has('second'));
	const [fromHere, fromHome, fromFar, fromSecond] = matrix.rows;
	t.is(fromHere?.api.get('far')?.state, 'ok');
	t.deepEqual(fromHome?.api.get('far'), { state: 'ok', latencyMs: 1 });
	t.deepEqual(fromHome?.pod.get('far'), { state: 'timeout' });
	t.regex(fromFar?.api.get('home')?.detail ?? '', /--probe-context far=CONTEXT/);
	t.is(fromFar?.pod.get('home')?.detail, 'no ready pod with an address and a port was found in home');
	t.is(fromSecond?.api.get('home')?.detail, 'no probe runs in second: it is not reached from here');
});

test.serial('the matrix waits until the last probe has tidied up, though the first has failed', async (t) => {
	const settings = { allowLoopback: true, allowProxies: false };
	const mesh = wantedForChecks(await readClustersMesh(api, 'default'));
	await using looking = await lookAtClusters({ api, mesh, settings });
	const { clusters } = looking;
	const controller = new AbortController();
	const tidied = Promise.withResolvers<void>();
	let hasTidied = false;
	const run = async (_: ApiServer, { cluster }: ProbeOptions): Promise<string> => {
		if (cluster === 'home') {
			controller.abort(new Error('interrupted'));
		} else {
			await tidied.promise;
			hasTidied = true;
		}
		throw new Error('ended');
	};
	const choices = { probeImage: 'none', run };
	const start = matrixFromHere(mesh, clusters, 1);
	const matrix = probeMatrix(start, mesh, clusters, api, settings, choices, controller.signal);
	setTimeout(() => tidied.resolve(), 200);
	await t.throwsAsync(matrix, { message: 'interrupted' });
	t.true(hasTidied);
});

test.serial('Ctrl-C takes every probe away', async (t) => {
	// Controllers and kubelets of this machine run no pods, so a probe waits until it is ended.
	const launcher = resolve(import.meta.dirname, '../meshwright.js');
	const args = [launcher, 'clusters', 'matrix', loopback, '--kubeconfig', kubeconfig, '--probe-context', 'far=far'];
	const child = await startGuarded(process.execPath, args, { output: () => undefined });
	t.teardown(child.end);
	const jobs = async (client: ApiServer) => {
		const path = '/apis/batch/v1/namespaces/istio-system/jobs';
		return (await client.request<{ readonly items: readonly KubeObject[] }>({ method: 'GET', path })).body.items.length;
	};
	await eventually('both Jobs', async () => (await jobs(api)) === 1 && (await jobs(there)) === 1);
	child.signal('SIGINT');
	t.is(await exitCodeOf(child), 130);
	await eventually('no Job', async () => (await jobs(api)) + (await jobs(there)) === 0);
});

test.serial('leave says what to remove, and takes nothing away before the cluster has left', async (t) => {
	const said = await cli(...leaveFar);
	t.is(said.exitCode, 1);
	t.regex(said.stdout, /Remove the entry far from spec\.multiCluster\.clusters of MeshInstallation default/);
	t.regex(said.stdout, /It was written by `clusters join --apply`: run again with --apply/);
	// While this exists, the operator has something in the cluster.
	const { namespace, name } = recordReference('istio-system', 'far');
	await api.create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } });
	const leaving = await cli(...leaveFar, '--apply');
	t.is(leaving.exitCode, 1, leaving.stderr);
	t.regex(leaving.stderr, /MeshInstallation default lists far no more\nfar is leaving/);
	t.true(await exists(api, kubeconfigHere));
	const late = await cli(...leaveFar, '--wait', '--timeout', '1s');
	t.is(late.exitCode, 2);
	t.regex(late.stderr, /far has not left within 1 s/);
	t.true(await exists(api, kubeconfigHere));
});

test.serial('leave --wait goes on when it has left: account and kubeconfig go, what others made stays', async (t) => {
	const waiting = cli(...leaveFar, '--wait', '--join-context', 'far');
	await api.delete(recordReference('istio-system', 'far'));
	const { exitCode, stdout, stderr } = await waiting;
	t.is(exitCode, 0, stderr);
	t.regex(stdout, /far is no part of MeshInstallation default any more/);
	t.false(await exists(api, kubeconfigHere));
	for (const object of account()) t.is(await exists(there, object), object.kind === 'Namespace', objectKey(object));
	t.false(await exists(there, tokenSecret({ mesh: 'default', namespace: 'istio-system', localId })));
	const again = await cli(...leaveFar, '--join-context', 'far');
	t.is(again.exitCode, 0);
	t.regex(again.stderr, /nothing there was made by `clusters join` for mesh default of this cluster/);
});

test.serial('what others have made before is used and stays; an account that others use stays too', async (t) => {
	for (const object of account().filter(({ kind }) => kind !== 'Namespace')) {
		await there.apply(unmarked(object), { fieldManager: person });
	}
	const joined = await cli(...joinFar);
	t.is(joined.exitCode, 0, joined.stderr);
	t.regex(joined.stderr, /ServiceAccount meshwright-system\/meshwright-join is there, and is not ours/);
	const left = await cli(...leaveFar, '--join-context', 'far');
	t.is(left.exitCode, 0, left.stderr);
	for (const object of account()) t.true(await exists(there, object), objectKey(object));

	for (const object of account().filter(({ kind }) => kind !== 'Namespace')) await there.delete(referenceOf(object));
	t.is((await cli(...joinFar)).exitCode, 0);
	const other = tokenSecret({ mesh: 'other', namespace: 'istio-other', localId });
	await there.apply(other, { fieldManager: person });
	const kept = await cli(...leaveFar, '--join-context', 'far');
	t.regex(kept.stderr, /the account stays: another mesh has joined this cluster by it/);
	t.true(await exists(there, { ...kinds.ServiceAccount, ...joinAccount }));
	t.false(await exists(there, { ...kinds.ClusterRole, name: 'meshwright-join-base' }));
});

test.serial('a Secret that somebody else has made is not touched', async (t) => {
	const { namespace = '', name } = kubeconfigHere;
	await api.create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } });
	const { exitCode, stderr } = await cli(...joinFar);
	t.is(exitCode, 2);
	t.regex(stderr, /Secret meshwright-system\/far-kubeconfig is there already/);
	await cli(...leaveFar);
	t.true(await exists(api, kubeconfigHere));
	await api.delete(kubeconfigHere);
});

test.serial('a cluster that may not join is told why, and nothing is written here', async (t) => {
	const { exitCode, stdout, stderr } = await cli(...joinFar, '--pod-cidr', '10.171.5.0/24');
	t.is(exitCode, 1, stderr);
	t.is(stdout, '');
	t.regex(
		stderr,
		/✘ far \(Remote\).*\n {4}AddressesOverlap: pods of cluster far \(10\.171\.5\.0\/24\) share addresses/,
	);
	t.regex(stderr, /Nothing was written here/);
	t.false(await exists(api, kubeconfigHere));
});

test.serial('a mesh in another namespace joins with a data plane, by rights of its own', async (t) => {
	const spec = { version: '1.4.10', namespace: 'other-mesh', multiCluster: { podCIDRs: ['10.173.0.0/16'] } };
	await api.apply({ ...installation, metadata: { name: 'other' }, spec }, { fieldManager: person });
	const words = joinFar
		.filter((word) => word !== '--no-data-plane')
		.map((word) => (word === 'default' ? 'other' : word));
	const { exitCode, stdout, stderr } = await cli(...words, '--apply');
	t.is(exitCode, 0, stderr);
	t.deepEqual(parse(stdout), [
		{ name: 'far', kubeconfigSecret: { name: 'far-kubeconfig', namespace: 'meshwright-system' } },
	]);
	const own = accountObjects(accountParts('Remote', true, 'classic'), 'other-mesh');
	for (const object of own) t.true(await exists(there, object), objectKey(object));
	const check = await cli('clusters', 'check', 'other', loopback, '-o', 'json');
	t.is(check.exitCode, 0, check.stdout);
	const several = await cli('clusters', 'check', loopback);
	t.is(several.exitCode, 2);
	t.regex(several.stderr, /there are several MeshInstallations: default, other/);
	t.regex((await cli('clusters', 'list')).stdout, /^MESH +NAME .*\ndefault +second .*\nother +far /m);
});

test.serial(
	'a cluster of a mesh that was deleted can be left too; a name that was never one is told as such',
	async (t) => {
		await api.delete({ ...kinds.MeshInstallation, name: 'other' });
		const leave = (mesh: string) => cli('clusters', 'leave', 'far', '--mesh', mesh, '--join-context', 'far');
		const never = await leave('othre');
		t.is(never.exitCode, 2);
		t.regex(never.stderr, /there is no MeshInstallation othre/);
		t.true(await exists(api, kubeconfigHere));
		const { exitCode, stderr } = await leave('other');
		t.is(exitCode, 0, stderr);
		t.false(await exists(api, kubeconfigHere));
		t.false(await exists(there, { ...kinds.ClusterRole, name: 'meshwright-join-data-plane-other-mesh' }));
	},
);
