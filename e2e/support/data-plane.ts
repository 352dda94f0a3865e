/** A cluster with a data plane beside the one whose control plane it uses, joined with nothing but the rights of `deploy/remote`. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { fingerprint } from '../../operator/apply/fingerprint.ts';
import { partOfLabel } from '../../operator/apply/identity.ts';
import { type ClassicFacts, renderDataPlane } from '../../operator/render/classic/index.ts';
import { applySetId, type ControlPlaneAddresses } from '../../operator/render/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { eventually, orAbsent } from './eventually.ts';
import { resolvedMesh, type Spec, versionOf } from './installation.ts';
import { clusterStatus, entry, flatKubeconfig, giveKubeconfig, startMeshClusters } from './joined.ts';
import { applyFiles, type MeshCluster, type MeshClusterOptions, makeNamespace, userOf } from './mesh-cluster.ts';

/** The account that `deploy/remote` makes. */
const joinAccount = { namespace: 'meshwright-system', name: 'meshwright-join' } as const;

/** Its user name in the audit log of the other cluster. */
export const joinUser = userOf(joinAccount);

/** Namespace that the manifests in `deploy/remote` are written for. */
export const namespace = 'istio-system';

export interface Pair {
	readonly home: MeshCluster;
	readonly other: MeshCluster;
	/** UID of `kube-system` at home. */
	readonly homeId: string;
	readonly stop: () => Promise<void>;
}

/** Two clusters; the kubeconfig of the other one is in the Secret of entry `eu`. */
export async function startPair(options: Omit<MeshClusterOptions, 'name' | 'crd'> = {}): Promise<Pair> {
	const [home, other] = (await startMeshClusters(
		{ ...options, name: 'home' },
		{ ...options, name: 'other', crd: false },
	)) as [MeshCluster, MeshCluster];
	const stop = async () => void (await Promise.all([home.stop(), other.stop()]));
	try {
		await makeNamespace(other.api, 'istio-system');
		await applyFiles(
			other.api,
			...['namespace.yaml', 'service-account.yaml', 'rbac.generated.yaml'].map((file) => `deploy/remote/base/${file}`),
			'deploy/remote/data-plane/rbac.generated.yaml',
		);
		const config = parse(await readFile(await other.cluster.kubeconfigFor(joinAccount), 'utf8'));
		const { url, ca } = other.cluster;
		await giveKubeconfig(home.api, 'eu', flatKubeconfig({ url, ca, token: config.users[0].user.token }));
		const { metadata } = await home.api.get({ ...kinds.Namespace, name: 'kube-system' });
		return { home, other, homeId: metadata.uid ?? '', stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

/** An entry with a data plane. */
export function dataPlaneEntry(dataPlane: Spec = { enabled: true }, more: Spec = {}): Spec {
	const { podCIDRs: _, ...rest } = entry('eu', 1);
	return { ...rest, ...more, dataPlane };
}

/** `spec.multiCluster` for it; the nodes tell the addresses of pods. */
export function withDataPlane(dataPlane: Spec = { enabled: true }, more: Spec = {}, here: Spec = {}): Spec {
	return { multiCluster: { clusterName: 'home', clusters: [dataPlaneEntry(dataPlane, more)], ...here } };
}

const standIns: ClassicFacts = {
	injectorRoots: 'roots',
	injectorCertificate: { certChain: 'certificate', key: 'key', roots: 'roots' },
	caSecretHash: 'hash',
};

export const noAddresses: ControlPlaneAddresses = { pilot: [], policy: [], telemetry: [] };

/** What is rendered for cluster `eu`. */
export function renderedThere(
	{ homeId }: Pick<Pair, 'homeId'>,
	name: string,
	spec: Spec,
	addresses: ControlPlaneAddresses,
	{ facts = standIns, network }: { readonly facts?: ClassicFacts; readonly network?: string } = {},
): readonly KubeObject[] {
	return renderDataPlane(resolvedMesh(name, spec), {
		cluster: 'eu',
		readBy: 'home',
		applySet: applySetId(`${homeId}/${name}`),
		addresses,
		facts,
		...(network === undefined ? {} : { network }),
	}).filter(({ kind }) => kind !== 'Namespace');
}

/** Kinds in which something may be kept in a joined cluster. EndpointSlices are copies that a controller makes of Endpoints. */
export const keptKinds: readonly Kind[] = [
	kinds.ServiceAccount,
	kinds.Role,
	kinds.RoleBinding,
	kinds.ClusterRole,
	kinds.ClusterRoleBinding,
	kinds.ConfigMap,
	kinds.Secret,
	kinds.Service,
	kinds.Endpoints,
	kinds.Deployment,
	kinds.HorizontalPodAutoscaler,
	kinds.PodDisruptionBudget,
	kinds.NetworkPolicy,
	kinds.MutatingWebhookConfiguration,
	kinds.ValidatingWebhookConfiguration,
];

/** Everything there that is in the mesh's set. Controllers copy the labels of Services to Endpoints that they make. */
export async function keptThere({ other, homeId }: Pair, name: string): Promise<readonly KubeObject[]> {
	const labelSelector = `${partOfLabel}=${applySetId(`${homeId}/${name}`)}`;
	const lists = await Promise.all(keptKinds.map((kind) => other.api.list<KubeObject>(kind, { labelSelector })));
	return lists.flatMap(({ items }) => items).filter(({ metadata }) => fingerprint(metadata) !== undefined);
}

export function keysOf(objects: readonly KubeObject[]): readonly string[] {
	return objects.map(objectKey).sort();
}

/** Waits until exactly these objects are kept there. Returns them as they are. */
export async function untilKept(
	pair: Pair,
	name: string,
	expected: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
	const wanted = keysOf(expected);
	let found: readonly KubeObject[] = [];
	try {
		return await eventually('what is rendered is what is kept there', async () => {
			found = await keptThere(pair, name);
			return keysOf(found).join() === wanted.join() ? found : undefined;
		});
	} catch (error) {
		const there = keysOf(found);
		const more = there.filter((key) => !wanted.includes(key));
		const missing = wanted.filter((key) => !there.includes(key));
		throw new Error(`too much is ${more.join(', ')}; ${missing.join(', ')} is missing`, { cause: error });
	}
}

interface EndpointsObject extends KubeObject {
	readonly subsets?: readonly { readonly addresses?: readonly { readonly ip: string }[] }[];
}

/** The addresses that stand behind a Service there, sorted; undefined where there is no object that could say them. */
export async function addressesThere({ other }: Pair, service: string): Promise<readonly string[] | undefined> {
	const found = await orAbsent(other.api.get<EndpointsObject>({ ...kinds.Endpoints, namespace, name: service }));
	if (found === undefined) return undefined;
	return (found.subsets ?? []).flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)).sort();
}

interface PodObject extends KubeObject {
	readonly status?: {
		readonly podIP?: string;
		readonly conditions?: readonly { readonly type: string; readonly status: string }[];
	};
}

/** The addresses of the ready pods of a component at home, sorted. */
export async function readyPods(api: ApiServer, istio: string): Promise<readonly string[]> {
	const { items } = await api.list<PodObject>(kinds.Pod, { namespace, labelSelector: istio });
	return items
		.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
		.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
		.flatMap(({ status }) => status?.podIP ?? [])
		.sort();
}

/** Waits until a condition of cluster `eu` says something. Returns its message. */
export async function untilClusterSays({ home }: Pair, name: string, type: string, text: RegExp): Promise<string> {
	let seen: string | undefined;
	try {
		return await eventually(`${type} of cluster eu says ${text}`, async () => {
			const status = await clusterStatus(home.api, name, 'eu');
			seen = status?.conditions?.find((condition) => condition.type === type)?.message;
			return seen !== undefined && text.test(seen) ? seen : undefined;
		});
	} catch (error) {
		throw new Error(`${(error as Error).message}; it says ${seen}`, { cause: error });
	}
}

/** Everything in the cluster but what the cluster itself keeps moving, by key, with what another write would change. */
export async function everythingIn(api: ApiServer): Promise<Readonly<Record<string, string>>> {
	const lists = await Promise.all([...keptKinds, kinds.Namespace].map((kind) => api.list<KubeObject>(kind)));
	return Object.fromEntries(
		lists
			.flatMap(({ items }) => items)
			.map((object): [string, string] => [objectKey(object), versionOf(object)])
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}
