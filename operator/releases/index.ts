/**
 * What the operator knows about Istio's releases, and `resolve`, which turns a MeshInstallation into a mesh with every
 * question answered.
 */

export { crdsOf, type IstioCrd, type PrinterColumn } from './classic/crds.ts';
export { crossNetworkPort, envoyMetricsPort, statusPort } from './classic/gateways.ts';
export { compareMinor, type Minor } from './classic/minors.ts';
export { configFromApiServer, meshMetricsPort, mixerProxyPorts } from './classic/mixer.ts';
export {
	connectionSecurityPolicy,
	type MixerMetric,
	mixerMetrics,
	reporter,
	type Traffic,
} from './classic/mixer-metrics.ts';
export type { ClassicRelease, Line, PilotRelease, Release } from './classic/release.ts';
export { type ResolveOptions, type ResolveResult, resolve } from './classic/resolve.ts';
export type {
	CustomTemplate,
	DisruptionBudget,
	MixerService,
	MutualTls,
	Opaque,
	Replicas,
	ResolvedAdapter,
	ResolvedCitadel,
	ResolvedClassicMesh,
	ResolvedGateway,
	ResolvedImages,
	ResolvedInjector,
	ResolvedMesh,
	ResolvedMixer,
	ResolvedNetwork,
	ResolvedOverlay,
	ResolvedSidecar,
	ResolvedWorkload,
} from './classic/resolved.ts';
export type { AccessRule, KubernetesSupport, Port, ReadRule, Resources } from './component.ts';
export { type EndOfLine, type FindResult, releases } from './find-release.ts';
export type { ResolvedCluster, ResolvedMultiCluster } from './multi-cluster.ts';
export type { ReleaseProblem } from './problem.ts';
