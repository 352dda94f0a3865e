/**
 * Plays the Deployment controller and the kubelets of a cluster that has neither: each Deployment has at once the pods that it asks for,
 * all of its newest template and ready. It costs a few requests instead of a controller manager and simulated nodes, and a
 * test decides when the pods get ready, or what becomes of the first of them.
 */
import { createHash } from 'node:crypto';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, referenceOf } from '../../operator/runtime/object.ts';
import { orAbsent } from './eventually.ts';

interface Deployment extends KubeObject {
	readonly spec: {
		readonly replicas?: number;
		readonly template: {
			readonly metadata: { readonly labels: Readonly<Record<string, string>> };
			readonly spec: { readonly containers: readonly { readonly name: string }[] };
		};
	};
	readonly status?: {
		readonly observedGeneration?: number;
		readonly replicas?: number;
		readonly updatedReplicas?: number;
	};
}

/** What becomes of the first pod of a new template, while those of the one before serve on. */
export type PodFault =
	/** Status of the pod, and of its first container. */
	| { readonly pod: Readonly<Record<string, unknown>>; readonly container?: Readonly<Record<string, unknown>> }
	/** There is no pod: why the API server does not take it. */
	| { readonly refused: string };

const manager = { fieldManager: 'played-kubelet' } as const;

/**
 * Brings the pods of all Deployments of a namespace up to date, or as far as `fault` lets them come. Settled when the
 * cluster shows it.
 */
export async function playPods(api: ApiServer, namespace: string, fault?: PodFault): Promise<void> {
	const { items } = await api.list<Deployment>(kinds.Deployment, { namespace });
	const old = (await api.list<KubeObject>(kinds.Pod, { namespace })).items;
	for (const deployment of items) {
		const { generation = 0, name, uid = '' } = deployment.metadata;
		const { spec, status: { observedGeneration, ...counted } = {} } = deployment;
		const { replicas = 1, template } = spec;
		const isUpToDate = counted.replicas === replicas && counted.updatedReplicas === replicas;
		if (observedGeneration === generation && isUpToDate) continue;
		const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
		const made = fault === undefined ? replicas : 'refused' in fault ? 0 : 1;
		const names = Array.from({ length: made }, (_, index) => `${name}-${hash}-${index}`);
		for (const pod of names) {
			const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-${hash}`, uid }];
			const labels = { ...template.metadata.labels, 'pod-template-hash': hash };
			const metadata = { namespace, name: pod, labels, ownerReferences };
			await api.apply({ ...kindOf(kinds.Pod), metadata, spec: template.spec } as KubeObject, manager);
			if (fault !== undefined || old.some(({ metadata: { name: known } }) => known === pod))
				await say(api, { ...kindOf(kinds.Pod), namespace, name: pod }, podStatus(template.spec, fault));
		}
		if (fault === undefined)
			for (const pod of old)
				if (pod.metadata.name.startsWith(`${name}-`) && !names.includes(pod.metadata.name))
					await orAbsent(api.delete(referenceOf(pod), { gracePeriodSeconds: 0 }));
		const serving = { readyReplicas: replicas, availableReplicas: replicas };
		const counts =
			fault === undefined
				? { replicas, updatedReplicas: replicas }
				: { replicas: replicas + made, updatedReplicas: made };
		const status = { observedGeneration: generation, ...counts, ...serving, conditions: conditionsOf(fault) };
		await say(api, referenceOf(deployment), status);
	}
}

function say(api: ApiServer, reference: Parameters<ApiServer['patch']>[0], status: object): Promise<unknown> {
	return api.patch(reference, { status }, { ...manager, type: 'merge', subresource: 'status' });
}

function podStatus({ containers }: Deployment['spec']['template']['spec'], fault: PodFault | undefined): object {
	if (fault === undefined || 'refused' in fault)
		return { phase: 'Running', reason: null, message: null, conditions: [], containerStatuses: [] };
	const [first] = containers;
	const about = { name: first?.name, ready: false, restartCount: 0, image: '', imageID: '' };
	return {
		phase: 'Pending',
		...fault.pod,
		containerStatuses: fault.container ? [{ ...about, ...fault.container }] : [],
	};
}

function conditionsOf(fault: PodFault | undefined): readonly object[] {
	return fault !== undefined && 'refused' in fault
		? [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: fault.refused }]
		: [];
}

function kindOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }) {
	return { apiVersion, kind };
}
