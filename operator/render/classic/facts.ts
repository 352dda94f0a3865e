/**
 * What rendering needs and only the cluster knows. Without these facts (on the command line) rendering leaves out what
 * depends on them.
 */

/** A serving certificate with its key, all in PEM. The names are the keys of the Secret that Istio's components mount. */
export interface ServingCertificate {
	readonly certChain: string;
	readonly key: string;
	/** The roots for clients: the one that signed it and, for a while, the one before. */
	readonly roots: string;
}

export interface ClusterFacts {
	/** PEM roots by which API servers verify the injector: `caBundle` of its webhook. */
	readonly injectorRoots?: string;
	/** The injector's certificate when the operator makes it, that is without Citadel. */
	readonly injectorCertificate?: ServingCertificate;
	/** A hash of the user's CA (`spec.citadel.caSecretName`). Citadel reads the CA once, so its pod follows the hash. */
	readonly caSecretHash?: string;
	/**
	 * A hash of the Secrets of joined clusters that were *replaced* since their clusters joined. Pilot and Mixer notice
	 * Secrets that come and go, but ignore updates, so their pods follow this hash. Clusters that join or leave don't change
	 * it.
	 */
	readonly remoteSecrets?: string;
	/** The gateways of each network, by its name, other than the gateway of this cluster. Sorted by address. */
	readonly networkGateways?: Readonly<Record<string, readonly NetworkGateway[]>>;
	/** A hash of the kubeconfig for Pilot and Mixer (`spec.pilot.kubeconfigSecret`), which they read once. */
	readonly pilotKubeconfigHash?: string;
}

/** A gateway by which other networks reach a network. */
export interface NetworkGateway {
	/** An IP address, or a host name, which Pilot looks up when it reads the mesh configuration. */
	readonly address: string;
	readonly port: number;
}
