/** A cluster joins, stays joined through everything that somebody does to it, and leaves without a trace. */
import test from 'ava';
import { parse } from 'yaml';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { RequestError } from '../../operator/runtime/errors.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { applyInstallation, untilInstalled } from '../support/installation.ts';
import {
	administratorOf,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	readRemoteSecret,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	untilLeft,
} from '../support/joined.ts';
import type { MeshCluster } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	[home, other] = (await startMeshClusters({ name: 'home' }, { name: 'other', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	operator = await startJoiningOperator(home);
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), other?.stop()]);
});

test.serial('a cluster joins: the Secret has a token that reads what Pilot reads, and nothing else', async (t) => {
	await giveKubeconfig(home.api, 'eu', flatKubeconfig(administratorOf(other.cluster)));
	await applyInstallation(home.api, 'mesh', multiCluster([entry('eu', 1)]));
	await untilInstalled(home.api, 'mesh');
	await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
	const secret = await readRemoteSecret(home.api, 'istio-system', 'eu');
	t.is(secret.metadata.labels?.['istio/multiCluster'], 'true');
	t.is(secret.metadata.annotations?.['networking.istio.io/cluster'], 'eu');
	t.deepEqual(Object.keys(secret.data ?? {}), ['eu']);
	const config = parse(Buffer.from(secret.data?.eu ?? '', 'base64').toString());
	const { token } = config.users[0].user;
	await using reader = new ApiServer({ url: config.clusters[0].cluster.server, ca: other.cluster.ca, token });
	for (const kind of [kinds.Service, kinds.Endpoints, kinds.Pod, kinds.Node]) await reader.list(kind);
	await t.throwsAsync(reader.list(kinds.Secret), { instanceOf: RequestError });
	await t.throwsAsync(
		reader.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'x' } }),
		{ instanceOf: RequestError },
	);
});

test.serial('it leaves', async (t) => {
	await applyInstallation(home.api, 'mesh', multiCluster([]));
	await untilLeft(home.api, 'mesh', 'eu', 'istio-system');
	const { items } = await other.api.list(kinds.ServiceAccount, { namespace: 'istio-system' });
	t.deepEqual(items, []);
});
