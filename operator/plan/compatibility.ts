/** Checks whether a release runs on this cluster, by the version of its API server. */
import { isSince, readVersion } from '../../api/v1/index.ts';
import type { Release } from '../releases/index.ts';

/** Why this Kubernetes is too old for the release. Undefined when it is not, or when the version can't be read. */
export function kubernetesTooOld(release: Release, serverVersion: string): string | undefined {
	return readVersion(serverVersion) === undefined || isSince(serverVersion, release.kubernetes.minimum)
		? undefined
		: `Istio ${release.version} as Meshwright runs it needs Kubernetes ${release.kubernetes.minimum} or later, and this cluster is ${serverVersion}`;
}
