/** While writing is paused the status stays true: what waits is no difference, and a failed rendering is told. */
import test from 'ava';
import { ownInjectorSecret } from '../operator/render/classic/injector-names.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { kubeconfigThrough } from './support/crash-kubeconfig.ts';
import { eventually } from './support/eventually.ts';
import { applyInstallation, deleteInstallation, readInstallation, untilSaid } from './support/installation.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { startOperator } from './support/operator.ts';

let mesh: MeshCluster;
let proxy: FaultProxy;
let stopOperator: () => Promise<void> = () => Promise.resolve();

test.before(async () => {
	mesh = await startMeshCluster();
	proxy = await startFaultProxy(mesh.cluster);
	const kubeconfig = await kubeconfigThrough(proxy, mesh.cluster, mesh.kubeconfig);
	stopOperator = (await startOperator(mesh, { kubeconfig })).stop;
});
test.after.always(async () => {
	await stopOperator();
	await proxy?.stop();
	await mesh?.stop();
});

async function untilPaused(name: string): Promise<void> {
	await eventually(
		`${name} is paused`,
		async () => (await readInstallation(mesh.api, name)).status?.phase === 'Paused',
	);
}

test('what a gate holds is not counted as differing', async (t) => {
	const { api } = mesh;
	const spec = { namespace: 'istio-gated', sidecarInjector: { enabled: true } };
	await applyInstallation(api, 'gated', spec);
	// No pod ever starts here, so the webhook waits for its injector for ever.
	await untilSaid(api, 'gated', 'Installed', 'waiting for the sidecar injector to be ready');
	await applyInstallation(api, 'gated', { ...spec, paused: true });
	await untilPaused('gated');
	const message = await untilSaid(api, 'gated', 'Installed', 'writing is paused');
	t.is(message, 'all objects are as rendered; writing is paused');
	await deleteInstallation(api, 'gated');
});

test('a mesh that can not be rendered while it is paused says so, and takes it back', async (t) => {
	const { api } = mesh;
	const path = new RegExp(`/namespaces/istio-unread/secrets/${ownInjectorSecret}$`);
	const body = JSON.stringify({
		kind: 'Status',
		apiVersion: 'v1',
		status: 'Failure',
		reason: 'InternalError',
		code: 500,
		message: 'injected 500',
	});
	proxy.script({ method: 'GET', path, watch: false }, { type: 'answer', status: 500, body });
	const spec = { namespace: 'istio-unread', sidecarInjector: { enabled: true }, paused: true };
	await applyInstallation(api, 'unread', spec);
	t.regex(await untilSaid(api, 'unread', 'Installed', '500 InternalError'), /Secret istio-unread/);
	t.true(proxy.requests.some((request) => path.test(request.path)));
	proxy.reset();
	await untilSaid(api, 'unread', 'Installed', 'objects differ from what was rendered; writing is paused');
	await deleteInstallation(api, 'unread');
});
