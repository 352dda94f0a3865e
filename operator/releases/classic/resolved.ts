/** A MeshInstallation with every question answered: the input of `render`, `plan` and the command line. */
import type { ResolvedCapture } from '../capture.ts';
import type { Resources } from '../component.ts';
import type { ResolvedGateway } from '../gateways.ts';
import type { Opaque, ResolvedMesh, ResolvedPull, ResolvedWorkload } from '../mesh.ts';
import type { ClassicRelease } from './release.ts';

/** Full references of the images. */
export interface ResolvedImages extends ResolvedPull {
	readonly pilot: string;
	readonly mixer: string;
	readonly citadel: string;
	readonly sidecarInjector: string;
	/** Envoy with its agent, for sidecars, gateways and the proxies of control plane pods. */
	readonly proxy: string;
	/** The init container that redirects a pod's traffic. */
	readonly proxyInit: string;
}

/** The two services of Mixer. */
export type MixerService = 'policy' | 'telemetry';

/** Templates whose instances the operator can make for an adapter outside of Mixer. */
export const customTemplates = ['checknothing', 'logentry', 'metric', 'reportnothing'] as const;

export type CustomTemplate = (typeof customTemplates)[number];

/** How a metric is sent to statsd. */
export interface StatsdMetric {
	readonly type: 'COUNTER' | 'GAUGE' | 'DISTRIBUTION';
	/** Name of the metric, with dimensions as `{{.reporter}}`. */
	readonly nameTemplate: string;
}

/** A backend of Mixer, with the defaults in place. */
export type ResolvedAdapter =
	| { readonly kind: 'prometheus'; readonly metricsExpiry: string }
	| { readonly kind: 'stdio'; readonly json: boolean }
	| {
			readonly kind: 'statsd';
			readonly address: string;
			/** Without the dot that the adapter appends. */
			readonly prefix: string;
			readonly flushDuration: string;
			/** Largest size of a packet. */
			readonly flushBytes: number;
			/** Share of values that are sent, up to 1. */
			readonly samplingRate: number;
			/** By the name of a default metric, or by the full name of an instance of the user's own. */
			readonly metrics: Readonly<Record<string, StatsdMetric>>;
	  }
	| {
			readonly kind: 'custom';
			readonly name: string;
			readonly address: string;
			readonly templates: readonly CustomTemplate[];
			readonly params: Opaque;
	  };

/** Mixer's two services. A service that is switched off is undefined. */
export interface ResolvedMixer {
	readonly policy?: ResolvedWorkload;
	readonly telemetry?: ResolvedWorkload;
	readonly adapters: readonly ResolvedAdapter[];
	/** Where Mixer itself sends spans. Undefined without tracing. */
	readonly zipkinUrl?: string;
}

export interface ResolvedCitadel extends ResolvedWorkload {
	/** Secret with a CA of the user's. Undefined for a self-signed CA. */
	readonly caSecretName?: string;
	/** How long certificates of workloads are valid. */
	readonly workloadCertTTL: string;
}

export interface ResolvedInjector extends ResolvedWorkload {
	/** Whether pods without an annotation of their own get a proxy, in namespaces with injection. */
	readonly policy: 'enabled' | 'disabled';
	/** Namespaces that the operator labels. */
	readonly namespaces: readonly string[];
	readonly neverInject: readonly Opaque[];
	readonly alwaysInject: readonly Opaque[];
}

/** What every pod of the mesh gets, besides what the mesh configuration says. */
export interface ResolvedSidecar extends ResolvedCapture {
	/** User that the proxy runs as. */
	readonly uid: number;
	readonly resources: Resources;
	/** Those of `istio-init`. */
	readonly initResources: Resources;
}

/** A network: clusters whose pods reach each other directly. */
export interface ResolvedNetwork {
	readonly name: string;
	/** IDs of its clusters, as Pilot knows them. Pilot asks the first one for the addresses of `gatewayService`. */
	readonly registries: readonly [string, ...string[]];
	/** The gateway by which others reach the network, when the release finds one by its name. */
	readonly gatewayService?: { readonly host: string; readonly port: number };
}

/** Mutual TLS between workloads. */
export type MutualTls = 'PERMISSIVE' | 'STRICT' | 'DISABLED';

export interface ResolvedClassicMesh extends ResolvedMesh {
	readonly line: 'classic';
	readonly release: ClassicRelease;
	readonly images: ResolvedImages;
	/** Istio's mesh configuration (`MeshConfig`) as it is written. It has only fields that the release knows. */
	readonly meshConfig: Opaque;
	/** Networks of the mesh, this cluster's first. Empty when nobody has named one. Undefined when the release knows none. */
	readonly networks?: readonly ResolvedNetwork[];
	/** Where the mesh is, as its proxies say it. */
	readonly location: {
		/** Pilot knows the cluster by this ID. */
		readonly clusterId: string;
		readonly network?: string;
	};
	/** Kubeconfig of the cluster that Pilot and Mixer serve, when it is not the one that they run in. */
	readonly pilotKubeconfig?: {
		/** Name of a Secret in the namespace of the mesh. */
		readonly name: string;
		readonly key: string;
	};
	/** Percent of requests that start a trace. */
	readonly traceSampling: number;
	readonly pilot: ResolvedWorkload;
	readonly mixer: ResolvedMixer;
	readonly citadel?: ResolvedCitadel;
	readonly injector?: ResolvedInjector;
	readonly sidecar: ResolvedSidecar;
	readonly gateways: readonly ResolvedGateway[];
	/** Mutual TLS between workloads. DISABLED without Citadel, because then nobody has certificates. */
	readonly mutualTls: MutualTls;
	/** Mutual TLS between proxies and Pilot and Mixer (the charts' `controlPlaneSecurityEnabled`). Only with Citadel. */
	readonly controlPlaneSecurity: boolean;
}
