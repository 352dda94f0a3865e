/**
 * Plays the Deployment controller and the kubelets of a cluster that has neither: each Deployment has at once the pods that it asks for,
 * all of its newest template and ready. It costs a few requests instead of a controller manager and simulated nodes, and a
 * test decides when the pods get ready.
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
			readonly spec: object;
		};
	};
	readonly status?: { readonly observedGeneration?: number };
}

const manager = { fieldManager: 'played-kubelet' } as const;

/** Brings the pods of all Deployments of a namespace up to date. Settled when the cluster shows it. */
export async function playPods(api: ApiServer, namespace: string): Promise<void> {
	const { items } = await api.list<Deployment>(kinds.Deployment, { namespace });
	const old = (await api.list<KubeObject>(kinds.Pod, { namespace })).items;
	for (const deployment of items) {
		const { generation = 0, name, uid = '' } = deployment.metadata;
		if (deployment.status?.observedGeneration === generation) continue;
		const { replicas = 1, template } = deployment.spec;
		const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
		const names = Array.from({ length: replicas }, (_, index) => `${name}-${hash}-${index}`);
		for (const pod of names) {
			const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-${hash}`, uid }];
			const labels = { ...template.metadata.labels, 'pod-template-hash': hash };
			const metadata = { namespace, name: pod, labels, ownerReferences };
			await api.apply({ ...kindOf(kinds.Pod), metadata, spec: template.spec } as KubeObject, manager);
		}
		for (const pod of old)
			if (pod.metadata.name.startsWith(`${name}-`) && !names.includes(pod.metadata.name))
				await orAbsent(api.delete(referenceOf(pod), { gracePeriodSeconds: 0 }));
		const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
		const status = { observedGeneration: generation, ...counts };
		await api.patch(referenceOf(deployment), { status }, { ...manager, type: 'merge', subresource: 'status' });
	}
}

function kindOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }) {
	return { apiVersion, kind };
}
