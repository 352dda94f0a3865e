/** What the operator knows about an Istio release: data that a person can check against the release's own charts and sources. */

import type { ComponentRelease, Port, ReadRule } from '../component.ts';
import type { Release } from '../release.ts';
import type { CitadelRelease } from './citadel.ts';
import type { ControlPlaneProxyRelease } from './control-plane-proxy.ts';
import type { GatewayRelease } from './gateways.ts';
import type { InjectorRelease } from './injector.ts';
import type { Minor } from './minors.ts';
import type { MixerRelease } from './mixer.ts';

/** How a release's Pilot is started. */
export interface PilotRelease extends ComponentRelease {
	/** All arguments, in order, that do not depend on the installation. */
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	readonly ports: readonly Port[];
	/** Port of its metrics. */
	readonly monitoringPort: number;
	/** Ports of its proxy, which exists only with certificates. */
	readonly proxyPorts: readonly [Port, ...Port[]];
	/** Whether the process itself waits for a certificate at `/etc/certs`, and ends without one under mutual TLS. */
	readonly looksForCertificate: boolean;
	/** Pause between two calls of `/ready`. */
	readonly readinessPeriodSeconds: number;
	/** Whether the process notices changes of the mounted mesh configuration. If not, its pods must be replaced. */
	readonly reloadsMeshConfig: boolean;
	/**
	 * Istio's own types that Pilot lists and watches, as `plural.group`. When one is missing or forbidden, Pilot is never
	 * ready.
	 */
	readonly configTypes: readonly string[];
	/** Kubernetes' types that Pilot reads in all namespaces. */
	readonly clusterReads: readonly ReadRule[];
	/** Kubernetes' types that Pilot reads in its own namespace. */
	readonly namespaceReads: readonly ReadRule[];
}

/**
 * What a release's mesh configuration holds when the installation sets nothing. Every value either differs from the
 * binary's default or makes it visible.
 */
export interface MeshRelease {
	readonly defaults: Readonly<Record<string, unknown>>;
	readonly proxyDefaults: Readonly<Record<string, unknown>>;
	/** Port of the Pilot Service in `discoveryAddress`. */
	readonly discoveryPort: number;
	/** The same, under mutual TLS with the control plane. */
	readonly secureDiscoveryPort: number;
	/**
	 * Whether one field that it does not know ends Pilot and the injector (`pilot/pkg/model/conversion.go`, `ApplyJSON`; 1.1 and
	 * newer try again without what is unknown).
	 */
	readonly refusesUnknownFields: boolean;
	/** Whether the ConfigMap has the key `meshNetworks`. */
	readonly networks: boolean;
	/**
	 * Whether Pilot can also find the gateways of a network by the name of a Service. 1.1 knows nothing but addresses, and a
	 * network that has gateways but none with an address ends it (`pilot/pkg/proxy/envoy/v2/ep_filters.go`: a division by
	 * their number).
	 */
	readonly gatewaysByService: boolean;
	/**
	 * Whether a changed `meshNetworks` reaches the registries of other clusters. If not, Pilot's pods must be replaced
	 * (`pilot/pkg/config/clusterregistry/multicluster.go`, `ReloadNetworkLookup` since 1.3).
	 */
	readonly followsNetworks: boolean;
}

export interface ClassicRelease extends Release {
	readonly line: 'classic';
	readonly minor: Minor;
	readonly pilot: PilotRelease;
	readonly mixer: MixerRelease;
	readonly citadel: CitadelRelease;
	readonly injector: InjectorRelease;
	readonly gateways: GatewayRelease;
	readonly controlPlaneProxy: ControlPlaneProxyRelease;
	readonly mesh: MeshRelease;
}
