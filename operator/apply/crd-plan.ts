/**
 * Istio's CRDs are shared: by all installations in the cluster, by other installers, and by the users' own objects that
 * would go with them. So they follow rules of their own: the newest release's definition wins whatever the order of
 * installations, one that somebody else made is never written but only checked, and none is ever deleted.
 */
import { compareVersions, readFullVersion } from '../../api/v1/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { Child, CrdFacts } from './child.ts';
import { bodyHash } from './fingerprint.ts';
import { crdVersionAnnotation } from './identity.ts';
import type { Applied, Cause } from './plan.ts';

export type CrdDecision =
	/** As it should be. */
	| { readonly kind: 'current' }
	/** A newer release's definition is stored and stays. */
	| { readonly kind: 'kept'; readonly release: string }
	| { readonly kind: 'write'; readonly cause: Cause }
	/** Not seen among ours: whether it exists, and whose it is, must be asked. */
	| { readonly kind: 'ask' };

/** Compares full versions (`1.4.10`) by number. Negative when `a` is older. Anything that is not a full version is older than all that are. */
export function compareReleases(a: string | undefined, b: string | undefined): number {
	return compareVersions(readFullVersion(a ?? ''), readFullVersion(b ?? ''));
}

/** The release that a rendered CRD comes from. */
export function releaseOf(crd: KubeObject): string | undefined {
	return crd.metadata.annotations?.[crdVersionAnnotation];
}

/** The versions that a rendered CRD serves: what the installation needs of it. */
export function versionsOf(crd: KubeObject): readonly string[] {
	const { versions } = crd.spec as { readonly versions: readonly { readonly name: string }[] };
	return versions.map(({ name }) => name);
}

/** What to do about one CRD, from the caches alone. */
export function decideCrd(desired: KubeObject, live: Child | undefined, applied: Applied | undefined): CrdDecision {
	if (live === undefined) return applied === undefined ? { kind: 'ask' } : { kind: 'write', cause: 'deleted' };
	if (live.metadata.deletionTimestamp !== undefined) return { kind: 'current' };
	if (live.fingerprint === undefined) return { kind: 'ask' };
	const liveRelease = live.crd?.release;
	if (compareReleases(liveRelease, releaseOf(desired)) > 0) return { kind: 'kept', release: liveRelease ?? '' };
	if (applied === undefined || applied.bodyHash !== bodyHash(desired)) return { kind: 'write', cause: 'outdated' };
	if (live.fingerprint !== applied.fingerprint) return { kind: 'write', cause: 'drifted' };
	return { kind: 'current' };
}

/** The versions that are needed and that a CRD does not serve. */
export function missingVersions(desired: KubeObject, live: CrdFacts): readonly string[] {
	return versionsOf(desired).filter((version) => !live.servedVersions.includes(version));
}
