/** What rendering needs and only a cluster knows, as far as all lines need the same. */

/** A serving certificate with its key, all PEM: the keys of a Secret as Istio's components mount it. */
export interface ServingCertificate {
	readonly certChain: string;
	readonly key: string;
	/** The roots that clients may meet: the one that signed it and, for a while, the one before. */
	readonly roots: string;
}

/** A gateway through which a network is entered from others. */
export interface NetworkGateway {
	/** IP address, or a host name, which Pilot looks up when it reads the mesh configuration. */
	readonly address: string;
	readonly port: number;
}

/** What joined clusters add. */
export interface JoinedFacts {
	/**
	 * A hash of the Secrets of joined clusters that were *replaced* since their clusters joined. A control plane that acts on
	 * Secrets that come and go and ignores updates has this on its pods; clusters that join or leave don't change it.
	 */
	readonly remoteSecrets?: string;
	/** Where other networks are entered, by their name, beside the gateway of this cluster. Sorted by address. */
	readonly networkGateways?: Readonly<Record<string, readonly NetworkGateway[]>>;
}

/** IP addresses, sorted, at which a joined cluster reaches the parts of the control plane, by the part's name. */
export type ControlPlaneAddresses = Readonly<Record<string, readonly string[]>>;
