/** Whether a release runs on this cluster, by the version that its API server tells. */
import type { Release } from '../releases/classic/release.ts';

/** A version as `1.36` or as the API server writes it (`v1.36.3`, minor `36+`), in numbers. Undefined for anything else. */
function majorMinor(version: string): readonly [number, number] | undefined {
	const match = /^v?(\d+)\.(\d+)/.exec(version);
	return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/** What speaks against the release on this Kubernetes; undefined when nothing does, or when the version can't be read. */
export function kubernetesTooOld(release: Release, serverVersion: string): string | undefined {
	const server = majorMinor(serverVersion);
	const needed = majorMinor(release.kubernetes.minimum);
	if (server === undefined || needed === undefined) return undefined;
	const isEnough = server[0] > needed[0] || (server[0] === needed[0] && server[1] >= needed[1]);
	return isEnough
		? undefined
		: `Istio ${release.version} as Meshwright runs it needs Kubernetes ${release.kubernetes.minimum} or later, and this cluster is ${serverVersion}`;
}
