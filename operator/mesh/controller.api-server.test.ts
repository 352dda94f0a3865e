/** What the controller learns while it runs, on a real API server. */
import test from 'ava';
import { applyInstallation, readInstallation, untilCondition, untilInstalled } from '../../e2e/support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../../e2e/support/mesh-cluster.ts';
import { noClusters } from '../../e2e/support/no-clusters.ts';
import { ApiServer } from '../runtime/client/api-server.ts';
import { loadKubeconfig } from '../runtime/credentials/credentials.ts';
import { createLogger } from '../runtime/log/logger.ts';
import { MeshController } from './controller.ts';

let mesh: MeshCluster;

test.before(async () => {
	mesh = await startMeshCluster();
});
test.after.always(async () => {
	await mesh?.stop();
});

test('Kubernetes that was too old and is upgraded is found new enough without a restart', async (t) => {
	let gitVersion = 'v1.10.0';
	class Dated extends ApiServer {
		override async version() {
			return { ...(await super.version()), gitVersion };
		}
	}
	await using api = new Dated(await loadKubeconfig({ path: mesh.kubeconfig }));
	const log = createLogger({ level: 'error' });
	const controller = new MeshController({ api, log, clusters: noClusters, resyncMs: 300 });
	await controller.start();
	controller.lead();
	try {
		await applyInstallation(mesh.api, 'mesh');
		const { message } = await untilCondition(mesh.api, 'mesh', 'Compatible', 'False', 'KubernetesTooOld');
		t.regex(message, /this cluster is v1\.10\.0/);
		gitVersion = (await mesh.api.version()).gitVersion;
		await untilInstalled(mesh.api, 'mesh');
		const { status } = await readInstallation(mesh.api, 'mesh');
		t.is(status?.conditions?.find(({ type }) => type === 'Compatible')?.status, 'True');
	} finally {
		await controller.stop(5_000);
	}
});
