/** A MeshInstallation with every question answered: the part that all lines share, for the rooms that they share. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { Resources } from './component.ts';
import type { MeshLimits } from './limits.ts';
import type { ResolvedMultiCluster } from './multi-cluster.ts';
import type { Release } from './release.ts';

/** How many pods a component has. With autoscaling nobody but the autoscaler writes the number. */
export type Replicas =
	| { readonly kind: 'fixed'; readonly count: number }
	| {
			readonly kind: 'autoscaled';
			readonly min: number;
			readonly max: number;
			/** Percent of the CPU request. */
			readonly targetCPUUtilization: number;
	  };

/** Exactly one of the two. It is a number or a percentage. */
export type DisruptionBudget =
	| { readonly minAvailable: number | string }
	| { readonly maxUnavailable: number | string };

/** One of Kubernetes' own objects, which the API server checks. */
export type Opaque = Readonly<Record<string, unknown>>;

/** Settings of the pods of any workload. */
export interface ResolvedPods {
	readonly resources: Resources;
	readonly nodeSelector: Readonly<Record<string, string>>;
	readonly tolerations: readonly Opaque[];
	readonly affinity: Opaque;
	readonly podAnnotations: Readonly<Record<string, string>>;
	readonly podLabels: Readonly<Record<string, string>>;
	/** In the user's order. Each replaces the release's variable of the same name. */
	readonly env: readonly (Opaque & { readonly name: string })[];
	/** They come after the release's arguments. */
	readonly extraArgs: readonly string[];
}

/** Settings that all workloads of the control plane share. */
export interface ResolvedWorkload extends ResolvedPods {
	readonly replicas: Replicas;
	/** Undefined when a budget would keep nodes from being drained. */
	readonly disruptionBudget?: DisruptionBudget;
	readonly topologySpreadConstraints: readonly Opaque[];
	readonly priorityClassName?: string;
}

/** Settings of a workload that has one pod on each node. */
export interface ResolvedNodeWorkload extends ResolvedPods {
	/** On how many nodes its pods may be replaced at a time: a number or a percentage. */
	readonly maxUnavailable: number | string;
}

/** How the images of a mesh are pulled. */
export interface ResolvedPull {
	readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
	/** Names of Secrets in the namespace of the mesh. */
	readonly pullSecrets: readonly string[];
}

/** One change of one rendered object, see `spec.overlays`. */
export type ResolvedOverlay = NonNullable<ParsedSpec['overlays']>[number];

/** A mesh of any line. Each line has a type of its own with everything else. */
export interface ResolvedMesh {
	/** Name of the line that installs it. */
	readonly line: string;
	/** Name of the MeshInstallation. */
	readonly name: string;
	/** Namespace of the control plane. */
	readonly namespace: string;
	/** The revision, when the installation has several control planes. Undefined for the only one, or the default one. */
	readonly revision?: string;
	readonly release: Release;
	readonly images: ResolvedPull;
	/** Domain of the workloads' identities, when it differs from the release's own. */
	readonly trustDomain?: string;
	readonly overlays: readonly ResolvedOverlay[];
	/** What whoever runs the operator allows. Undefined: the defaults. */
	readonly limits?: MeshLimits;
	readonly multiCluster: ResolvedMultiCluster;
	/** Sentences about the spec that its owner may want to know although nothing is wrong. */
	readonly notes?: readonly string[];
}
