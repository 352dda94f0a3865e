/** What an injector is started with, is asked, and answers; and what passes between its parts. */

import type { Minor } from '../../operator/releases/classic/index.ts';
import { minors } from '../../operator/releases/classic/minors.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** The files that an injector is started with, and what it is. */
export interface InjectorFiles {
	/** Of the injector's own image, which need not be the mesh's release. */
	readonly minor: Minor;
	/** Key `config` of its ConfigMap. */
	readonly config: string;
	/** Key `values`, from 1.2 on. */
	readonly values: string;
	/** Key `mesh` of ConfigMap `istio`. */
	readonly mesh: string;
}

/** A pod in an AdmissionReview. */
export interface PodRequest {
	readonly namespace: string;
	readonly pod: KubePod;
}

export interface KubePod extends Fields {
	readonly metadata: Fields & {
		readonly name?: string;
		readonly generateName?: string;
		readonly namespace?: string;
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
		readonly ownerReferences?: readonly {
			readonly apiVersion: string;
			readonly kind: string;
			readonly name: string;
			readonly controller?: boolean;
		}[];
	};
	readonly spec: Fields & { readonly hostNetwork?: boolean; readonly containers: readonly Container[] };
}

export interface Container extends Fields {
	readonly name: string;
	readonly args?: readonly string[];
	readonly env?: readonly Fields[];
	readonly ports?: readonly (Fields & { readonly name?: string; readonly containerPort: number })[];
	readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
	readonly readinessProbe?: Probe;
	readonly livenessProbe?: Probe;
}

export interface Probe extends Fields {
	readonly httpGet?: Fields & { readonly port: number | string; readonly scheme?: string };
}

export type Answer =
	| { readonly kind: 'injected'; readonly pod: KubePod }
	/** Let in as it is. */
	| { readonly kind: 'skipped' }
	| { readonly kind: 'refused' };

export interface Config {
	readonly policy?: string;
	readonly template: string;
	readonly neverInjectSelector?: readonly Selector[];
	readonly alwaysInjectSelector?: readonly Selector[];
	readonly injectedAnnotations?: Readonly<Record<string, string>>;
}

export interface Selector {
	readonly matchLabels?: Readonly<Record<string, string>>;
	readonly matchExpressions?: readonly {
		readonly key: string;
		readonly operator: string;
		readonly values?: readonly string[];
	}[];
}

/** `SidecarInjectionSpec`. */
export interface Injected {
	readonly rewriteAppHTTPProbe: boolean;
	readonly initContainers: readonly Container[];
	readonly containers: readonly Container[];
	readonly volumes: readonly Fields[];
	readonly imagePullSecrets: readonly Fields[];
	readonly dnsConfig: Fields | undefined;
}

export function isFrom(minor: Minor, first: Minor): boolean {
	return minors.indexOf(minor) >= minors.indexOf(first);
}
