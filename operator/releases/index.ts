/** What the operator knows about Istio's releases, and from a MeshInstallation to a mesh with every question answered. */
export { classicReleases } from './classic.ts';
export { crdsOf, type IstioCrd, type PrinterColumn } from './crds.ts';
export { type EndOfLine, type FindResult, findRelease, releases } from './find-release.ts';
export { crossNetworkPort, envoyMetricsPort, statusPort } from './gateways.ts';
export { configFromApiServer, meshMetricsPort, mixerProxyPorts } from './mixer.ts';
export { connectionSecurityPolicy, type MixerMetric, mixerMetrics, reporter, type Traffic } from './mixer-metrics.ts';
export type { ReleaseProblem } from './problem.ts';
export { canonicalQuantity } from './quantity.ts';
export type {
	AccessRule,
	ClassicRelease,
	KubernetesSupport,
	Line,
	Minor,
	PilotRelease,
	Port,
	ReadRule,
	Release,
	Resources,
} from './release.ts';
export { compareMinor, minors } from './release.ts';
export { type ResolveOptions, type ResolveResult, resolve } from './resolve.ts';
export { localRegistry } from './resolve-multi-cluster.ts';
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
} from './resolved.ts';
