/**
 * Istio's own Pilot and Mixer read a joined cluster by the Secret that the operator publishes: from when it joins until it
 * leaves, with nothing refused. Runs where `MESHWRIGHT_ISTIO` names a folder, as `real-binaries.api-server.test.ts` says.
 */
import type { ExecutionContext } from 'ava';
import { request } from 'undici';
import { type ClassicRelease, classicReleases } from '../../operator/releases/classic/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { AuditEvent } from '../control-plane/audit.ts';
import { eventually } from '../support/eventually.ts';
import { applyInstallation, type Spec, untilInstalled } from '../support/installation.ts';
import {
	administratorOf,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	untilLeft,
} from '../support/joined.ts';
import { type MeshCluster, userOf } from '../support/mesh-cluster.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';
import {
	type ComponentDeployment,
	type ComponentProcess,
	complaintsIn,
	excerpt,
	startComponent,
} from './component-process.ts';
import { binaryOf } from './programs.ts';
import { testWithBinaries } from './test-with-binaries.ts';

const mesh = 'real';
const namespace = 'istio-real';
/** Of a pod in the other cluster. */
const address = '172.20.1.7';

for (const release of classicReleases.filter(({ mesh }) => mesh.networks)) {
	const { version } = release;
	const title = `${version}: Pilot takes the networks of a mesh as they are written for it`;
	testWithBinaries(version, title, async (t) => {
		await using stage = await openStage();
		const { home } = stage;
		const networks = { network: 'here' };
		await list(home, release, [entry('eu', 1, { network: 'there' })], networks);
		await untilCluster(home.api, mesh, 'eu', 'Joined', 'True');
		const config = { ...kinds.ConfigMap, namespace, name: 'istio' };
		await eventually('the networks are written', async () => {
			const { data } = await home.api.get<KubeObject & { readonly data?: { readonly meshNetworks?: string } }>(config);
			return data?.meshNetworks?.includes('fromRegistry: eu') === true;
		});
		await withComponent(release, home, 'istio-pilot', 'discovery', async (pilot) => {
			await eventually('Pilot reads the cluster', pilotKnows);
			// What it has read, in the words of its own type: where it can't read the file, it goes on without networks.
			t.regex(pilot.lines.join('\n'), /key:"there" value:<endpoints:<from_registry:"eu"/);
			t.deepEqual(complaintsIn(pilot.lines), [], excerpt(pilot.lines));
		});
	});
}

for (const release of classicReleases) {
	const { version } = release;
	const title = `${version}: Pilot and Mixer read a cluster from when it joins until it leaves, and may read all that they ask for`;
	testWithBinaries(version, title, async (t) => {
		await using stage = await openStage();
		const { home, other } = stage;
		await list(home, release, []);
		await untilInstalled(home.api, mesh);

		await withComponent(release, home, 'istio-pilot', 'discovery', async (pilot) => {
			t.false(await pilotKnows());
			await joinAndLeave(t, home, other, release, pilot, pilotKnows);
			await eventually('Pilot has forgotten it', async () => !(await pilotKnows()));
		});
		// Mixer 1.0 finds no pods of any cluster: it has no adapter that would look for them (see docs/clusters.md).
		if (version.startsWith('1.0.')) return;
		await withComponent(release, home, 'istio-telemetry', 'mixer', async (mixer) => {
			const since = new Date().toISOString();
			const hasListed = async () => {
				const asked = await askedThere(other, 'mixs');
				return asked.some(
					({ verb, objectRef, requestReceivedTimestamp }) =>
						verb === 'list' && objectRef?.resource === 'pods' && requestReceivedTimestamp > since,
				);
			};
			await joinAndLeave(t, home, other, release, mixer, hasListed);
		});
	});
}

interface Stage extends AsyncDisposable {
	readonly home: MeshCluster;
	/** With a Service of its own, and joined by an entry `eu`. */
	readonly other: MeshCluster;
}

async function openStage(): Promise<Stage> {
	await using started = new AsyncDisposableStack();
	const clusters = await startMeshClusters({ name: 'home' }, { name: 'other', crd: false });
	for (const cluster of clusters) started.use(cluster);
	const [home, other] = clusters as [MeshCluster, MeshCluster];
	started.use(await startJoiningOperator(home));
	await giveKubeconfig(home.api, 'eu', flatKubeconfig(administratorOf(other.cluster)));
	await makeService(other);
	const all = started.move();
	return { home, other, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A Service with a pod of its own, as far as there are pods without a kubelet. */
async function makeService({ api }: MeshCluster): Promise<void> {
	const metadata = { namespace: 'default', name: 'reviews' };
	const port = { name: 'http', port: 80 };
	const containers = [{ name: 'app', image: 'example.com/app:1' }];
	const account = { ...kinds.ServiceAccount, metadata };
	const pod = { ...kinds.Pod, metadata, spec: { serviceAccountName: metadata.name, containers } };
	const service = { ...kinds.Service, metadata, spec: { ports: [port] } };
	const targetRef = { kind: 'Pod', ...metadata };
	const endpoints = {
		...kinds.Endpoints,
		metadata,
		subsets: [{ addresses: [{ ip: address, targetRef }], ports: [port] }],
	};
	for (const object of [account, pod, service, endpoints] as readonly KubeObject[]) await api.create(object);
}

function list(
	{ api }: MeshCluster,
	{ version }: ClassicRelease,
	clusters: readonly Spec[],
	more: Spec = {},
): Promise<unknown> {
	return applyInstallation(api, mesh, {
		version,
		namespace,
		mixer: { telemetry: { enabled: true } },
		deletion: { timeout: '2m' },
		...multiCluster(clusters, more),
	});
}

/** Runs a component of the mesh as its Deployment in the cluster says. */
async function withComponent(
	{ version, pilot, mixer }: ClassicRelease,
	home: MeshCluster,
	deployment: string,
	program: 'discovery' | 'mixer',
	use: (component: ComponentProcess) => Promise<void>,
): Promise<void> {
	const binary = binaryOf(version, program);
	if (binary === undefined) return;
	const { flags } = { discovery: pilot, mixer }[program];
	const live = await home.api.get<ComponentDeployment>({ ...kinds.Deployment, namespace, name: deployment });
	await using component = await startComponent(binary, flags, home, live);
	await use(component).catch((cause: unknown) => {
		throw new Error(`${deployment}: ${excerpt(component.lines)}`, { cause });
	});
}

async function joinAndLeave(
	t: ExecutionContext,
	home: MeshCluster,
	other: MeshCluster,
	release: ClassicRelease,
	component: ComponentProcess,
	knowsIt: () => Promise<boolean>,
): Promise<void> {
	await list(home, release, [entry('eu', 1)]);
	await untilCluster(home.api, mesh, 'eu', 'Joined', 'True');
	await eventually('it reads the cluster that has joined', knowsIt);
	await list(home, release, []);
	await untilLeft(home.api, mesh, 'eu', namespace);
	t.false(component.hasExited());
	t.deepEqual(complaintsIn(component.lines), [], excerpt(component.lines));
	t.deepEqual(forbiddenIn(await askedThere(other)), []);
}

/** What was asked in the other cluster by the account whose token the Secret has. */
async function askedThere({ cluster }: MeshCluster, program = ''): Promise<readonly AuditEvent[]> {
	const user = userOf({ namespace, name: 'istio-reader-home' });
	return (await requestsOf(cluster, user)).filter(({ userAgent = '' }) => userAgent.startsWith(program));
}

async function pilotKnows(): Promise<boolean> {
	const { body } = await request('http://127.0.0.1:8080/debug/endpointz');
	return (await body.text()).includes(address);
}
