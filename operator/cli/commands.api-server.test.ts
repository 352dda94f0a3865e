/** The commands that speak to a cluster, on a real API server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { startGuarded } from '../../e2e/control-plane/guard.ts';
import { type CommandResult, meshwright } from '../../e2e/support/cli.ts';
import { eventually } from '../../e2e/support/eventually.ts';
import { exitCodeOf } from '../../e2e/support/exit-code.ts';
import { renderedObjects } from '../../e2e/support/installation.ts';
import { statusFieldManager } from '../apply/identity.ts';
import { waveOf, waves } from '../apply/waves.ts';
import { lines } from '../lines/index.ts';
import { findWrongObjects } from '../mesh/user-objects.ts';
import { ApiServer } from '../runtime/client/api-server.ts';
import { isNotFound } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { manifests, meshNamespaces } from './manifests.ts';

let cluster: Cluster;
let api: ApiServer;
let folder: string;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-cli-'));
	cluster = await startCluster({ name: 'cli' });
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
});
test.after.always(async () => {
	await api?.close();
	await cluster?.stop();
	await rm(folder, { recursive: true, force: true });
});

function cli(...args: readonly string[]): Promise<CommandResult> {
	return meshwright([...args, '--kubeconfig', cluster.adminKubeconfig()]);
}

async function meshFile(name: string, spec: object): Promise<string> {
	const path = join(folder, `${name}.json`);
	const object = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name }, spec };
	await writeFile(path, JSON.stringify(object));
	return path;
}

/** Writes what the operator would write, as its field manager. */
async function applyRendered(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
	for (const object of waves(renderedObjects(name, spec), waveOf).flat()) {
		await api.apply(object, { fieldManager: 'meshwright', force: true });
	}
}

async function diffData(
	file: string,
): Promise<{ readonly exitCode: number; readonly changes: readonly Record<string, string>[] }> {
	const { exitCode, stdout, stderr } = await cli('diff', '-f', file, '-o', 'json');
	if (exitCode > 1) {
		throw new Error(stderr);
	}
	return { exitCode, changes: JSON.parse(stdout) };
}

async function exists(object: KubeObject): Promise<boolean> {
	try {
		await api.get(referenceOf(object));
		return true;
	} catch (error) {
		if (isNotFound(error)) {
			return false;
		}
		throw error;
	}
}

test.serial('status without the CRD says to run install', async (t) => {
	const { exitCode, stderr } = await cli('status');
	t.is(exitCode, 2);
	t.regex(stderr, /do: MeshInstallation is not known to this cluster yet: run `meshwright install`/);
});

test.serial('diff works before anything is there: everything would be created, and nothing is', async (t) => {
	const file = await meshFile('early', { version: '1.4.10', namespace: 'early' });
	const { exitCode, changes } = await diffData(file);
	t.is(exitCode, 1);
	t.deepEqual(
		changes.map(({ change }) => change),
		renderedObjects('early', { namespace: 'early' }).map(() => 'create'),
	);
	for (const object of renderedObjects('early', { namespace: 'early' })) {
		t.false(await exists(object), objectKey(object));
	}
});

test.serial('install --dry-run checks everything and stores nothing', async (t) => {
	const { exitCode, stdout, stderr } = await cli('install', '--dry-run');
	t.is(exitCode, 0, stderr);
	t.is(stdout.match(/: to be created \(dry run\)/g)?.length, manifests().length + meshNamespaces().length);
	for (const object of manifests()) {
		t.false(await exists(object), objectKey(object));
	}
});

test.serial('install stores the CRD and the operator, and a second one changes nothing', async (t) => {
	const first = await cli('install');
	t.is(first.exitCode, 0, first.stderr);
	t.is(first.stdout.match(/: created$/gm)?.length, manifests().length + meshNamespaces().length);
	const crd = await api.get({ ...kinds.CustomResourceDefinition, name: 'meshinstallations.meshwright.io' });
	const { conditions } = crd.status as { conditions: { type: string; status: string }[] };
	t.is(conditions.find(({ type }) => type === 'Established')?.status, 'True');

	const second = await cli('install');
	t.is(second.stdout.match(/: unchanged$/gm)?.length, manifests().length + meshNamespaces().length);
});

test.serial(
	'install gives rights in more namespaces, leaves the operator as it is, and tells of a namespace that takes any pod',
	async (t) => {
		await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'open' } });
		const given = ['install', '--rights-only', '--mesh-namespaces', 'open,team-b', '--with', 'citadel'];
		const { exitCode, stdout, stderr } = await cli(...given);
		t.is(exitCode, 0, stderr);
		t.regex(stdout, /Namespace open: unchanged/);
		t.regex(stderr, /kubectl label namespace open pod-security\.kubernetes\.io\/enforce=baseline/);
		t.notRegex(stderr, /team-b/);
		t.notRegex(stdout, /Deployment|CustomResourceDefinition/);
		const { metadata } = await api.get({ ...kinds.Namespace, name: 'team-b' });
		t.is(metadata.labels?.['pod-security.kubernetes.io/enforce'], 'baseline');
		const nodes = ['install', '--rights-only', '--mesh-namespaces', 'open,team-b,team-n', '--with', 'istiod,nodes'];
		const withNodes = await cli(...nodes);
		t.is(withNodes.exitCode, 0, withNodes.stderr);
		t.regex(withNodes.stderr, /team-b refuses pods that change their nodes .*enforce=privileged/);
		t.notRegex(withNodes.stderr, /namespace open|team-n/);
		const made = await api.get({ ...kinds.Namespace, name: 'team-n' });
		t.is(made.metadata.labels?.['pod-security.kubernetes.io/enforce'], 'privileged');
		for (const namespace of ['open', 'team-b']) await api.get({ ...kinds.Role, namespace, name: 'meshwright-citadel' });
		await api.get({ ...kinds.ClusterRole, name: 'meshwright-citadel-team-b' });
		const again = await cli(...given);
		t.notRegex(again.stdout, /created|changed\b(?<!unchanged)/);
		const wrong = await cli('install', '--with', 'everything');
		t.is(wrong.exitCode, 2);
		t.regex(wrong.stderr, /citadel, clusters, restarts/);
	},
);

test.serial('install takes an image and a namespace', async (t) => {
	const { exitCode, stdout } = await cli(
		'install',
		'--dry-run',
		'-o',
		'yaml',
		'--image',
		'mirror/m:1',
		'--namespace',
		'ops',
	);
	t.is(exitCode, 0);
	const objects = parseAllDocuments(stdout).map((document) => document.toJS() as KubeObject);
	t.false(JSON.stringify(objects).includes('meshwright-system'));
	t.true(JSON.stringify(objects).includes('"image":"mirror/m:1"'));
	t.is(objects.length, manifests().length);
});

test.serial('install leaves fields to those who hold them, unless it is told to take them', async (t) => {
	const [deployment] = manifests().filter(({ kind }) => kind === 'Deployment');
	if (deployment === undefined) {
		throw new Error('no Deployment');
	}
	const { apiVersion, kind, metadata } = deployment;
	const other = {
		apiVersion,
		kind,
		metadata: { name: metadata.name, namespace: metadata.namespace ?? '' },
		spec: { replicas: 5 },
	};
	await api.apply(other, { fieldManager: 'argocd', force: true });
	const refused = await cli('install');
	t.is(refused.exitCode, 2);
	t.regex(refused.stderr, /conflict with "argocd"/);
	t.regex(refused.stderr, /do: another manager owns these fields: take them with --force-conflicts/);
	const forced = await cli('install', '--force-conflicts');
	t.is(forced.exitCode, 0, forced.stderr);
	t.regex(forced.stdout, /Deployment meshwright-system\/meshwright: changed/);
});

test.serial('install --wait gives up in time and tells where to look', async (t) => {
	// Nothing runs pods here, so the operator never becomes available.
	const { exitCode, stderr } = await cli('install', '--wait', '--timeout', '1s');
	t.is(exitCode, 2);
	t.regex(stderr, /Deployment meshwright-system\/meshwright is not Available in time/);
	t.regex(stderr, /do: look at its pods: kubectl -n meshwright-system describe pods/);
});

test.serial(
	'diff after the operator’s own writes finds nothing; after a foreign write it shows that and nothing else',
	async (t) => {
		const spec = { version: '1.4.10', namespace: 'd1' };
		const file = await meshFile('d1', spec);
		await applyRendered('d1', spec);
		const clean = await cli('diff', '-f', file);
		t.is(clean.exitCode, 0, clean.stdout + clean.stderr);
		t.is(clean.stdout, 'Nothing would change.\n');

		const namespace = 'd1';
		await api.patch(
			{ ...kinds.Deployment, namespace, name: 'istio-pilot' },
			{ spec: { replicas: 7 }, metadata: { labels: { mine: 'stays' } } },
			{ type: 'merge', fieldManager: 'someone' },
		);
		await api.delete({ ...kinds.Service, namespace, name: 'istio-pilot' });
		const { exitCode, stdout } = await cli('diff', '-f', file);
		t.is(exitCode, 1);
		t.regex(stdout, /^~ Deployment d1\/istio-pilot would change\n--- live\n\+\+\+ wanted\n@@ .* @@\n/m);
		t.deepEqual(
			stdout.split('\n').filter((line) => /^[-+] {2}/.test(line)),
			['-  replicas: 7', '+  replicas: 1'],
		);
		t.regex(stdout, /^\+ Service d1\/istio-pilot would be created$/m);
		t.regex(stdout, /^1 to create, 1 to change, 0 to delete, 0 refused$/m);
		t.notRegex(stdout, /\[3/, 'no colours in a pipe');
	},
);

test.serial('diff shows what would be deleted, and objects that the operator would not touch', async (t) => {
	const spec = { version: '1.4.10', namespace: 'd2' };
	await applyRendered('d2', { ...spec, pilot: { replicas: 2, disruptionBudget: { maxUnavailable: 1 } } });
	await api.delete({ ...kinds.ConfigMap, namespace: 'd2', name: 'istio' });
	await api.create(
		{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'd2', name: 'istio' }, data: { mesh: '' } },
		{ fieldManager: 'helm' },
	);
	const { exitCode, changes } = await diffData(await meshFile('d2', spec));
	t.is(exitCode, 1);
	const of = (kind: string) => changes.find((change) => change.kind === kind);
	t.is(of('PodDisruptionBudget')?.change, 'delete');
	t.is(of('Deployment')?.change, 'update');
	t.is(of('ConfigMap')?.change, 'refuse');
	t.regex(of('ConfigMap')?.because ?? '', /belongs to helm.*meshwright\.io\/adopt/);
	t.is(changes.length, 3);
});

test.serial('diff leaves the replicas to an autoscaler, and the CRDs of a newer release as they are', async (t) => {
	const spec = { version: '1.0.9', namespace: 'd3', pilot: { autoscaling: { minReplicas: 1, maxReplicas: 5 } } };
	await applyRendered('d3', spec);
	await api.patch(
		{ ...kinds.Deployment, namespace: 'd3', name: 'istio-pilot' },
		{ spec: { replicas: 4 } },
		{ type: 'merge' },
	);
	await applyRendered('d3-newer', { version: '1.4.10', namespace: 'd3-newer' });
	const { exitCode, changes } = await diffData(await meshFile('d3', spec));
	t.is(exitCode, 0, JSON.stringify(changes));
	t.true(changes.length > 0);
	t.true(changes.every(({ change, kind }) => change === 'kept' && kind === 'CustomResourceDefinition'));
});

test.serial('who may not is told so, with what to do', async (t) => {
	await api.apply(
		{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nobody', namespace: 'default' } },
		{ fieldManager: 'test' },
	);
	const kubeconfig = await cluster.kubeconfigFor({ namespace: 'default', name: 'nobody' });
	for (const args of [['status'], ['install'], ['diff', '-f', await meshFile('nobody', { version: '1.4.10' })]]) {
		const { exitCode, stderr } = await meshwright([...args, '--kubeconfig', kubeconfig]);
		t.is(exitCode, 2, args.join(' '));
		t.regex(stderr, /403 Forbidden/);
		t.regex(stderr, /do: ask the cluster’s administrator/);
	}
});

test.serial(
	'check makes a line unknown for whom may not look, names the right, and fails only where something is wrong',
	async (t) => {
		const kubeconfig = await cluster.kubeconfigFor({ namespace: 'default', name: 'nobody' });
		const { exitCode, stdout, stderr } = await meshwright(['check', '--kubeconfig', kubeconfig]);
		t.is(exitCode, 1, stderr);
		t.regex(stdout, /^ {2}✔ the API server answers: Kubernetes v1\.\d+/m);
		t.regex(stdout, /^ {2}✔ its clock and the one here agree$/m);
		t.regex(
			stdout,
			/^ {2}\? you may see what is looked at: you may not list meshinstallations\.meshwright\.io, get custom/m,
		);
		t.regex(stdout, /^ {2}\? MeshInstallation is defined.*: you may not get customresourcedefinitions/m);
		t.regex(stdout, /^ {2}\? the operator runs .*: you may not get deployments\.apps in namespace meshwright-system$/m);
		t.regex(stdout, /^ {6}see docs\/check\.md#operator-runs$/m);
		t.regex(stdout, /^Of \d sentences 0 are not true, \d are not known\.$/m);
		t.notRegex(stdout, /✘/);
	},
);

test.serial('check says what is wrong with an operator that does not run, and --wait ends in time', async (t) => {
	const { exitCode, stdout, stderr } = await cli('check', '--wait', '10s', '-o', 'json');
	t.is(exitCode, 1, stderr);
	const { ok, groups } = JSON.parse(stdout);
	t.false(ok);
	const checks: Record<string, string>[] = groups.flatMap(({ checks: all }: { checks: object[] }) => all);
	const stateOf = (name: string) => checks.find((check) => check.name === name)?.state;
	t.deepEqual(['api-server', 'user-rights', 'own-definition', 'operator-runs', 'operator-leads'].map(stateOf), [
		'ok',
		'ok',
		'ok',
		'failed',
		'failed',
	]);
	// Each line is written once, though it is looked at every second.
	t.is(stderr.match(/^waiting: ✘ operator: the operator runs/gm)?.length, 1, stderr);
	t.is((await cli('check', 'nothing')).exitCode, 2);
});

async function makeInstallation(name: string, ready: boolean, notReady = 'still at it'): Promise<void> {
	const object = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name } };
	const stored = await api.apply({ ...object, spec: { version: '1.4.10', namespace: name } }, { fieldManager: 'test' });
	const condition = {
		type: 'Ready',
		status: ready ? 'True' : 'False',
		reason: ready ? 'Ready' : 'NotYet',
		message: ready ? 'the mesh runs' : notReady,
		lastTransitionTime: '2026-01-01T00:00:00Z',
	};
	const status = {
		observedGeneration: stored.object.metadata.generation,
		phase: ready ? 'Ready' : 'Installing',
		conditions: [condition],
	};
	await api.apply({ ...object, status }, { fieldManager: statusFieldManager, subresource: 'status', force: true });
}

test.serial('status shows conditions and objects, and its exit code says whether all are ready', async (t) => {
	await applyRendered('s1', { version: '1.4.10', namespace: 's1' });
	await makeInstallation('s1', true);
	const ready = await cli('status', 's1');
	t.is(ready.exitCode, 0, ready.stderr);
	t.regex(ready.stdout, /^s1: Istio 1\.4\.10, profile minimal, namespace s1: Ready/);
	t.regex(ready.stdout, /✔ Ready {3}True {3}Ready {3}\S+ {3}the mesh runs/);
	t.regex(ready.stdout, /namespace s1\n {2}├─ ConfigMap\/istio\n {2}├─ Deployment\/istio-pilot/);

	await makeInstallation('s2', false);
	const all = await cli('status');
	t.is(all.exitCode, 1);
	t.regex(all.stdout, /^s2: .*: Installing$/m);
	const data = await cli('status', '-o', 'json');
	t.deepEqual(
		JSON.parse(data.stdout).items.map(({ metadata }: KubeObject) => metadata.name),
		['s1', 's2'],
	);
	const none = await cli('status', 's3');
	t.is(none.exitCode, 2);
	t.regex(none.stderr, /there is no MeshInstallation s3\n +do: choose one of: s1, s2/);
});

test.serial('whatever stands in a status, a terminal obeys nothing of it, and it forges no line', async (t) => {
	const attack = '\u001b[2J\u009b2J\u202e\u200b\u2028\u0007\n✔ Ready   True   Ready   1s   the mesh runs';
	await makeInstallation('a1', false, attack);
	t.teardown(() => api.delete({ ...kinds.MeshInstallation, name: 'a1' }));
	for (const args of [
		['status', 'a1'],
		['status', 'a1', '-o', 'yaml'],
		['status', 'a1', '-o', 'json'],
		['clusters', 'list', 'a1'],
	]) {
		const { stdout, stderr } = await cli(...args);
		t.notRegex(`${stdout}${stderr}`, /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, args.join(' '));
		t.notRegex(stdout, /^\s*✔/m, args.join(' '));
	}
	const { stdout } = await cli('status', 'a1', '-o', 'json');
	t.is(JSON.parse(stdout).status.conditions[0].message, attack);
});

test.serial('status --watch shows each change and ends by Ctrl-C', async (t) => {
	await makeInstallation('w1', false);
	const launcher = resolve(import.meta.dirname, 'meshwright.js');
	let output = '';
	const child = await startGuarded(
		process.execPath,
		[launcher, 'status', 'w1', '--watch', '--kubeconfig', cluster.adminKubeconfig()],
		{
			output: (line) => {
				output += `${line}\n`;
			},
		},
	);
	t.teardown(child.end);
	await eventually('the first state', () => output.includes('✘ Ready=False NotYet: still at it'));
	await makeInstallation('w1', true);
	await eventually('the change', () => output.includes('✔ Ready=True Ready: the mesh runs'));
	await api.delete({ ...kinds.MeshInstallation, name: 'w1' });
	await eventually('the end', () => output.includes('w1 is gone'));
	child.signal('SIGINT');
	t.is(await exitCodeOf(child), 130);
});

test.serial('validate reads the objects of the cluster, for the release that is named', async (t) => {
	const plural = 'virtualservices';
	const group = 'networking.istio.io';
	const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
	const crd = {
		...kindOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition'),
		metadata: { name: `${plural}.${group}` },
		spec: {
			group,
			scope: 'Namespaced',
			names: { kind: 'VirtualService', plural, singular: 'virtualservice', listKind: 'VirtualServiceList' },
			versions: [{ name: 'v1alpha3', served: true, storage: true, schema }],
		},
	};
	// The tests before may have left the release's own, which refuses what is wrong here.
	await api.apply(crd, { fieldManager: 'test', force: true });
	t.teardown(() => api.delete(referenceOf(crd)));
	const path = `/apis/${group}/v1alpha3/namespaces/default/${plural}`;
	const body = {
		...kindOf(`${group}/v1alpha3`, 'VirtualService'),
		metadata: { name: 'web' },
		spec: { hosts: ['web'], htp: [] },
	};
	await eventually('the definition is served', async () => {
		try {
			await api.request({ method: 'POST', path, body });
			return true;
		} catch (error) {
			if (isNotFound(error)) return false;
			throw error;
		}
	});
	const { exitCode, stdout, stderr } = await cli('validate', '--version', '1.4.10');
	t.is(exitCode, 1, stderr);
	t.regex(stdout, /^the cluster: VirtualService default\/web: spec\.htp is no field of VirtualService: write http/);
	// The operator finds it too, in pages, while most other kinds have no definition here.
	const [release] = lines.releases.filter(({ version }) => version === '1.4.10');
	t.deepEqual(release && (await findWrongObjects(api, lines, release, AbortSignal.timeout(20_000))), {
		count: 1,
		names: ['VirtualService default/web'],
	});
	const other = await cli('validate', '--version', '1.4.10', '-n', 'kube-system');
	t.is(other.exitCode, 0, other.stderr);
});

function kindOf(apiVersion: string, kind: string): { readonly apiVersion: string; readonly kind: string } {
	return { apiVersion, kind };
}
