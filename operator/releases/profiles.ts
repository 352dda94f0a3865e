/** What a profile installs, and its answers to what the installation leaves open. */
import type { Replicas } from './resolved.ts';

export interface Profile {
	readonly pilot: { readonly replicas: Replicas };
}

/** The profiles that can be installed, by name. */
export const profiles: Readonly<Record<string, Profile>> = {
	/** Pilot alone, in one pod. */
	minimal: { pilot: { replicas: { kind: 'fixed', count: 1 } } },
};
