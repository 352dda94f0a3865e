/**
 * The classic line, Istio 1.0 to 1.4: its releases as data, and `resolve`, which turns a MeshInstallation into a mesh with
 * every question answered.
 */

export { crdsOf } from './crds.ts';
export { crossNetworkPort, envoyMetricsPort, statusPort } from './gateways.ts';
export { healthCheckFile } from './injector.ts';
export { compareMinor, type Minor, minors } from './minors.ts';
export { configFromApiServer, meshMetricsPort, mixerProxyPorts } from './mixer.ts';
export { connectionSecurityPolicy, type MixerMetric, mixerMetrics, reporter, type Traffic } from './mixer-metrics.ts';
export { checkObject } from './objects/check-object.ts';
export { type PilotCounter, pilotCounters } from './pilot-counters.ts';
export type { ClassicRelease, PilotRelease } from './release.ts';
export { classicReleases } from './releases.ts';
export { resolveClassic } from './resolve.ts';
export { noWayIn, takesGatewayAddress } from './resolve-multi-cluster.ts';
export type {
	CustomTemplate,
	MixerService,
	MutualTls,
	ResolvedAdapter,
	ResolvedCitadel,
	ResolvedClassicMesh,
	ResolvedImages,
	ResolvedInjector,
	ResolvedMixer,
	ResolvedNetwork,
	ResolvedSidecar,
} from './resolved.ts';
