/** What all lines of Istio releases share: the forms of releases and meshes that rooms outside of a line know. */
export type { AccessRule, ComponentRelease, KubernetesSupport, Port, ReadRule, Resources } from './component.ts';
export type { IstioCrd, PrinterColumn } from './crd.ts';
export type { GatewayName, ResolvedGateway, ResolvedGatewayService } from './gateways.ts';
export { comesFrom, registryParts } from './image-reference.ts';
export { type LabelRule, labelsByRule } from './label-rule.ts';
export { closedNamespaces, type MeshLimits, type OverlayPolicy, systemNamespaces } from './limits.ts';
export { checkLimits } from './limits-check.ts';
export type {
	DisruptionBudget,
	Opaque,
	Replicas,
	ResolvedMesh,
	ResolvedNodeWorkload,
	ResolvedOverlay,
	ResolvedPods,
	ResolvedPull,
	ResolvedWorkload,
} from './mesh.ts';
export type { ResolvedCluster, ResolvedMultiCluster } from './multi-cluster.ts';
export type { ObjectCheck, ObjectFinding, ObjectKind } from './object-check.ts';
export type { ReleaseProblem } from './problem.ts';
export type { EndOfLine, Release } from './release.ts';
export type { ResolveOptions, ResolveResult } from './resolve-result.ts';
export type { StandingRevision } from './revisions.ts';
