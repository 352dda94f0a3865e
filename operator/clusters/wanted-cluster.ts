import type { KubeconfigReference } from './keep/record.ts';

/** An entry of `spec.multiCluster.clusters`, with every question answered. */
export interface WantedCluster {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	readonly kubeconfig: KubeconfigReference;
	/** Instead of the address in the kubeconfig, for the mesh. */
	readonly server?: string;
	readonly network?: string;
	/** As they were given; discovered where absent. */
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly dataPlane?: { readonly controlPlaneAddresses: readonly string[] };
}
