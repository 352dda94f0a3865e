/** Several real clusters, joined as a platform team joins them: a kubeconfig in a Secret, and an entry in the spec. */
import { parse } from 'yaml';
import { mayReadLabel, type ParsedStatus } from '../../api/v1/index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { deadlineMs, eventually, orAbsent } from './eventually.ts';
import { findCondition, readInstallation, type Spec } from './installation.ts';
import { type MeshCluster, person, startMeshCluster } from './mesh-cluster.ts';
import { type RunningOperator, type StartOperatorOptions, startOperator } from './operator.ts';

/** Starts clusters side by side; ends all of them when one can't start. */
export async function startMeshClusters(
	...options: readonly Parameters<typeof startMeshCluster>[0][]
): Promise<readonly MeshCluster[]> {
	const started = await Promise.allSettled(options.map((one) => startMeshCluster(one)));
	const failed = started.find((one) => one.status === 'rejected');
	const clusters = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
	if (failed === undefined) return clusters;
	await Promise.all(clusters.map((one) => one.stop()));
	throw failed.reason;
}

/** An operator that may join clusters on this machine. */
export function startJoiningOperator(
	mesh: Pick<MeshCluster, 'kubeconfig'>,
	options: StartOperatorOptions = {},
): Promise<RunningOperator> {
	return startOperator(mesh, { clusters: { allowLoopback: true, allowProxies: false }, ...options });
}

export interface Reachable {
	readonly url: string;
	readonly ca: string;
	readonly token: string;
}

/** As `kubectl config view --minify --flatten` prints it. */
export function flatKubeconfig({ url, ca, token }: Reachable): string {
	const name = 'there';
	return JSON.stringify({
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': name,
		clusters: [{ name, cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
		contexts: [{ name, context: { cluster: name, user: name } }],
		users: [{ name, user: { token } }],
	});
}

export function administratorOf({ url, ca, adminToken }: Pick<Cluster, 'url' | 'ca' | 'adminToken'>): Reachable {
	return { url, ca, token: adminToken };
}

/** Writes the Secret that `entry` names. */
export async function giveKubeconfig(api: ApiServer, cluster: string, kubeconfig: string): Promise<void> {
	await api.apply(
		{
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: {
				namespace: 'meshwright-system',
				name: `${cluster}-kubeconfig`,
				labels: { [mayReadLabel]: 'any' },
			},
			data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
		},
		{ fieldManager: person, force: true },
	);
}

/**
 * An entry of `spec.multiCluster.clusters`; without a data plane where it says nothing. Its pods have addresses that no
 * other entry of another number has: API servers alone have no nodes, from which they would be known.
 */
export function entry(name: string, number: number, more: Spec = {}): Spec {
	return {
		name,
		kubeconfigSecret: { name: `${name}-kubeconfig`, namespace: 'meshwright-system' },
		podCIDRs: [`172.20.${number}.0/24`],
		...(more.role === 'Primary' ? {} : { dataPlane: { enabled: false } }),
		...more,
	};
}

/** `spec.multiCluster` of a cluster whose pods have addresses of their own. */
export function multiCluster(clusters: readonly Spec[], more: Spec = {}): { readonly multiCluster: Spec } {
	return { multiCluster: { clusterName: 'home', podCIDRs: ['172.21.0.0/24'], clusters, ...more } };
}

export type ClusterStatus = NonNullable<ParsedStatus['clusters']>[number];

export async function clusterStatus(api: ApiServer, mesh: string, cluster: string): Promise<ClusterStatus | undefined> {
	const { status } = await readInstallation(api, mesh);
	return status?.clusters?.find(({ name }) => name === cluster);
}

/**
 * Waits until a condition of a cluster has a status, and a reason where one is given, for the current generation. Returns
 * its message.
 */
export async function untilCluster(
	api: ApiServer,
	mesh: string,
	cluster: string,
	type: string,
	status: 'True' | 'False' | 'Unknown',
	reason?: string,
): Promise<string> {
	let seen: ClusterStatus | undefined;
	try {
		return await eventually(
			`${type}=${status} ${reason ?? ''} of cluster ${cluster}`,
			async () => {
				const { metadata, status: told } = await readInstallation(api, mesh);
				seen = told?.clusters?.find(({ name }) => name === cluster);
				return findCondition(seen?.conditions, metadata.generation, type, status, reason)?.message;
			},
			deadlineMs,
			() => seen,
		);
	} catch (error) {
		throw new Error(`${(error as Error).message}; it is ${JSON.stringify(seen, null, 1)}`, { cause: error });
	}
}

/** Waits until a cluster is in no list any more. */
export async function untilLeft(api: ApiServer, mesh: string, cluster: string, namespace: string): Promise<void> {
	await eventually(`cluster ${cluster} has left`, async () => {
		const [status, secret] = await Promise.all([
			clusterStatus(api, mesh, cluster),
			orAbsent(readRemoteSecret(api, namespace, cluster)),
		]);
		return status === undefined && secret === undefined;
	});
}

export interface RemoteSecret extends KubeObject {
	readonly data?: Readonly<Record<string, string>>;
}

export function readRemoteSecret(api: ApiServer, namespace: string, cluster: string): Promise<RemoteSecret> {
	const { apiVersion, kind } = kinds.Secret;
	return api.get({ apiVersion, kind, namespace, name: `istio-remote-secret-${cluster}` });
}

/** Reads a cluster as Pilot would, by the Secret as it is published now. Rejects where its token is not good. */
export async function useRemoteSecret(api: ApiServer, namespace: string, cluster: string): Promise<void> {
	const { data = {} } = await readRemoteSecret(api, namespace, cluster);
	const { clusters, users } = parse(Buffer.from(data[cluster] ?? '', 'base64').toString()) as {
		readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
		readonly users: readonly { readonly user: { readonly token: string } }[];
	};
	const { server = '', 'certificate-authority-data': ca = '' } = clusters[0]?.cluster ?? {};
	await using reader = new ApiServer({
		url: server,
		ca: Buffer.from(ca, 'base64').toString(),
		token: users[0]?.user.token,
	});
	for (const kind of [kinds.Service, kinds.Endpoints, kinds.Pod, kinds.Node]) await reader.list(kind);
}

/** The Secrets that a control plane in this namespace would read (istio 1.0-1.4 `pkg/kube/secretcontroller`). */
export async function remoteSecrets(api: ApiServer, namespace: string): Promise<readonly RemoteSecret[]> {
	const { items } = await api.list<RemoteSecret>(kinds.Secret, {
		namespace,
		labelSelector: 'istio/multiCluster=true',
	});
	return items;
}
