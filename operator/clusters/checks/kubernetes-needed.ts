/** Finds the oldest Kubernetes that can join: the youngest API that is used in the cluster decides. */
import { readVersion } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { KubernetesNeeded } from './subject.ts';

/**
 * Everything is written by server-side apply, which is stable since 1.22 (with managedFields that tell subresources apart;
 * drift detection needs that). Tokens for accounts (TokenRequest) exist since 1.20.
 */
const always: KubernetesNeeded = { minor: 22, what: 'server-side apply' };

/** The minor that first served a group and version, for those that came after the minimum. */
const servedSince: Readonly<Record<string, number>> = { 'autoscaling/v2': 23 };

export function kubernetesNeeded(rendered: readonly KubeObject[]): KubernetesNeeded {
	return rendered.reduce<KubernetesNeeded>((needed, { apiVersion, kind }) => {
		const minor = servedSince[apiVersion] ?? 0;
		return minor > needed.minor ? { minor, what: `${kind} of ${apiVersion}` } : needed;
	}, always);
}

/** The minor of a version such as `v1.29.3-eks-a18cd3a`. Undefined for what is no version of Kubernetes 1.x. */
export function minorOf(serverVersion: string): number | undefined {
	const version = readVersion(serverVersion);
	return version?.major === 1 ? version.minor : undefined;
}
