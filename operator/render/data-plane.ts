/** What keeps a cluster from having a data plane, in every line. */

/** Something that is wrong with an entry of `spec.multiCluster.clusters`. */
export interface DataPlaneProblem {
	/** One of `clusterReasons`. Both belong to the condition Compatible. */
	readonly reason: 'RootCertificateDiffers' | 'AddressesNeeded';
	/** Path of the field, from the root. */
	readonly path: string;
	/** A sentence without its full stop. */
	readonly message: string;
	/** A sentence. */
	readonly remedy: string;
}

/** The cluster, and by which addresses it reaches the control plane. */
export interface AddressedCluster {
	readonly cluster: string;
	readonly network?: string;
	readonly controlPlaneAddresses: readonly string[];
}

/**
 * Addresses of pods are useless in another network. Empty when the data plane can be rendered.
 * @param here the network of this cluster
 * @param unreached whose pods they are: `istiod`
 * @param remedy a sentence
 */
export function checkAddresses(
	here: string | undefined,
	{ cluster, network = here, controlPlaneAddresses }: AddressedCluster,
	unreached: string,
	remedy: string,
): readonly DataPlaneProblem[] {
	return network === here || controlPlaneAddresses.length > 0
		? []
		: [
				{
					reason: 'AddressesNeeded',
					path: `spec.multiCluster.clusters[${cluster}].dataPlane.controlPlaneAddresses`,
					message: `cluster ${cluster} is in network ${network} and this one in ${here}: from there the pods of ${unreached} are not reached`,
					remedy,
				},
			];
}
