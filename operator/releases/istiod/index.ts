/** The line of istiod, Istio 1.30 and newer: its releases as data, and `resolve`. */
export { istiodCrds } from './crds.ts';
export {
	crossNetworkPort,
	eastWestGateway,
	envoyMetricsPort,
	gatewayRights,
	gatewayStatusPort,
	proxyResources,
} from './gateways.ts';
export { authorityAddress, discoveryAddress, statusPort } from './mesh-config.ts';
export { isSince, type Minor } from './minors.ts';
export { chargeRights, readerRights } from './reader-rights.ts';
export type { IstiodRelease, PilotRelease } from './release.ts';
export { istiodRelease, istiodReleases, type ReleaseData } from './releases.ts';
export { resolveIstiod } from './resolve.ts';
export { defaultWorkloadTtl } from './resolve-authority.ts';
export { gatewayInto } from './resolve-gateways.ts';
export { revisionOfVersion } from './resolve-revisions.ts';
export type {
	ResolvedCni,
	ResolvedInjection,
	ResolvedIstiodGateway,
	ResolvedIstiodImages,
	ResolvedIstiodMesh,
	ResolvedProxy,
	ResolvedTag,
} from './resolved.ts';
export { istioResources } from './rights.ts';
export { type Fate, fateOf, settings } from './settings.ts';
