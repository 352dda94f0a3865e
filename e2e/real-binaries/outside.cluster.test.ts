/**
 * Istio's own Pilot and Mixer run in one cluster and serve another (`spec.pilot.kubeconfigSecret`), which has nothing but
 * what is rendered for it. Runs where `MESHWRIGHT_ISTIO` names a folder, as `real-binaries.api-server.test.ts` says.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { renderedForServed, renderedObjects } from '../support/installation.ts';
import { flatKubeconfig, startMeshClusters } from '../support/joined.ts';
import { type MeshCluster, userOf } from '../support/mesh-cluster.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';
import { complaintsIn, excerpt, startComponent } from './component-process.ts';
import { applyAll, processes } from './processes.ts';
import { testWithBinaries } from './test-with-binaries.ts';
import { work } from './work.ts';

const namespace = 'istio-outside';
const account = { namespace, name: 'istio-pilot-service-account' };
/** Each is watched this long after it has done its work. */
const watchedMs = 3_000;

for (const release of classicReleases) {
	const { version } = release;
	const title = `${version}: Pilot and Mixer serve a cluster from outside, with nothing but what is rendered for it`;
	testWithBinaries(version, title, async (t) => {
		const clusters = await startMeshClusters({ name: 'home', crd: false }, { name: 'served', crd: false });
		const [home, served] = clusters as [MeshCluster, MeshCluster];
		await using started = new AsyncDisposableStack();
		for (const cluster of clusters) started.use(cluster);
		const spec = {
			version,
			namespace,
			mixer: { policy: { enabled: true }, telemetry: { enabled: true } },
			pilot: { kubeconfigSecret: { name: 'served' } },
		};
		await applyAll(served.api, renderedForServed('outside', spec));
		const objects = renderedObjects('outside', spec);
		await applyAll(home.api, objects);
		await giveKubeconfig(home, served);

		for (const [index, { deployment, name, binary, flags }] of processes(objects, release).entries()) {
			await using component = await startComponent(binary, flags, home, deployment);
			const users = `shop-${index}`;
			await served.api.create({ ...kinds.Namespace, metadata: { name: users } });
			await work[name]({ api: served.api, namespace, users }).catch((cause: unknown) => {
				throw new Error(`${deployment.metadata.name}: ${excerpt(component.lines)}`, { cause });
			});
			await sleep(watchedMs);
			const what = `${deployment.metadata.name}: ${excerpt(component.lines)}`;
			t.false(component.hasExited(), what);
			t.deepEqual(complaintsIn(component.lines), [], what);
		}
		const asked = await requestsOf(served.cluster, userOf(account));
		t.true(asked.length > 0);
		t.deepEqual(forbiddenIn(asked), []);
		t.deepEqual(
			(await home.cluster.auditEvents()).filter(({ user }) => user.username.includes(`:${namespace}:`)),
			[],
			'nothing is read where they run',
		);
	});
}

async function giveKubeconfig(home: MeshCluster, { cluster: { url, ca, request } }: MeshCluster): Promise<void> {
	const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account.name}/token`;
	const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
	const { status } = (await request({ method: 'POST', path, body })) as { readonly status: { readonly token: string } };
	const kubeconfig = flatKubeconfig({ url, ca, token: status.token });
	const metadata = { namespace, name: 'served' };
	await home.api.create({ ...kinds.Secret, metadata, stringData: { kubeconfig } } as KubeObject);
}
