/** A cluster joins and leaves by the command line alone, under a working operator. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { managedSelector } from '../../operator/apply/identity.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { type CommandResult, meshwright } from '../support/cli.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { applyInstallation } from '../support/installation.ts';
import { multiCluster, startJoiningOperator, untilCluster, useRemoteSecret } from '../support/joined.ts';
import { type MeshCluster, startMeshCluster } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';

const loopback = '--allow-loopback-clusters';
let home: MeshCluster;
let far: Cluster;
let there: ApiServer;
let operator: RunningOperator;
let folder: string;
let kubeconfig: string;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-command-line-'));
	[home, far] = await Promise.all([
		startMeshCluster({ name: 'home' }),
		startCluster({ name: 'far', parts: 'all', nodes: 1, serviceCIDR: '10.82.0.0/16', podCIDR: '10.182.0.0/16' }),
	]);
	there = new ApiServer({ url: far.url, ca: far.ca, token: far.adminToken });
	operator = await startJoiningOperator(home);
	const all = [home.cluster, far];
	kubeconfig = join(folder, 'kubeconfig');
	const config = {
		'current-context': 'home',
		clusters: all.map(({ name, url, ca }) => ({
			name,
			cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
		})),
		users: all.map(({ name, adminToken }) => ({ name, user: { token: adminToken } })),
		contexts: all.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
	};
	await writeFile(kubeconfig, JSON.stringify(config));
	await applyInstallation(home.api, 'default', multiCluster([]));
});
test.after.always(async () => {
	await operator?.stop();
	await there?.close();
	await Promise.all([home?.stop(), far?.stop()]);
	await rm(folder, { recursive: true, force: true });
});

function cli(...args: readonly string[]): Promise<CommandResult> {
	return meshwright([...args, '--kubeconfig', kubeconfig]);
}

/** Whatever the operator or the command line has made there, but for namespaces. */
async function leftThere(): Promise<readonly string[]> {
	const all = [
		kinds.ServiceAccount,
		kinds.ClusterRole,
		kinds.ClusterRoleBinding,
		kinds.Role,
		kinds.RoleBinding,
		kinds.Secret,
	];
	const selectors = [managedSelector, 'app.kubernetes.io/managed-by=meshwright-cli'];
	const lists = await Promise.all(
		all.flatMap((kind) => selectors.map((labelSelector) => there.list<KubeObject>(kind, { labelSelector }))),
	);
	return lists.flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
}

test.serial('join --apply is all that it takes', async (t) => {
	const words = ['clusters', 'join', 'far', '--mesh', 'default', '--join-context', 'far', '--no-data-plane'];
	const { exitCode, stderr } = await cli(...words, '--apply', loopback);
	t.is(exitCode, 0, stderr);
	const status = await cli('clusters', 'status', 'default', '--wait', '2m');
	t.is(status.exitCode, 0, status.stdout + status.stderr);
	t.regex(status.stdout, /^far .* yes +yes /m);
	await useRemoteSecret(home.api, 'istio-system', 'far');
	const list = await cli('clusters', 'list');
	t.is(list.exitCode, 0, list.stdout);
	t.regex(list.stdout, /^far +Remote +istio-system\/istio-remote-secret-far +yes +yes +(29d\d*h?|30d) +v1\.\d+\.\d+$/m);
	const check = await cli('clusters', 'check', loopback);
	t.is(check.exitCode, 0, check.stdout);
});

test.serial('the user’s own entries stay, and what is joined stays, when the user applies anew', async (t) => {
	await applyInstallation(home.api, 'default', multiCluster([]));
	await untilCluster(home.api, 'default', 'far', 'Ready', 'True');
	t.regex((await cli('clusters', 'list')).stdout, /^far /m);
});

test.serial('leave --apply --wait leaves nothing behind', async (t) => {
	const words = ['clusters', 'leave', 'far', '--mesh', 'default', '--join-context', 'far'];
	const { exitCode, stdout, stderr } = await cli(...words, '--apply', '--wait', '--timeout', '150s');
	t.is(exitCode, 0, stderr);
	t.regex(stdout, /far is no part of MeshInstallation default any more/);
	await eventually('nothing is left there', async () => (await leftThere()).length === 0);
	for (const [namespace, name] of [
		['meshwright-system', 'far-kubeconfig'],
		['istio-system', 'istio-remote-secret-far'],
	] as const) {
		t.is(await orAbsent(home.api.getMetadata({ ...kinds.Secret, namespace, name })), undefined);
	}
});
