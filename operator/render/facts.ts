/** What rendering needs and only a cluster knows: the part that all lines share. */

/** A serving certificate with its key, all in PEM. The names are the keys of the Secret that Istio's components mount. */
export interface ServingCertificate {
	readonly certChain: string;
	readonly key: string;
	/** The roots for clients: the one that signed it and, for a while, the one before. */
	readonly roots: string;
}

/** A gateway by which other networks reach a network. */
export interface NetworkGateway {
	/** An IP address, or a host name, which Pilot looks up when it reads the mesh configuration. */
	readonly address: string;
	readonly port: number;
}

/** The facts that joined clusters add. */
export interface JoinedFacts {
	/**
	 * A hash of the Secrets of joined clusters that were *replaced* since their clusters joined. The pods of a control plane
	 * carry it that notices Secrets that come and go, but ignores updates. Clusters that join or leave don't change it.
	 */
	readonly remoteSecrets?: string;
	/** When pods were last replaced for such a Secret (RFC 3339). Undefined when they never were. */
	readonly remoteSecretsSince?: string;
	/** The gateways of each network, by its name, other than the gateway of this cluster. Sorted by address. */
	readonly networkGateways?: Readonly<Record<string, readonly NetworkGateway[]>>;
}

/** Sorted IP addresses by which a joined cluster reaches the parts of the control plane, by the part's name. */
export type ControlPlaneAddresses = Readonly<Record<string, readonly string[]>>;
