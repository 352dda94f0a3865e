/** A start survives what a run survives, and tells on `/readyz` what it waits for. */
import test, { type ExecutionContext } from 'ava';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from './fault-proxy.ts';
import { kubeconfigThrough } from './support/crash-kubeconfig.ts';
import { startOperatorProcess } from './support/crash-operator.ts';
import { eventually } from './support/eventually.ts';
import { applyInstallation, deleteInstallation, untilInstalled, untilSaid } from './support/installation.ts';
import { linesUnderTest } from './support/lines-under-test.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { launchOperator, type RunningOperator } from './support/operator.ts';

let mesh: MeshCluster;
let proxy: FaultProxy;
let kubeconfig: string;
/** `GET /version` …: all that an undisturbed start asks for, watches left out. */
let firstRequests: readonly string[];

test.before(async () => {
	mesh = await startMeshCluster();
	proxy = await startFaultProxy(mesh.cluster);
	kubeconfig = await kubeconfigThrough(proxy, mesh.cluster, mesh.kubeconfig);
	// With a mesh of each line, Istio's own kinds are there and listed too.
	const installing = launch();
	for (const { line, version } of linesUnderTest)
		await applyInstallation(mesh.api, line, { version, namespace: `istio-${line}` });
	await untilInstalled(mesh.api, 'classic');
	// Its webhooks wait for it, and no pod starts here.
	await untilSaid(mesh.api, 'istiod', 'Installed', 'waiting for istiod to be ready');
	await installing.stop();
	proxy.reset();
	await using operator = launch();
	await operator.started;
	firstRequests = [...new Set(asked(proxy.requests))];
});
test.after.always(async () => {
	await proxy?.stop();
	await mesh?.stop();
});

function launch(): RunningOperator {
	return launchOperator(mesh, { kubeconfig });
}

function asked(requests: readonly ProxiedRequest[]): readonly string[] {
	return requests.filter(({ isWatch }) => !isWatch).map(({ path }) => path);
}

function status(code: number, headers: Readonly<Record<string, string>> = {}): Fault {
	const body = JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code });
	return { type: 'answer', status: code, headers, body };
}

/** Each first request goes wrong `times`, whatever it asks for. */
function disturb(fault: Fault, times: number): void {
	proxy.reset();
	for (const path of firstRequests) {
		proxy.script({ method: 'GET', path: new RegExp(`^${path}$`), watch: false, times }, fault);
	}
}

async function untilStarted(t: ExecutionContext, operator: RunningOperator): Promise<void> {
	await operator.started;
	t.deepEqual(await operator.ask('/readyz'), { status: 200, body: 'ok\n' });
	const met = new Set(proxy.requests.filter(({ fault }) => fault !== undefined).map(({ path }) => path));
	t.deepEqual([...met].sort(), [...firstRequests].sort(), 'each of the first requests went wrong');
}

test.serial('a start asks for lists, the version and the identity of its cluster', (t) => {
	t.true(firstRequests.includes('/version'));
	t.true(firstRequests.includes('/api/v1/namespaces/kube-system'));
	t.true(firstRequests.some((path) => path.endsWith('/meshinstallations')));
	t.true(firstRequests.some((path) => path.includes('istio.io')));
});

for (const [title, fault, times] of [
	['500', status(500), 1],
	['410', status(410), 1],
	['429 with Retry-After', status(429, { 'retry-after': '1' }), 1],
	['403, because the role comes later', status(403), 1],
	['401', status(401), 1],
	['a connection that ends before the answer', { type: 'drop' }, 2],
	['an answer that is cut off', { type: 'truncate', afterBytes: 10 }, 1],
	['an answer that is none of Kubernetes', { type: 'answer', status: 200, body: '<html>' }, 1],
] as const satisfies readonly (readonly [string, Fault, number])[]) {
	test.serial(`each first request meets ${title}: the operator starts all the same`, async (t) => {
		disturb(fault, times);
		await using operator = launch();
		await untilStarted(t, operator);
	});
}

test.serial('what does not come is told on /readyz, each with its reason, and the process stays alive', async (t) => {
	proxy.reset();
	proxy.script({ path: /\/configmaps$/, watch: false }, status(403));
	proxy.script({ path: /^\/version$/ }, { type: 'drop' });
	await using operator = launch();
	const told = await eventually('both reasons are told', async () => {
		const { status: code, body } = await operator.ask('/readyz');
		const isTold = /ConfigMap \(403/.test(body) && /the version of Kubernetes \(no answer, /.test(body);
		return code === 503 && isTold && body;
	});
	t.regex(
		told,
		/\[-\]start failed: waits for .*the list of ConfigMap \(403 Forbidden: the role that allows it is missing\)/,
	);
	t.is((await operator.ask('/healthz')).status, 200);
	proxy.reset();
	await operator.started;
	t.is((await operator.ask('/readyz')).status, 200);
});

test.serial('a start that waits for its API server ends in order when it is told to', async (t) => {
	proxy.reset();
	proxy.script({}, { type: 'drop' });
	const operator = await startOperatorProcess({ kubeconfig });
	t.teardown(operator.kill);
	await operator.until('it waits', () => operator.hasSaid('the start waits for an answer'));
	operator.signal('SIGTERM');
	t.is(await operator.exit(), 0, operator.log());
});

test.serial('a replica that never sees the lease says so, and stands by once it does', async (t) => {
	proxy.reset();
	proxy.script({ path: /\/leases/ }, status(403));
	await using operator = launchOperator(mesh, { kubeconfig, leaderElect: true });
	await operator.started;
	const { status: code, body } = await eventually('the lease is missed', async () => {
		const answer = await operator.ask('/readyz');
		return answer.status === 503 && answer;
	});
	t.is(code, 503);
	t.regex(body, /\[-\]lease failed: waits for the lease \(403 Forbidden/);
	proxy.reset();
	await eventually('it is ready', async () => (await operator.ask('/readyz')).status === 200);
});

test.serial('what no retry mends ends the start with its reason: a kubeconfig that is none', async (t) => {
	const operator = await startOperatorProcess({ kubeconfig: '/dev/null' });
	t.teardown(operator.kill);
	t.is(await operator.exit(), 1, operator.log());
	t.true(operator.hasSaid('the operator can not start'));
});

test.after('the meshes go', async () => {
	proxy.reset();
	await using _operator = launch();
	for (const { line } of linesUnderTest) await deleteInstallation(mesh.api, line);
});
