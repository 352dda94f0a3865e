/**
 * Why a pod of a workload does not run, in the words of the scheduler, the kubelet or the container runtime. A workload
 * says only how many of its pods are available.
 *
 * What is kept never changes by itself while the trouble stays the same: it names no times and counts, and a container that
 * is started again and again has the same trouble while it runs and while it waits. So the status is not written for it.
 */
import { isIP } from 'node:net';
import type { KubeObject } from '../runtime/object.ts';
import { isRecord, recordsIn } from '../runtime/object-shape.ts';

/** Reasons that conditions may give, see `api/v1/reasons.ts`. */
export type PodTroubleReason = 'PodsUnschedulable' | 'ImageNotPulled' | 'ContainerNotStarted' | 'ContainerCrashes';

export interface PodTrouble {
	readonly reason: PodTroubleReason;
	/** What is wrong with which pod. The words may be a stranger's, where the cluster is. */
	readonly message: string;
}

/** What is kept of a pod. */
export interface PodFacts {
	readonly name: string;
	/** Name of its Deployment or DaemonSet. Undefined when it has none. */
	readonly workload: string | undefined;
	/** Name of its node, and whether the pod is ready there; only of pods of a DaemonSet that have a node. */
	readonly onNode?: { readonly node: string; readonly isReady: boolean };
	/** RFC 3339. */
	readonly createdAt: string;
	/** Images of its containers, as they were asked for. */
	readonly images: readonly string[];
	/** Hash of the template that it was made from. */
	readonly template: string | undefined;
	/** IP address, as its kubelet says. Undefined while it has none. */
	readonly address: string | undefined;
	/** Whether it has ended and stays only to be read. */
	readonly isOver: boolean;
	/** When the time to end is over that it was given, RFC 3339. Undefined when nobody has ended it. */
	readonly endsAt: string | undefined;
	/** Undefined while nothing is known to be wrong. */
	readonly trouble: PodTrouble | undefined;
}

/** Of more containers nothing is kept. */
const mostContainers = 32;

/** Other words are kept up to this length, in characters. */
const longestWords = 512;

/** Reasons of a waiting container that are about its image (kubernetes 1.36 `pkg/kubelet/images/types.go`). */
const aboutImages: ReadonlySet<string> = new Set([
	'ErrImagePull',
	'ImagePullBackOff',
	'InvalidImageName',
	'ErrImageNeverPull',
	'ImageInspectError',
	'RegistryUnavailable',
	'SignatureValidationFailed',
]);

/** Reasons of a waiting container that say that all goes well (`pkg/kubelet/kubelet_pods.go`). */
const underWay: ReadonlySet<string> = new Set(['', 'ContainerCreating', 'PodInitializing']);

/**
 * Reads a pod. Whatever its fields hold, it throws nothing: the pod may come from a server that nobody trusts.
 * @param before what was kept of the same pod before
 */
export function podFacts(pod: KubeObject, before: PodFacts | undefined): PodFacts {
	const { name, creationTimestamp = '', deletionTimestamp, labels = {} } = pod.metadata;
	const { phase, podIP } = fieldOf(pod, 'status') ?? {};
	return {
		name,
		workload: workloadOf(pod),
		...onNode(pod),
		createdAt: creationTimestamp,
		images: recordsIn(fieldOf(pod, 'spec')?.containers)
			.slice(0, mostContainers)
			.map(({ image }) => textOf(image)),
		template: labels['pod-template-hash'] ?? labels['controller-revision-hash'],
		address: typeof podIP === 'string' && isIP(podIP) !== 0 ? podIP : undefined,
		isOver: phase === 'Failed' || phase === 'Succeeded',
		endsAt: deletionTimestamp,
		trouble: troubleOf(pod, before?.trouble),
	};
}

/** The trouble of a workload's newest pod that has some: pods of an old template are not why a roll-out hangs. */
export function troubleOfWorkload(workload: string, pods: Iterable<PodFacts>): PodTrouble | undefined {
	let newest: PodFacts | undefined;
	for (const pod of pods) {
		if (pod.workload !== workload || pod.trouble === undefined) continue;
		if (newest === undefined || isBefore(newest, pod)) newest = pod;
	}
	return newest?.trouble;
}

function isBefore(a: PodFacts, b: PodFacts): boolean {
	return a.createdAt === b.createdAt ? a.name > b.name : a.createdAt < b.createdAt;
}

/** Where a pod of a DaemonSet is. Of these there is one for each node, so that it says which nodes have none that is ready. */
function onNode(pod: KubeObject): Pick<PodFacts, 'onNode'> {
	const node = textOf(fieldOf(pod, 'spec')?.nodeName);
	if (node === '' || daemonSetOf(pod) === undefined) return {};
	const ready = recordsIn(fieldOf(pod, 'status')?.conditions).find(({ type }) => type === 'Ready');
	return { onNode: { node, isReady: ready?.status === 'True' } };
}

function daemonSetOf({ metadata: { ownerReferences = [] } }: KubeObject): string | undefined {
	const name = ownerReferences.find(({ kind }) => kind === 'DaemonSet')?.name;
	return typeof name === 'string' ? name : undefined;
}

/** Names of ReplicaSets are those of their Deployments with the hash of the template (`pkg/controller/deployment/sync.go`). */
function workloadOf(pod: KubeObject): string | undefined {
	const { ownerReferences = [], labels = {} } = pod.metadata;
	const hash = labels['pod-template-hash'];
	const set = ownerReferences.find(({ kind }) => kind === 'ReplicaSet')?.name;
	return hash !== undefined && typeof set === 'string' && set.endsWith(`-${hash}`)
		? set.slice(0, -hash.length - 1)
		: daemonSetOf(pod);
}

function troubleOf(pod: KubeObject, before: PodTrouble | undefined): PodTrouble | undefined {
	if (pod.metadata.deletionTimestamp !== undefined || !isRecord(pod.status)) return undefined;
	const { status } = pod;
	const about = `pod ${pod.metadata.name}`;
	if (status.phase === 'Failed') {
		// The kubelet refused or evicted it (Evicted, OutOfcpu, NodeAffinity). A container that ended is told below.
		const reason = textOf(status.reason);
		if (reason !== '')
			return { reason: 'ContainerCrashes', message: `${about} failed (${reason})${words(status.message)}` };
	}
	const scheduled = recordsIn(status.conditions).find(({ type }) => type === 'PodScheduled');
	if (scheduled?.status === 'False')
		return {
			reason: 'PodsUnschedulable',
			message: `${about} is not scheduled${words(scheduled.message ?? scheduled.reason)}`,
		};
	for (const container of [...recordsIn(status.initContainerStatuses), ...recordsIn(status.containerStatuses)]) {
		const trouble = troubleOfContainer(about, container, before);
		if (trouble !== undefined) return trouble;
	}
	return undefined;
}

function troubleOfContainer(
	about: string,
	{ name, state, lastState, ready }: Readonly<Record<string, unknown>>,
	before: PodTrouble | undefined,
): PodTrouble | undefined {
	if (ready === true) return undefined;
	const which = `${about}, container ${textOf(name)}`;
	const waiting = fieldOf(state, 'waiting');
	const reason = textOf(waiting?.reason);
	if (aboutImages.has(reason)) return imageTrouble(which, reason, textOf(waiting?.message), before);
	const end = fieldOf(state, 'terminated') ?? fieldOf(lastState, 'terminated');
	if (end !== undefined && (end.exitCode !== 0 || reason === 'CrashLoopBackOff')) return crash(which, end);
	if (waiting === undefined || underWay.has(reason)) return undefined;
	// CreateContainerConfigError, CreateContainerError, RunContainerError …
	return { reason: 'ContainerNotStarted', message: `${which} is not started (${reason})${words(waiting.message)}` };
}

/**
 * The kubelet tells in turns that pulling failed, and that it waits before it tries again. Since 1.32 it repeats the failure
 * while it waits (`pkg/kubelet/images/image_manager.go`). Before, the words of the failure are kept.
 */
function imageTrouble(which: string, reason: string, said: string, before: PodTrouble | undefined): PodTrouble {
	const [isWaiting, , failure] = /^Back-off pulling image "[^"]*"(: (?:ErrImagePull: )?(.+))?$/s.exec(said) ?? [];
	const beginning = `${which}: its image is not pulled`;
	if (isWaiting !== undefined && failure === undefined && before?.message.startsWith(beginning) === true) return before;
	const given = failure ?? said;
	return { reason: 'ImageNotPulled', message: `${beginning}${words(given === '' ? reason : given)}` };
}

function crash(which: string, end: Readonly<Record<string, unknown>>): PodTrouble {
	const reason = textOf(end.reason);
	const why = reason === '' || reason === 'Error' || reason === 'Completed' ? '' : ` (${reason})`;
	const code = typeof end.exitCode === 'number' ? end.exitCode : 'unknown';
	return {
		reason: 'ContainerCrashes',
		message: `${which} ended with exit code ${code}${why} and is started again${words(end.message)}`,
	};
}

function fieldOf(value: unknown, name: string): Readonly<Record<string, unknown>> | undefined {
	const field = isRecord(value) ? value[name] : undefined;
	return isRecord(field) ? field : undefined;
}

function textOf(value: unknown): string {
	return typeof value === 'string' ? cut(value) : '';
}

/** `: …`, or nothing. */
function words(value: unknown): string {
	const text = textOf(value).trim();
	return text === '' ? '' : `: ${text}`;
}

/** Cuts no character in half, and no line longer than it may be. */
function cut(text: string): string {
	return text.length > longestWords ? `${text.slice(0, longestWords).toWellFormed()}…` : text;
}
