/** Whether a release runs on this cluster, by the version that its API server tells. */
import { isSince, readVersion } from '../../api/v1/index.ts';
import type { Release } from '../releases/index.ts';

/** What speaks against the release on this Kubernetes; undefined when nothing does, or when the version can't be read. */
export function kubernetesTooOld(release: Release, serverVersion: string): string | undefined {
	return readVersion(serverVersion) === undefined || isSince(serverVersion, release.kubernetes.minimum)
		? undefined
		: `Istio ${release.version} as Meshwright runs it needs Kubernetes ${release.kubernetes.minimum} or later, and this cluster is ${serverVersion}`;
}
