/** `spec.multiCluster` with every question answered: the same for all lines. Pure. */
import { deletionOf, type ParsedMeshInstallation, type ParsedSpec, tryDuration } from '../../api/v1/index.ts';

type Entry = NonNullable<NonNullable<ParsedSpec['multiCluster']>['clusters']>[number];

/** Addresses of a cluster's own, as they were given; discovered where absent. */
interface GivenAddresses {
	readonly network?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	/** URL of its API server for the rest of the mesh, where it is another than the operator's. */
	readonly server?: string;
}

/** An entry of `spec.multiCluster.clusters`. */
export interface ResolvedCluster extends GivenAddresses {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	/** The Secret, and its key. */
	readonly kubeconfig: { readonly namespace: string; readonly name: string; readonly key: string };
	/** Absent where none is kept there. */
	readonly dataPlane?: {
		/** None where the cluster reaches the pods of the control plane themselves. */
		readonly controlPlaneAddresses: readonly string[];
	};
}

/** The clusters of a mesh. The addresses are those of the cluster that the control plane is in. */
export interface ResolvedMultiCluster extends GivenAddresses {
	/** Name of this cluster in the mesh; the UID of its namespace `kube-system` where absent. */
	readonly clusterName?: string;
	readonly clusters: readonly ResolvedCluster[];
	readonly tokenLifetimeMs: number;
	readonly rotation: {
		/** Share of its lifetime after which a token is renewed. */
		readonly renewShare: number;
	};
	/** A cluster that could not be cleaned in this time is left behind. */
	readonly leaveTimeoutMs: number;
}

const defaultTokenLifetimeMs = 720 * 60 * 60_000;
const defaultRenewShare = 0.7;
/** Where `clusters join` and most people put it. */
const defaultKubeconfigKey = 'kubeconfig';

/** Puts every default of `spec.multiCluster` in its place. */
export function resolveMultiCluster(installation: ParsedMeshInstallation): ResolvedMultiCluster {
	const { clusterName, credentials, clusters = [], ...addresses } = installation.spec.multiCluster ?? {};
	return {
		...(clusterName === undefined ? {} : { clusterName }),
		...givenAddresses(addresses),
		clusters: clusters.map(resolveCluster),
		tokenLifetimeMs: tryDuration(credentials?.lifetime ?? '') ?? defaultTokenLifetimeMs,
		rotation: { renewShare: credentials?.renewAt ?? defaultRenewShare },
		leaveTimeoutMs: deletionOf(installation).timeoutMs,
	};
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

function givenAddresses({
	network,
	podCIDRs,
	serviceCIDRs,
	server,
}: Pick<Entry, 'network' | 'podCIDRs' | 'serviceCIDRs' | 'server'>): GivenAddresses {
	return {
		...(network === undefined ? {} : { network }),
		...(podCIDRs === undefined ? {} : { podCIDRs }),
		...(serviceCIDRs === undefined ? {} : { serviceCIDRs }),
		...(server === undefined ? {} : { server }),
	};
}
