/** Answers every question of `spec.multiCluster`, the same way for all lines. Pure. */
import {
	definedFields,
	deletionOf,
	type ParsedMeshInstallation,
	type ParsedSpec,
	tryDuration,
} from '../../api/v1/index.ts';
import type { ReleaseProblem } from './problem.ts';

type Entry = NonNullable<NonNullable<ParsedSpec['multiCluster']>['clusters']>[number];

/** Addresses of a cluster as the user gave them. They are discovered when absent. */
interface GivenAddresses {
	readonly network?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	/** URL of its API server for the rest of the mesh, when it differs from the operator's. */
	readonly server?: string;
}

/** An entry of `spec.multiCluster.clusters`. */
export interface ResolvedCluster extends GivenAddresses {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	/** The Secret with the kubeconfig, and its key. */
	readonly kubeconfig: { readonly namespace: string; readonly name: string; readonly key: string };
	/** Undefined when no data plane is kept there. */
	readonly dataPlane?: {
		/** Empty when the cluster reaches the pods of the control plane themselves. */
		readonly controlPlaneAddresses: readonly string[];
	};
}

/** The clusters of a mesh. The addresses are those of the cluster with the control plane. */
export interface ResolvedMultiCluster extends GivenAddresses {
	/** Name of this cluster in the mesh. Default: the UID of its namespace `kube-system`. */
	readonly clusterName?: string;
	readonly clusters: readonly ResolvedCluster[];
	readonly rotation: {
		/** The life that a token is asked for with. */
		readonly lifetimeMs: number;
		/** A token is renewed after this share of its lifetime. */
		readonly renewShare: number;
	};
	/** A cluster that could not be cleaned within this time is left behind. */
	readonly leaveTimeoutMs: number;
}

const defaultTokenLifetimeMs = 720 * 60 * 60_000;
const defaultRenewShare = 0.7;
/** The key that `clusters join`, and most people, use. */
const defaultKubeconfigKey = 'kubeconfig';

/** Fills in every default of `spec.multiCluster`. */
export function resolveMultiCluster(installation: ParsedMeshInstallation): ResolvedMultiCluster {
	const { clusterName, credentials, clusters = [], ...addresses } = installation.spec.multiCluster ?? {};
	return {
		...(clusterName === undefined ? {} : { clusterName }),
		...givenAddresses(addresses),
		clusters: clusters.map(resolveCluster),
		rotation: {
			lifetimeMs: tryDuration(credentials?.lifetime ?? '') ?? defaultTokenLifetimeMs,
			renewShare: credentials?.renewAt ?? defaultRenewShare,
		},
		leaveTimeoutMs: deletionOf(installation).timeoutMs,
	};
}

/** What is wrong with the names of networks: as soon as a cluster names its own, this one has to. */
export function checkNetworkNames({
	network,
	clusters = [],
}: NonNullable<ParsedSpec['multiCluster']>): readonly ReleaseProblem[] {
	const index = clusters.findIndex((cluster) => cluster.network !== undefined);
	const first = clusters[index];
	const path = 'spec.multiCluster.network';
	return network !== undefined || first === undefined
		? []
		: [
				{
					path,
					reason: 'Invalid',
					message: `${path} must be set: cluster ${first.name} names its network, and from there nothing leads to one without a name`,
					remedy: `Name the network of this cluster, or remove spec.multiCluster.clusters[${index}].network.`,
				},
			];
}

function resolveCluster({ name, role = 'Remote', kubeconfigSecret, dataPlane, ...addresses }: Entry): ResolvedCluster {
	const hasDataPlane = role === 'Remote' && dataPlane?.enabled !== false;
	return {
		name,
		role,
		kubeconfig: { key: defaultKubeconfigKey, ...kubeconfigSecret },
		...givenAddresses(addresses),
		...(hasDataPlane ? { dataPlane: { controlPlaneAddresses: dataPlane?.controlPlaneAddresses ?? [] } } : {}),
	};
}

function givenAddresses(entry: Pick<Entry, 'network' | 'podCIDRs' | 'serviceCIDRs' | 'server'>): GivenAddresses {
	const { network, podCIDRs, serviceCIDRs, server } = entry;
	return definedFields({ network, podCIDRs, serviceCIDRs, server });
}
