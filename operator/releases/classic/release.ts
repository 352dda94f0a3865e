/** What the operator knows about an Istio release: data that a person can check against the release's own charts and sources. */

import type { CitadelRelease } from './citadel.ts';
import type { ControlPlaneProxyRelease } from './control-plane-proxy.ts';
import type { GatewayRelease } from './gateways.ts';
import type { InjectorRelease } from './injector.ts';
import type { MixerRelease } from './mixer.ts';

/** Releases that are installed by the same components. Every line has its own component files in `operator/render`. */
export type Line = 'classic';

/** Major and minor of each release, oldest first. */
export const minors = ['1.0', '1.1', '1.2', '1.3', '1.4'] as const;

export type Minor = (typeof minors)[number];

/** Kubernetes versions (`major.minor`) that a release runs on once Meshwright has prepared the ground. */
export interface KubernetesSupport {
	/** The oldest: the definition of MeshInstallation needs it (the CEL function `isCIDR`), and all that is rendered is stable there. */
	readonly minimum: string;
	/** The newest that was tried. Newer ones are not refused. */
	readonly tested: string;
	/** What Istio's own project says about it. */
	readonly upstream: string;
}

/** A port that a container listens on and, unless `service` is absent, a Service offers under that name. */
export interface Port {
	readonly port: number;
	/** At most 15 characters, as Kubernetes demands of container ports. */
	readonly container: string;
	/** Sidecars and Prometheus configurations find ports by these names (charts of istio 1.0-1.4). */
	readonly service?: string;
}

/** An amount of compute, in Kubernetes' canonical form. */
export interface Resources {
	readonly requests?: Readonly<Record<string, string>>;
	readonly limits?: Readonly<Record<string, string>>;
}

/** Permission to read one resource. */
export interface ReadRule {
	readonly group: string;
	readonly resource: string;
	readonly verbs: readonly ('get' | 'list' | 'watch')[];
}

/** Permission to use one resource. */
export interface AccessRule {
	readonly group: string;
	readonly resource: string;
	readonly verbs: readonly ('get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete')[];
	/** Only the objects of these names. Creating, listing and watching can't be narrowed so. */
	readonly names?: readonly string[];
}

/** What every component of a release has. */
export interface ComponentRelease {
	/** Name of the image below the registry. */
	readonly image: string;
	/** Flags that the binary knows: any other one ends it at start. Without leading dashes. */
	readonly flags: readonly string[];
	/** What its container asks for when the installation does not say. */
	readonly resources: Resources;
}

/** How a release's Pilot is started. */
export interface PilotRelease extends ComponentRelease {
	/** All arguments, in order, that do not depend on the installation. */
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	readonly ports: readonly Port[];
	/** Ports of its proxy, which it has where there are certificates. */
	readonly proxyPorts: readonly [Port, ...Port[]];
	/** Whether the process itself waits for a certificate at `/etc/certs`, and under mutual TLS ends without one. */
	readonly looksForCertificate: boolean;
	/** Seconds between two calls of `/ready`. */
	readonly readinessPeriod: number;
	/** Whether the process follows changes of the mounted mesh configuration; if not, its pods must be replaced. */
	readonly reloadsMeshConfig: boolean;
	/** Istio's own types that Pilot lists and watches, as `plural.group`. One that is missing or forbidden keeps it from ever being ready. */
	readonly configTypes: readonly string[];
	/** Kubernetes' types that Pilot reads in all namespaces. */
	readonly clusterReads: readonly ReadRule[];
	/** Kubernetes' types that Pilot reads in its own namespace. */
	readonly namespaceReads: readonly ReadRule[];
}

/** What a release's mesh configuration holds when the installation says nothing. Every value differs from the binary's own default or makes it visible. */
export interface MeshRelease {
	readonly defaults: Readonly<Record<string, unknown>>;
	readonly proxyDefaults: Readonly<Record<string, unknown>>;
	/** Port of the Pilot Service in `discoveryAddress`. */
	readonly discoveryPort: number;
	/** The same under mutual TLS with the control plane. */
	readonly secureDiscoveryPort: number;
	/** Whether the ConfigMap has the key `meshNetworks`. */
	readonly networks: boolean;
	/**
	 * Whether Pilot finds the gateways of a network by the name of a Service too; 1.1 knows nothing but addresses, and a network
	 * that has gateways but none with an address ends it (`pilot/pkg/proxy/envoy/v2/ep_filters.go`: a division by their number).
	 */
	readonly gatewaysByService: boolean;
	/**
	 * Whether a changed `meshNetworks` reaches the registries of other clusters; if not, Pilot's pods must be replaced
	 * (`pilot/pkg/config/clusterregistry/multicluster.go`, `ReloadNetworkLookup` since 1.3).
	 */
	readonly followsNetworks: boolean;
}

export interface ClassicRelease {
	readonly line: 'classic';
	/** The full version: `1.4.10`. */
	readonly version: string;
	readonly minor: Minor;
	readonly kubernetes: KubernetesSupport;
	/** CPU architectures of the published images. */
	readonly architectures: readonly string[];
	readonly pilot: PilotRelease;
	readonly mixer: MixerRelease;
	readonly citadel: CitadelRelease;
	readonly injector: InjectorRelease;
	readonly gateways: GatewayRelease;
	readonly controlPlaneProxy: ControlPlaneProxyRelease;
	readonly mesh: MeshRelease;
}

/** A release of any line; `line` tells which. */
export type Release = ClassicRelease;

/** `-1`, `0` or `1` as `a` is older than, the same as or newer than `b`. */
export function compareMinor(a: Minor, b: Minor): number {
	return Math.sign(minors.indexOf(a) - minors.indexOf(b));
}
