/** A MeshInstallation with every question answered: what `render`, `plan` and the command line work from. */
import type { ClassicRelease, Resources } from './release.ts';

/** How many pods a component has. Under autoscaling nobody but the autoscaler writes the number. */
export type Replicas =
	| { readonly kind: 'fixed'; readonly count: number }
	| {
			readonly kind: 'autoscaled';
			readonly min: number;
			readonly max: number;
			/** Percent of the CPU request. */
			readonly targetCPUUtilization: number;
	  };

/** Exactly one of the two; a number or a percentage. */
export type DisruptionBudget =
	| { readonly minAvailable: number | string }
	| { readonly maxUnavailable: number | string };

/** One of Kubernetes' own objects, checked by the API server. */
export type Opaque = Readonly<Record<string, unknown>>;

/** Settings that all workloads of the control plane share. */
export interface ResolvedWorkload {
	readonly replicas: Replicas;
	/** Absent when one would keep nodes from being drained. */
	readonly disruptionBudget?: DisruptionBudget;
	readonly resources: Resources;
	readonly nodeSelector: Readonly<Record<string, string>>;
	readonly tolerations: readonly Opaque[];
	readonly affinity: Opaque;
	readonly topologySpreadConstraints: readonly Opaque[];
	readonly priorityClassName?: string;
	readonly podAnnotations: Readonly<Record<string, string>>;
	readonly podLabels: Readonly<Record<string, string>>;
	/** In the user's order; each replaces one of the release's by its name. */
	readonly env: readonly (Opaque & { readonly name: string })[];
	/** After the release's own. */
	readonly extraArgs: readonly string[];
}

export interface ResolvedImages {
	/** Full reference of the image of each component that is installed. */
	readonly pilot: string;
	readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
	/** Names of Secrets in the namespace of the mesh. */
	readonly pullSecrets: readonly string[];
}

/** What every line has. */
interface ResolvedBase {
	/** Name of the MeshInstallation. */
	readonly name: string;
	/** Namespace of the control plane. */
	readonly namespace: string;
	readonly images: ResolvedImages;
}

export interface ResolvedClassicMesh extends ResolvedBase {
	readonly line: 'classic';
	readonly release: ClassicRelease;
	/** Istio's mesh configuration (`MeshConfig`) as it is written; only fields that the release knows. */
	readonly meshConfig: Opaque;
	/** Networks of the mesh (`MeshNetworks`); absent where the release knows none. */
	readonly meshNetworks?: Opaque;
	/** Percent of requests that start a trace. */
	readonly traceSampling: number;
	/** Domain of the workloads' identities, when it is not the release's own. */
	readonly trustDomain?: string;
	readonly pilot: ResolvedWorkload;
}

/** A mesh of any line; `line` tells which. */
export type ResolvedMesh = ResolvedClassicMesh;
