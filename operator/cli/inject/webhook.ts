/**
 * What a mesh's webhook puts into pods, found out by dry runs: the API server is asked to make each pod twice, once with its proxy
 * and once without, and stores neither. What differs between the two answers is the injection; what the API server itself adds to
 * every pod is in both.
 */
import { podInjectionKey } from '../../../api/v1/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound, RequestError, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject, OwnerReference } from '../../runtime/object.ts';
import { type Pod, readStatus, uninjectPod } from '../../sidecar/index.ts';
import { afterInjection, templateHashLabel } from './injected.ts';
import type { PodChange } from './manifests.ts';
import type { Workload } from './workloads.ts';

/** Stands for the part of a name that Kubernetes makes up. */
const madeUp = '5d4f8c7b9';

export interface Asking {
	readonly api: ApiServer;
	/** Labels by which the mesh's webhook takes a pod. */
	readonly labels: Readonly<Record<string, string>>;
	/** Namespace of objects that don't name theirs. */
	readonly defaultNamespace: string;
}

/** The pod with the proxy that the webhook gives it, in place of one from an earlier injection. */
export async function askWebhook(given: Workload, { api, labels, defaultNamespace }: Asking): Promise<PodChange> {
	const earlier = uninjectPod(given.pod.metadata, given.pod.spec);
	if (earlier.kind === 'refused') return earlier;
	const workload = earlier.kind === 'skipped' ? given : { ...given, pod: earlier };
	const namespace = workload.namespace ?? workload.pod.metadata.namespace ?? defaultNamespace;
	const declined = whyNot(workload.pod);
	if (declined !== undefined) return { kind: 'skipped', reason: declined };
	const dryRun = async (wanted: Readonly<Record<string, string>>): Promise<Pod> => {
		const { object } = await api.create(podOf(workload, namespace, wanted), {
			dryRun: true,
			fieldValidation: 'Ignore',
		});
		return object as KubeObject & Pod;
	};
	try {
		const [bare, injected] = await Promise.all([
			dryRun({ [podInjectionKey]: 'false' }),
			dryRun({ ...labels, [podInjectionKey]: 'true' }),
		]);
		const pod = afterInjection(workload.pod, bare, injected);
		return pod === undefined
			? { kind: 'skipped', reason: whyNothing(workload.pod, namespace) }
			: { kind: 'changed', ...pod };
	} catch (error) {
		return refusal(error, namespace);
	}
}

function whyNothing({ metadata }: Pod, namespace: string): string {
	return readStatus(metadata).is !== 'none'
		? 'it has its proxy'
		: `no webhook of the mesh gives pods of namespace ${namespace} a proxy`;
}

/** Why the pod gets no proxy, whatever the webhook says. */
function whyNot({ metadata: { labels = {}, annotations = {} }, spec }: Pod): string | undefined {
	if (spec.hostNetwork === true) return 'it is on the network of its host';
	const said = labels[podInjectionKey] ?? annotations[podInjectionKey];
	return said === 'false' ? `it says ${podInjectionKey}: "false"` : undefined;
}

/** The pod as the workload's controller would make it, for a dry run. Without a token, whose volume gets another name each time. */
function podOf(
	{ apiVersion, kind, name, pod }: Workload,
	namespace: string,
	wanted: Readonly<Record<string, string>>,
): KubeObject {
	const { metadata, spec } = pod;
	const owner = ownerOf(apiVersion, kind, name);
	const labels = {
		...metadata.labels,
		...(owner.hash === undefined ? {} : { [templateHashLabel]: owner.hash }),
		...wanted,
	};
	return {
		...kindAndVersion,
		metadata: {
			name: owner.podName,
			namespace,
			labels,
			...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
			...(owner.reference === undefined ? {} : { ownerReferences: [owner.reference] }),
		},
		spec: { ...spec, automountServiceAccountToken: false },
	};
}

const kindAndVersion = { apiVersion: kinds.Pod.apiVersion, kind: kinds.Pod.kind };

interface Owner {
	readonly podName: string;
	readonly hash?: string;
	readonly reference?: OwnerReference;
}

/** Who owns the pods: istiod tells the proxy the name of its workload by that (istio 1.30 `pkg/kube/controllers/util.go`). */
function ownerOf(apiVersion: string, kind: string, name = 'injected'): Owner {
	const reference = (ownerVersion: string, ownerKind: string, ownerName: string) => ({
		apiVersion: ownerVersion,
		kind: ownerKind,
		name: ownerName,
		uid: '00000000-0000-0000-0000-000000000000',
		controller: true,
	});
	switch (kind) {
		case 'Pod':
			return { podName: name };
		case 'Deployment':
			return {
				podName: `${name}-${madeUp}-x`,
				hash: madeUp,
				reference: reference('apps/v1', 'ReplicaSet', `${name}-${madeUp}`),
			};
		case 'CronJob':
			// The controller appends the minute of the schedule.
			return { podName: `${name}-29000000-x`, reference: reference('batch/v1', 'Job', `${name}-29000000`) };
		default:
			return { podName: `${name}-x`, reference: reference(apiVersion, kind, name) };
	}
}

function refusal(error: unknown, namespace: string): PodChange {
	if (isNotFound(error)) {
		const message = `spec: namespace ${namespace} does not exist, and pods are asked for in it`;
		return {
			kind: 'refused',
			problems: [{ message, remedy: 'make the namespace, or name another one with --namespace' }],
		};
	}
	if (!(error instanceof RequestError || (error instanceof TransientError && error.admission !== undefined)))
		throw error;
	const message = `spec: the API server refuses the pod, with its proxy or without: ${error.message}`;
	return { kind: 'refused', problems: [{ message, remedy: 'correct the pod, or what refuses it' }] };
}
