/** While writing is paused the status stays true: what waits is no difference, and a failed rendering is told. */
import test from 'ava';
import { ownInjectorSecret } from '../operator/render/classic/injector-names.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { kubeconfigThrough } from './support/crash-kubeconfig.ts';
import { eventually } from './support/eventually.ts';
import { applyInstallation, deleteInstallation, readInstallation, untilSaid } from './support/installation.ts';
import { linesUnderTest } from './support/lines-under-test.ts';
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

/** Who has to be ready before the webhook comes. No pod ever starts here, so it waits for ever. */
const answering: Readonly<Record<string, string>> = { classic: 'the sidecar injector', istiod: 'istiod' };

for (const { line, version } of linesUnderTest)
	test(`what a gate holds is not counted as differing: ${line}`, async (t) => {
		const { api } = mesh;
		const name = `gated-${line}`;
		const spec = { version, namespace: `istio-${name}`, sidecarInjector: { enabled: true } };
		await applyInstallation(api, name, spec);
		await untilSaid(api, name, 'Installed', `waiting for ${answering[line]} to be ready`);
		await applyInstallation(api, name, { ...spec, paused: true });
		await untilPaused(name);
		const message = await untilSaid(api, name, 'Installed', 'writing is paused');
		t.is(message, 'all objects are as rendered; writing is paused');
		await deleteInstallation(api, name);
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
