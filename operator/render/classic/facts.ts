/** What rendering needs and only the cluster knows. Without it (on the command line) what depends on it is left out. */

/** A serving certificate with its key, all PEM: the keys of a Secret as Istio's components mount it. */
export interface ServingCertificate {
	readonly certChain: string;
	readonly key: string;
	/** The roots that clients may meet: the one that signed it and, for a while, the one before. */
	readonly roots: string;
}

export interface ClusterFacts {
	/** PEM roots by which API servers know the injector: `caBundle` of its webhook. */
	readonly injectorRoots?: string;
	/** The injector's certificate where the operator makes it: without Citadel. */
	readonly injectorCertificate?: ServingCertificate;
	/** A hash of the user's own CA (`spec.citadel.caSecretName`), which Citadel reads once: its pod follows changes. */
	readonly caSecretHash?: string;
	/**
	 * A hash of the Secrets of joined clusters that were *replaced* since their clusters joined. Pilot and Mixer act on Secrets
	 * that come and go and ignore updates, so their pods follow this; clusters that join or leave don't change it.
	 */
	readonly remoteSecrets?: string;
	/** Where other networks are entered, by their name, beside the gateway of this cluster. Sorted by address. */
	readonly networkGateways?: Readonly<Record<string, readonly NetworkGateway[]>>;
	/** A hash of the kubeconfig that Pilot and Mixer are given (`spec.pilot.kubeconfigSecret`), which they read once. */
	readonly pilotKubeconfigHash?: string;
}

/** A gateway through which a network is entered from others. */
export interface NetworkGateway {
	/** IP address, or a host name, which Pilot looks up when it reads the mesh configuration. */
	readonly address: string;
	readonly port: number;
}
