/** What the checks know about clusters: plain values, from gathered facts, from records and from the status. */
import type { ClusterFactsSeen } from './gather.ts';
import type { Blocks } from './gather-addresses.ts';
import type { InstallationThere } from './gather-mesh.ts';
import { valueIfKnown } from './known.ts';
import type { RootCertificate } from './root-certificates.ts';

/**
 * The facts of a cluster that others are compared with. Undefined fields are not known, and no check finds anything about
 * them.
 */
export interface ClusterAddresses {
	/** Name in messages. */
	readonly name: string;
	readonly network: string | undefined;
	readonly podCIDRs: readonly string[] | undefined;
	readonly serviceCIDRs: readonly string[] | undefined;
	/** Which of them a spec gives. The others are what the cluster says of itself, and may be a lie. */
	readonly written?: Written;
}

export interface Written {
	readonly podCIDRs: boolean;
	readonly serviceCIDRs: boolean;
}

/** Which addresses a spec gives. */
export function writtenIn(given: {
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
}): Written {
	return { podCIDRs: (given.podCIDRs?.length ?? 0) > 0, serviceCIDRs: (given.serviceCIDRs?.length ?? 0) > 0 };
}

/** Another entry of the list, from its record and its status. It need not be reachable. */
export interface OtherCluster extends ClusterAddresses {
	/** UID of its kube-system. */
	readonly id: string | undefined;
	/** Position in `spec.multiCluster.clusters`. When two want to join, the first wins. */
	readonly position: number;
	/** Whether its Secret is published. A cluster that has joined wins over one that has not. */
	readonly isJoined: boolean;
	/** Whether it has passed the checks and is joining. Then it goes before those that have not, whatever their positions. */
	readonly isAdmitted?: boolean;
	/** When it was admitted, in milliseconds since 1970. 0 when that was before it was recorded. */
	readonly joinedAt?: number | undefined;
}

/** The cluster that the mesh's own control plane is in. */
export interface LocalCluster extends ClusterAddresses {
	readonly id: string;
	/** `spec.multiCluster.clusterName`. Undefined when its UID is used instead. */
	readonly clusterName: string | undefined;
	readonly trustDomain: string;
	readonly roots: readonly RootCertificate[] | undefined;
	/** The Istio release, `1.0.9`, and whether it knows networks. */
	readonly release: { readonly version: string; readonly hasNetworks: boolean };
}

/** The cluster that is checked. */
export interface CheckedCluster extends OtherCluster {
	readonly role: 'Remote' | 'Primary';
	readonly id: string;
	/** The UID in its record. */
	readonly recordedId: string | undefined;
	/** The addresses that it has had since it was admitted. Undefined when it was not, or when nobody knows. */
	readonly believed?: Pick<ClusterAddresses, 'podCIDRs' | 'serviceCIDRs'> | undefined;
	readonly serverVersion: string;
	/** What its API server must serve. */
	readonly kubernetes: KubernetesNeeded;
	/** Sentences, see `reviewPermissions`. */
	readonly missingPermissions: readonly string[];
	/** Why its addresses are not known. */
	readonly podsUnknown: string | undefined;
	readonly servicesUnknown: string | undefined;
	/** Number of its MeshInstallations. */
	readonly installations: number | undefined;
	/** The clusters that the MeshInstallation of this mesh lists there. */
	readonly listed: InstallationThere['lists'];
	readonly trustDomain: string | undefined;
	readonly roots: readonly RootCertificate[] | undefined;
	/** Undefined when no data plane is kept there. */
	readonly dataPlane: { readonly controlPlaneAddresses: readonly string[] } | undefined;
}

export interface KubernetesNeeded {
	/** The minor of Kubernetes 1.x. */
	readonly minor: number;
	/** What needs it, for a message. */
	readonly what: string;
}

/** The part of a CheckedCluster that comes from `gatherFacts`. */
export function seen(facts: ClusterFactsSeen) {
	const { id, serverVersion, podCIDRs, serviceCIDRs, mesh } = facts;
	return {
		id,
		serverVersion,
		podCIDRs: valueIfKnown(podCIDRs),
		serviceCIDRs: valueIfKnown(serviceCIDRs),
		podsUnknown: whyUnknown(podCIDRs),
		servicesUnknown: whyUnknown(serviceCIDRs),
		installations: valueIfKnown(mesh.installations)?.length,
		trustDomain: valueIfKnown(mesh.trustDomain),
		roots: valueIfKnown(mesh.roots),
	} satisfies Partial<CheckedCluster>;
}

function whyUnknown(blocks: Blocks): string | undefined {
	return blocks.known ? undefined : blocks.why;
}
