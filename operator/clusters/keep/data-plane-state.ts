/** Says how far the data plane in a cluster is, by its Deployments, and by their pods while these are not as wanted. */
import type { ClusterProblem, ClusterReason } from '../../../api/v1/index.ts';
import { type Child, isOutage, type Workload } from '../../apply/child.ts';
import { hasBeenReady } from '../../apply/installation-memory.ts';
import { isWorthALook, type PodWatch } from '../../apply/pod-watch.ts';
import { kinds } from '../../runtime/kinds.ts';
import { groupOf, objectKey } from '../../runtime/object.ts';
import type { WebhooksThere } from '../cluster-objects.ts';
import type { ClusterConnection } from './connection.ts';
import { quote } from './failure.ts';
import type { PassFindings } from './observe.ts';

export interface DataPlaneContext {
	/** Namespace of the mesh. */
	readonly namespace: string;
	/** What applying waited for. */
	readonly gate: string | undefined;
	/** Something that a person may want to know; empty when there is nothing. */
	readonly note: string;
	readonly webhooks: WebhooksThere | undefined;
	/** See `FailureContext`. */
	readonly secrets: readonly string[];
}

type Seen = Pick<ClusterConnection, 'memory'> & {
	readonly live: Pick<ClusterConnection['live'], 'isBehind' | 'ofKind'>;
	readonly pods: Pick<PodWatch, 'lookAt' | 'troubleOf' | 'isRefused'>;
};

export function dataPlaneOf(
	{ live, memory, pods }: Seen,
	{ namespace, gate, note, webhooks, secrets }: DataPlaneContext,
): NonNullable<PassFindings['dataPlane']> {
	// What was seen last says nothing about now.
	const seen = webhooksOf(webhooks, secrets);
	if (live.isBehind(kinds.Deployment)) return { waiting: 'the Deployments there can not be seen now', ...seen };
	const workloads = [...live.ofKind(kinds.Deployment)]
		.flatMap((child) => (child.workload === undefined ? [] : [{ child, workload: child.workload }]))
		.sort((a, b) => (a.child.metadata.name < b.child.metadata.name ? -1 : 1));
	pods.lookAt(workloads.some(({ workload }) => isWorthALook(workload)) ? namespace : undefined);
	const noted = note === '' ? {} : { note };
	const behind = workloads
		.filter(({ workload }) => isBehind(workload))
		.map(({ child, workload }) => ({
			...stateOf(child, workload, pods, secrets),
			// A Deployment that is being rolled out is not degraded, and neither is one with several pods of which one is
			// being replaced.
			isDegraded: workload.stalled !== undefined || isOutage(workload, hasBeenReady(memory, objectKey(child))),
		}));
	const degraded = behind.filter(({ isDegraded }) => isDegraded);
	const cause = causeOf(degraded) ?? causeOf(behind);
	const message = (some: typeof behind) => some.map((one) => one.message).join('; ');
	if (degraded.length > 0) {
		const problem: ClusterProblem = { reason: 'DataPlaneDegraded', message: message(degraded) };
		return { problem: { ...problem, reason: causeOf(degraded) ?? problem.reason }, ...seen };
	}
	// Why pods do not run is more than what waits for them.
	const waiting = cause === undefined && gate !== undefined ? gate : behind.length > 0 ? message(behind) : gate;
	return {
		...(waiting === undefined ? {} : { waiting }),
		...(cause === undefined ? {} : { cause }),
		...noted,
		...seen,
	};
}

/** More of them say nothing new. */
const mostWebhooks = 5;

function webhooksOf(
	webhooks: WebhooksThere | undefined,
	secrets: readonly string[],
): Pick<NonNullable<PassFindings['dataPlane']>, 'webhooks'> {
	if (webhooks === undefined) return {};
	return {
		webhooks: {
			dead: webhooks.dead.slice(0, mostWebhooks).map((sentence) => quote(sentence, secrets)),
			unseen: webhooks.unseen.map(({ plural, apiVersion }) => [plural, groupOf(apiVersion)].filter(Boolean).join('.')),
		},
	};
}

function isBehind({ available, desired, podsRefused, stalled }: Workload): boolean {
	return available < desired || podsRefused !== undefined || stalled !== undefined;
}

function causeOf(states: readonly { readonly cause?: ClusterReason }[]): ClusterReason | undefined {
	return states.find(({ cause }) => cause !== undefined)?.cause;
}

/** How many pods of a Deployment are available, and why not more. The words of the cluster are quoted with care. */
function stateOf(
	{ metadata: { name } }: Child,
	{ available, desired, podsRefused }: Workload,
	pods: Seen['pods'],
	secrets: readonly string[],
): { readonly message: string; readonly cause?: ClusterReason } {
	const count = quote(`Deployment ${name}: ${available} of ${desired} pods are available`, secrets);
	if (podsRefused !== undefined)
		return {
			message: `${count}; the cluster makes no more pods: ${quote(podsRefused, secrets)}`,
			cause: 'PodsRefused',
		};
	const trouble = pods.troubleOf(name);
	if (trouble !== undefined) return { message: `${count}; ${quote(trouble.message, secrets)}`, cause: trouble.reason };
	return pods.isRefused
		? { message: `${count}; the user of the kubeconfig may not list and watch pods there, which would say why` }
		: { message: count };
}
