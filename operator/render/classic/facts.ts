/**
 * What rendering a classic mesh needs and only the cluster knows. Without these facts (on the command line) rendering
 * leaves out what depends on them.
 */
import type { JoinedFacts, ServingCertificate } from '../facts.ts';

export interface ClassicFacts extends JoinedFacts {
	/** PEM roots by which API servers know the injector: `caBundle` of its webhook. */
	readonly injectorRoots?: string;
	/** The injector's certificate when the operator makes it, that is without Citadel. */
	readonly injectorCertificate?: ServingCertificate;
	/** A hash of the user's CA (`spec.citadel.caSecretName`). Citadel reads the CA once, so its pod follows the hash. */
	readonly caSecretHash?: string;
	/** A hash of the kubeconfig for Pilot and Mixer (`spec.pilot.kubeconfigSecret`), which they read once. */
	readonly pilotKubeconfigHash?: string;
}

/** Stand-ins for what only a cluster knows: everything that depends on it is rendered. */
export const standIns: ClassicFacts = {
	injectorRoots: 'pending',
	injectorCertificate: { certChain: 'pending', key: 'pending', roots: 'pending' },
	caSecretHash: 'pending',
	pilotKubeconfigHash: 'pending',
};
