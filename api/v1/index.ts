/** The API of Meshwright, version v1: everything that other rooms need from it. */
export { isCidr, mappedIPv4 } from './cidr.ts';
export type { ClusterObservation, ClusterProblem } from './cluster-observation.ts';
export { type ClusterReason, type ClusterReasonEntry, clusterReasons } from './cluster-reasons.ts';
export * from './constants.ts';
export { canonicalJson, digest } from './digest.ts';
export { parseDuration, tryDuration } from './duration.ts';
export { definedFields, fieldsOf, isObject } from './fields.ts';
export {
	type ParsedMeshInstallation,
	type ParsedSpec,
	type ParsedStatus,
	type ParseResult,
	parseMeshInstallation,
	parseStatus,
} from './parse.ts';
export type { Problem } from './problems.ts';
export { canonicalQuantity, isQuantity, parseQuantity } from './quantity.ts';
export { type Reason, type ReasonEntry, reasons } from './reasons.ts';
export { isServerUrl, serverUrlForm } from './server-url.ts';
export { notSupportedYet, supportGap } from './support.ts';
export { timeText } from './time.ts';
export type * from './types.generated.ts';
export { clusterNameOf, deletionOf, type ListedCluster, listedClustersOf, namespaceOf } from './unparsed.ts';
export { compareVersions, isSince, readFullVersion, readVersion, type Version } from './version.ts';
