/**
 * Istio's CRDs are shared by all installations of the cluster, by other installers, and by users' own objects, which would
 * be deleted with them. So they follow rules of their own: the definition of the newest release wins, whatever the order of
 * installations. A definition that somebody else made is checked and never written. None is ever deleted.
 */
import { compareVersions, readFullVersion } from '../../api/v1/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { Child, CrdFacts } from './child.ts';
import { bodyHash } from './fingerprint.ts';
import { crdVersionAnnotation } from './identity.ts';
import type { Applied, Cause } from './plan.ts';

export type CrdDecision =
	/** The CRD is as it should be. */
	| { readonly kind: 'current' }
	/** The definition of a newer release is stored, and stays. */
	| { readonly kind: 'kept'; readonly release: string }
	/**
	 * Another installer has brought it to a newer state, which serves all that is read. It stays, also when our annotation is
	 * still on it: objects may be stored in its new versions, and the API server takes away no such version.
	 */
	| { readonly kind: 'newer'; readonly versions: readonly string[] }
	| { readonly kind: 'write'; readonly cause: Cause }
	/** It is not among ours. The API server has to be asked whether it exists, and whose it is. */
	| { readonly kind: 'ask' };

/**
 * Compares full versions (`1.4.10`) by number. Negative when `a` is older. What is not a full version is older than every
 * full version.
 */
export function compareReleases(a: string | undefined, b: string | undefined): number {
	return compareVersions(readFullVersion(a ?? ''), readFullVersion(b ?? ''));
}

/** The release that a rendered CRD comes from. */
export function releaseOf(crd: KubeObject): string | undefined {
	return crd.metadata.annotations?.[crdVersionAnnotation];
}

/** The versions that a rendered CRD serves, and that the installation needs. */
export function versionsOf(crd: KubeObject): readonly string[] {
	return specOf(crd).versions.map(({ name }) => name);
}

/** Decides what to do about one CRD, from the caches alone. */
export function decideCrd(desired: KubeObject, live: Child | undefined, applied: Applied | undefined): CrdDecision {
	if (live === undefined) return applied === undefined ? { kind: 'ask' } : { kind: 'write', cause: 'deleted' };
	if (live.metadata.deletionTimestamp !== undefined) return { kind: 'current' };
	if (live.fingerprint === undefined) return { kind: 'ask' };
	const liveRelease = live.crd?.release;
	if (compareReleases(liveRelease, releaseOf(desired)) > 0) return { kind: 'kept', release: liveRelease ?? '' };
	const newer = newerVersions(desired, live.crd);
	if (newer.length > 0) return { kind: 'newer', versions: newer };
	if (applied === undefined || applied.bodyHash !== bodyHash(desired)) return { kind: 'write', cause: 'outdated' };
	if (live.fingerprint !== applied.fingerprint) return { kind: 'write', cause: 'drifted' };
	return { kind: 'current' };
}

/** The needed versions that a CRD does not serve. */
export function missingVersions(desired: KubeObject, live: CrdFacts): readonly string[] {
	return versionsOf(desired).filter((version) => !live.servedVersions.includes(version));
}

/** The versions of a CRD that ours does not have, if it serves those that are needed as well. Otherwise none. */
export function newerVersions(desired: KubeObject, live: CrdFacts | undefined): readonly string[] {
	if (live === undefined || missingVersions(desired, live).length > 0) return [];
	const ours = versionsOf(desired);
	return live.versions.filter((version) => !ours.includes(version));
}

/**
 * The rendered CRD with the versions that the live one has beside it. Objects may be stored in one of them, and the API
 * server lets no such version go (kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go,
 * `status.storedVersions`).
 */
export function withVersionsOf(live: KubeObject, desired: KubeObject): KubeObject {
	const ours = specOf(desired);
	const names = versionsOf(desired);
	const others = specOf(live).versions.filter(({ name }) => !names.includes(name));
	const isStoredThere = others.some(({ storage }) => storage === true);
	const versions = ours.versions.map((version) => (isStoredThere ? { ...version, storage: false } : version));
	return { ...desired, spec: { ...ours, versions: [...versions, ...others] } };
}

interface CrdSpec {
	readonly versions: readonly { readonly name: string; readonly storage?: boolean }[];
}

function specOf({ spec }: KubeObject): CrdSpec {
	return spec as CrdSpec;
}
