import type { KubeconfigReference } from './secret/record.ts';

/** An entry of `spec.multiCluster.clusters`, with every question answered. */
export interface WantedCluster {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	readonly kubeconfig: KubeconfigReference;
	/** Replaces the address in the kubeconfig, for the mesh. */
	readonly server?: string;
	readonly network?: string;
	/** As the user gave them. Discovered when absent. */
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly dataPlane?: { readonly controlPlaneAddresses: readonly string[] };
}
