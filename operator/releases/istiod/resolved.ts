/** A MeshInstallation of this line with every question answered. */
import type { ResolvedCapture } from '../capture.ts';
import type { Resources } from '../component.ts';
import type { ResolvedGateway } from '../gateways.ts';
import type { Opaque, ResolvedMesh, ResolvedNodeWorkload, ResolvedPull, ResolvedWorkload } from '../mesh.ts';
import type { IstiodRelease } from './release.ts';

/** Full references of the images. */
export interface ResolvedIstiodImages extends ResolvedPull {
	readonly pilot: string;
	/** Envoy with its agent, also as istio-init. */
	readonly proxy: string;
	/** The CNI plugin with its agent. */
	readonly cni: string;
}

/** Which pods get a proxy. */
export interface ResolvedInjection {
	/** Whether pods without a label or annotation of their own get a proxy, in namespaces with injection. */
	readonly policy: 'enabled' | 'disabled';
	/** Namespaces that the operator labels. */
	readonly namespaces: readonly string[];
	readonly neverInject: readonly Opaque[];
	readonly alwaysInject: readonly Opaque[];
}

/** What every proxy beside a workload gets. */
export interface ResolvedProxy extends ResolvedCapture {
	readonly resources: Resources;
	/** Those of `istio-init`. */
	readonly initResources: Resources;
}

/** Istio's CNI plugin on each node. */
export interface ResolvedCni {
	readonly pods: ResolvedNodeWorkload;
	/** Folder of nodes with the plugins. */
	readonly binDir: string;
	/** Folder of nodes with the configuration of plugins. */
	readonly confDir: string;
	/** The file there that the plugin is added to. Undefined: the first one. */
	readonly confFileName?: string;
	/** Whether the plugin is one of a chain, and has no file of its own. */
	readonly isChained: boolean;
	/** Namespaces whose pods it leaves alone, sorted. */
	readonly excludeNamespaces: readonly string[];
	/** Whether the namespace of the mesh needs a quota for its pods. */
	readonly needsQuota: boolean;
}

/** A name for a revision, by which namespaces and pods ask for it. */
export interface ResolvedTag {
	readonly name: string;
	/** Undefined: the revision without a name. */
	readonly revision?: string;
}

export interface ResolvedIstiodGateway extends ResolvedGateway {
	/** The network that others enter by it. Undefined for a gateway that is not between networks. */
	readonly network?: string;
}

export interface ResolvedIstiodMesh extends ResolvedMesh {
	readonly line: 'istiod';
	readonly release: IstiodRelease;
	readonly images: ResolvedIstiodImages;
	/** Istio's mesh configuration (`MeshConfig`) as it is written. It has only fields that the release knows. */
	readonly meshConfig: Opaque;
	/** Whether this is a mesh as it is in a joined cluster that the istiod of another cluster serves. */
	readonly isServedFromElsewhere?: boolean;
	/** Where the mesh is, as its proxies say it. */
	readonly location: {
		/** istiod knows the cluster by this ID. */
		readonly clusterId: string;
		readonly network?: string;
	};
	/** Percent of requests that start a trace. */
	readonly traceSampling: number;
	readonly pilot: ResolvedWorkload;
	/** Who signs certificates: istiod, unless an authority outside is named. */
	readonly authority: {
		/** `host:port` of an authority outside. istiod signs nothing then. */
		readonly external?: string;
		/** Secret with an authority of the user's, or one that the operator issues. Undefined for a self-signed one. */
		readonly caSecretName?: string;
		/** How the operator issues it, to this cluster and to others. */
		readonly intermediates?: {
			readonly rootSecret: { readonly namespace: string; readonly name: string };
			readonly lifetimeMs: number;
		};
		/** How long certificates of workloads are valid. Undefined: as istiod decides, 24h. */
		readonly workloadCertTTL?: string;
	};
	/** Names for revisions, without `default`. */
	readonly tags: readonly ResolvedTag[];
	/** The revision of those who name none. Undefined: the one without a name. */
	readonly defaultTo?: string;
	/** Undefined when nothing is injected. */
	readonly injection?: ResolvedInjection;
	readonly proxy: ResolvedProxy;
	/** Undefined where each pod redirects its traffic itself, by an init container. */
	readonly cni?: ResolvedCni;
	readonly gateways: readonly ResolvedIstiodGateway[];
	/** Whether clusters of other networks reach istiod by the gateway between networks. */
	readonly exposesControlPlane?: true;
	/** What workloads demand of each other. Undefined: istiod's own default, which is PERMISSIVE. */
	readonly mutualTls?: 'PERMISSIVE' | 'STRICT' | 'DISABLED';
}
