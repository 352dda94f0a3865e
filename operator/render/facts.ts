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
}
