/** What the operator knows about a release of istiod: data that a person can check against the release's own charts. */
import type { AccessRule, ComponentRelease, Port } from '../component.ts';
import type { Release } from '../release.ts';
import type { Minor } from './minors.ts';

/** How a release's istiod is started, and what it may do. */
export interface PilotRelease extends ComponentRelease {
	/** All arguments, in order, that do not depend on the installation. */
	readonly args: readonly string[];
	readonly ports: readonly Port[];
	/** What it may do in all namespaces. */
	readonly clusterRights: readonly AccessRule[];
	/** What it may do in its own namespace. */
	readonly namespaceRights: readonly AccessRule[];
	/** Counters that stay 0 while no proxy rejects what istiod sends. */
	readonly rejectCounters: readonly string[];
}

/** What a release has on each node. */
export interface NodeRelease extends ComponentRelease {
	/** Flags whose value the operator decides. */
	readonly ownedFlags: readonly string[];
	/** What it may do in all namespaces. */
	readonly clusterRights: readonly AccessRule[];
}

export interface IstiodRelease extends Release {
	readonly line: 'istiod';
	readonly minor: Minor;
	readonly pilot: PilotRelease;
	/** The agent of the CNI plugin. */
	readonly cni: NodeRelease;
	/**
	 * Whether istiod takes a changed Secret of a joined cluster as it comes, without losing endpoints or gateways meanwhile
	 * (istio#60612, istio#60920, istio#61043).
	 */
	readonly followsRemoteSecrets: boolean;
	/** Whether its charts tell processes how many processors they have, by `GOMAXPROCS`. */
	readonly goMaxProcs: boolean;
	/** Whether its charts hold Go itself to FIPS 140-3, by `GODEBUG`, where the compliance policy is that. */
	readonly holdsGoToFips: boolean;
}
