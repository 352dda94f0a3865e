/**
 * What kinds of nodes have differently, for what runs on each node (istio 1.30 and 1.31
 * `manifests/charts/istio-cni/{values.yaml,files/profile-platform-*.yaml}`).
 */
import type { platformNames } from '../../../api/v1/index.ts';

export type PlatformName = (typeof platformNames)[number];

export interface Platform {
	/** Folder of nodes with the plugins. */
	readonly binDir: string;
	/** Folder of nodes with the configuration of plugins. */
	readonly confDir: string;
	/** Whether a namespace needs a quota before pods of priority `system-node-critical` are made in it. */
	readonly needsQuota: boolean;
}

/** Where nothing is said. */
export const anyPlatform: Platform = { binDir: '/opt/cni/bin', confDir: '/etc/cni/net.d', needsQuota: false };

const k3s = '/var/lib/rancher/k3s';
const microk8s = '/var/snap/microk8s/current';

/** `openshift` is refused: its pods need `use` of security context constraints, and Multus an object of its own. */
export const platforms: Readonly<Record<Exclude<PlatformName, 'openshift'>, Platform>> = {
	gke: { ...anyPlatform, binDir: '/home/kubernetes/bin', needsQuota: true },
	k3d: { ...anyPlatform, binDir: '/bin', confDir: `${k3s}/agent/etc/cni/net.d` },
	k3s: { ...anyPlatform, binDir: `${k3s}/data/cni`, confDir: `${k3s}/agent/etc/cni/net.d` },
	microk8s: { ...anyPlatform, binDir: `${microk8s}/opt/cni/bin`, confDir: `${microk8s}/args/cni-network` },
	minikube: anyPlatform,
};
