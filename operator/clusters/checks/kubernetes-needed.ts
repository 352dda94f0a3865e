/** From which version of Kubernetes on a cluster can join: the youngest API that is used in it decides. */
import { readVersion } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { KubernetesNeeded } from './subject.ts';

/**
 * Everything is written by server-side apply, which is stable since 1.22 (with managedFields that tell subresources apart,
 * by which drift is found). Tokens for accounts (TokenRequest) are since 1.20.
 */
const always: KubernetesNeeded = { minor: 22, what: 'server-side apply' };

/** Since which minor a group and version is served, where that is later than what any cluster has that is not too old anyway. */
const servedSince: Readonly<Record<string, number>> = { 'autoscaling/v2': 23 };

export function kubernetesNeeded(rendered: readonly KubeObject[]): KubernetesNeeded {
	return rendered.reduce<KubernetesNeeded>((needed, { apiVersion, kind }) => {
		const minor = servedSince[apiVersion] ?? 0;
		return minor > needed.minor ? { minor, what: `${kind} of ${apiVersion}` } : needed;
	}, always);
}

/** The minor of `v1.29.3-eks-a18cd3a`; undefined for what is no version of Kubernetes 1.x. */
export function minorOf(serverVersion: string): number | undefined {
	const version = readVersion(serverVersion);
	return version?.major === 1 ? version.minor : undefined;
}
