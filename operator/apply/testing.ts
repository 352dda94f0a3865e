/** Shared by the tests of applying: a cache in memory, objects as an API server stores them, a small installation. */
import type { ApiServer } from '../runtime/client/api-server.ts';
import { type Kind, kinds } from '../runtime/kinds.ts';
import { type KubeObject, type ManagedFieldsEntry, objectKey } from '../runtime/object.ts';
import { type Child, toChild } from './child.ts';
import {
	crdVersionAnnotation,
	fieldManager,
	managedSelector,
	memberSelector,
	type Owner,
	ownerReference,
} from './identity.ts';
import type { LiveCache } from './live.ts';

export const partOf = 'applyset-test-v1';
export const owner: Owner = {
	apiVersion: 'meshwright.io/v1',
	kind: 'MeshInstallation',
	name: 'default',
	uid: '6f5902ac-237f-4b0d-8f5c-1d3f2b1c7a10',
};

/** A cache that holds what a test puts into it. */
export class LiveMap implements LiveCache {
	readonly children = new Map<string, Child>();

	get(key: string): Child | undefined {
		return this.children.get(key);
	}

	ofApplySet(set: string): readonly Child[] {
		return [...this.children.values()].filter((child) => child.partOf === set);
	}

	observe(object: KubeObject): void {
		this.children.set(objectKey(object), toChild(object));
	}

	observeDeletion(object: KubeObject): void {
		this.children.delete(objectKey(object));
	}

	async follow(): Promise<void> {}

	seesAll(): boolean {
		return false;
	}

	expectWrite(): (answer?: KubeObject) => void {
		return (answer) => {
			if (answer !== undefined) this.observe(answer);
		};
	}
}

/** The kinds that the operator caches. Of namespaces it caches all, whoever made them. */
const cachedKinds: readonly { readonly kind: Kind; readonly selector?: string; readonly metadataOnly: boolean }[] = [
	{ kind: kinds.Namespace, metadataOnly: true },
	...[
		kinds.ServiceAccount,
		kinds.Role,
		kinds.RoleBinding,
		kinds.ClusterRole,
		kinds.ClusterRoleBinding,
		kinds.ConfigMap,
		kinds.Secret,
		kinds.Service,
		kinds.NetworkPolicy,
		kinds.HorizontalPodAutoscaler,
		kinds.PodDisruptionBudget,
		kinds.MutatingWebhookConfiguration,
		kinds.ValidatingWebhookConfiguration,
	].map((kind) => ({ kind, selector: memberSelector, metadataOnly: true })),
	{ kind: kinds.Deployment, selector: memberSelector, metadataOnly: false },
	{ kind: kinds.CustomResourceDefinition, selector: managedSelector, metadataOnly: false },
];

/**
 * A cache with what the watches of a started operator would show now.
 * @param only names of the kinds that matter, to save requests
 */
export async function liveOf(api: ApiServer, only?: ReadonlySet<string>): Promise<LiveMap> {
	const live = new LiveMap();
	const lists = await Promise.all(
		cachedKinds
			.filter(({ kind }) => only?.has(kind.kind) ?? true)
			.map(({ kind, selector, metadataOnly }) => api.list(kind, { labelSelector: selector, metadataOnly })),
	);
	for (const { items } of lists) for (const item of items) live.observe(item);
	return live;
}

/** Our entry in `managedFields`, with the paths of a body as the API server would list them (lists are atomic here). */
export function ownEntry(body: KubeObject): ManagedFieldsEntry {
	const { metadata, ...rest } = body;
	const { labels, annotations, ownerReferences } = metadata;
	const { apiVersion, kind: _, ...fields } = rest;
	return {
		manager: fieldManager,
		operation: 'Apply',
		apiVersion,
		time: '2026-01-01T00:00:00Z',
		fieldsType: 'FieldsV1',
		fieldsV1: fieldsOf({ metadata: { labels, annotations, ownerReferences }, ...fields }),
	};
}

function fieldsOf(value: object): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(value)
			.filter(([, field]) => field !== undefined)
			.map(([name, field]) => [
				`f:${name}`,
				typeof field === 'object' && field !== null && !Array.isArray(field) ? fieldsOf(field) : {},
			]),
	);
}

let resourceVersion = 100;

/** An object as it is stored after we applied it, with changes to its metadata. */
export function stored(body: KubeObject, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
	return {
		...body,
		metadata: {
			...body.metadata,
			uid: `uid of ${objectKey(body)}`,
			resourceVersion: String(++resourceVersion),
			generation: 1,
			managedFields: [ownEntry(body)],
			...metadata,
		},
	};
}

/** The labels of all objects of the test's installation. */
export const labels = {
	'app.kubernetes.io/managed-by': 'meshwright',
	'app.kubernetes.io/instance': owner.name,
	'app.kubernetes.io/component': 'pilot',
	'applyset.kubernetes.io/part-of': partOf,
} as const;

const shared = { 'app.kubernetes.io/managed-by': 'meshwright' } as const;

export function configMap(name: string, data: Readonly<Record<string, string>> = { mesh: 'a' }): KubeObject {
	return child({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'mesh' }, data });
}

/** The object with the labels of the installation. */
export function child(object: KubeObject): KubeObject {
	return { ...object, metadata: { ...object.metadata, labels: { ...labels, ...object.metadata.labels } } };
}

/** The object with labels and owner of the installation, as it is written. */
export function owned(object: KubeObject): KubeObject {
	return { ...object, metadata: { ...object.metadata, ownerReferences: [ownerReference(owner)] } };
}

export interface DeploymentOptions {
	readonly replicas?: number | undefined;
	readonly image?: string;
	readonly selector?: Readonly<Record<string, string>>;
}

export function deployment(name: string, options: DeploymentOptions = {}): KubeObject {
	const { replicas, image = 'istio/pilot:1.4.10', selector = { app: name } } = options;
	// After a write through the scale subresource they have another order in managedFields.
	const ports = [8080, 15010].map((containerPort) => ({ containerPort, protocol: 'TCP' }));
	return child({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name, namespace: 'mesh' },
		spec: {
			...(replicas === undefined ? {} : { replicas }),
			selector: { matchLabels: selector },
			template: {
				metadata: { labels: selector },
				spec: { containers: [{ name: 'discovery', image, ports }] },
			},
		},
	});
}

export function autoscaler(name: string): KubeObject {
	return child({
		apiVersion: 'autoscaling/v2',
		kind: 'HorizontalPodAutoscaler',
		metadata: { name, namespace: 'mesh' },
		spec: {
			minReplicas: 2,
			maxReplicas: 5,
			scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
			metrics: [
				{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
			],
		},
	});
}

export const namespace: KubeObject = {
	apiVersion: 'v1',
	kind: 'Namespace',
	metadata: { name: 'mesh', labels: shared },
};

export interface CrdOptions {
	readonly release?: string | undefined;
	readonly version?: string;
}

/** A definition with an open schema, like Istio's own. */
export function crd(plural: string, { release = '1.4.10', version = 'v1alpha3' }: CrdOptions = {}): KubeObject {
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: { name: `${plural}.test.istio.io`, labels: shared, annotations: { [crdVersionAnnotation]: release } },
		spec: {
			group: 'test.istio.io',
			scope: 'Namespaced',
			names: { kind: `Kind${plural}`, listKind: `Kind${plural}List`, plural, singular: `kind${plural}` },
			versions: [
				{
					name: version,
					served: true,
					storage: true,
					schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
				},
			],
		},
	};
}
