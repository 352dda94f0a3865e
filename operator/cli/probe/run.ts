/** Runs a probe in a cluster: makes the Job, waits for its pod, reads its output, and deletes the Job in any case. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { InvalidError, isForbidden, isNotFound, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { note } from '../terminal.ts';
import { probeDeadlineSeconds, probeJob, probeLabel } from './job.ts';
import { readPodLog } from './log.ts';
import type { ProbeTarget } from './script.ts';

export interface ProbeOptions {
	/** Name of the cluster, for messages. */
	readonly cluster: string;
	readonly namespace: string;
	readonly image: string;
	readonly targets: readonly ProbeTarget[];
	/** Ends the probe early. The Job is deleted all the same. */
	readonly signal: AbortSignal;
	/** Reads the log of a pod. Kubelets hold it, so tests replace this. */
	readonly readLog?: typeof readPodLog;
}

const pollMs = 500;
/** Waits this much longer than the Job's own deadline, until its controller has noticed. */
const patienceSeconds = 20;
/** Deadline for creating and deleting. Ctrl-C ends neither. */
const timeoutMs = 10_000;

/**
 * Returns the probe's output. Rejects with the signal's reason; with TransientError or RequestError when the API server
 * does not do its part; with InvalidError, in words for a person, when no pod came to its end.
 */
export async function runProbe(api: ApiServer, options: ProbeOptions): Promise<string> {
	const { cluster, namespace, image, targets, signal, readLog = readPodLog } = options;
	// The name is ours and not the API server's choice: when the answer is lost, the Job must not stay behind.
	const name = `meshwright-probe-${randomBytes(5).toString('hex')}`;
	try {
		signal.throwIfAborted();
		await createJob(api, probeJob({ name, namespace, image, targets }));
		signal.throwIfAborted();
		const pod = await endedPod(api, options, name);
		return await readLog(api, { namespace, name: pod }, signal);
	} finally {
		await deleteJob(api, namespace, name).catch((error: unknown) => {
			// It was never made, so there is nothing to tell.
			if (isNotFound(error) || isForbidden(error)) return;
			note(`${cluster}: Job ${namespace}/${name} could not be deleted; it goes by itself a few minutes after it ended`);
		});
	}
}

function jobsPath(namespace: string): string {
	return `/apis/batch/v1/namespaces/${encodeURIComponent(namespace)}/jobs`;
}

/** No signal ends this. A deletion that overtook it would find nothing, and the Job would appear afterwards. */
async function createJob(api: ApiServer, job: KubeObject): Promise<void> {
	const { apiVersion, kind, metadata } = job;
	await api.request({
		method: 'POST',
		path: jobsPath(metadata.namespace ?? ''),
		query: { fieldManager: 'meshwright-cli', fieldValidation: 'Strict' },
		body: job,
		object: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? '' },
		timeoutMs,
	});
}

/** The caller's signal does not end this, because it may be the reason for the deletion. */
async function deleteJob(api: ApiServer, namespace: string, name: string): Promise<void> {
	await api.request({
		method: 'DELETE',
		path: `${jobsPath(namespace)}/${name}`,
		body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
		object: { apiVersion: 'batch/v1', kind: 'Job', namespace, name },
		timeoutMs,
	});
}

interface PodShape extends KubeObject {
	readonly status?: {
		readonly phase?: string;
		readonly reason?: string;
		readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
		readonly containerStatuses?: readonly {
			readonly state?: { readonly waiting?: { readonly reason?: string } };
		}[];
	};
}

/** Reasons why a container will never start, however long one waits (kubernetes `pkg/kubelet/images`, `kuberuntime`). */
const hopeless: ReadonlySet<string> = new Set([
	'ErrImagePull',
	'ImagePullBackOff',
	'InvalidImageName',
	'ErrImageNeverPull',
	'CreateContainerConfigError',
	'CreateContainerError',
]);

/** The name of the pod of a Job, once the pod has ended. */
async function endedPod(
	api: ApiServer,
	{ cluster, namespace, image, targets, signal }: ProbeOptions,
	job: string,
): Promise<string> {
	const deadline = performance.now() + (probeDeadlineSeconds(targets.length) + patienceSeconds) * 1_000;
	let last = 'no pod was made for it';
	while (performance.now() < deadline) {
		const { items } = await api.list<PodShape>(kinds.Pod, { namespace, labelSelector: `${probeLabel}=${job}`, signal });
		const [pod] = items;
		if (pod !== undefined) {
			const { phase, conditions = [], containerStatuses = [] } = pod.status ?? {};
			if (phase === 'Succeeded' || phase === 'Failed') return pod.metadata.name;
			const waiting = containerStatuses.flatMap(({ state }) => state?.waiting?.reason ?? [])[0];
			if (waiting !== undefined && hopeless.has(waiting)) {
				throw failure(cluster, `its container does not start (${waiting}); can image ${image} be pulled there?`);
			}
			const unscheduled = conditions.some(({ type, status }) => type === 'PodScheduled' && status === 'False');
			last = unscheduled ? 'no node took its pod' : 'its pod did not come to its end';
		}
		await sleep(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
	}
	throw failure(cluster, last);
}

function failure(cluster: string, what: string): InvalidError {
	return new InvalidError('ProbeFailed', `the probe in ${cluster} said nothing: ${what}`);
}

/** Why a cluster has no answer, for a line below the matrix. */
export function describeProbeFailure(error: unknown, cluster: string, namespace: string): string {
	if (isForbidden(error)) {
		return `the probe in ${cluster} could not be run: its user may not create, list or delete jobs, or read pods and pods/log, in namespace ${namespace}; give a context that may with --probe-context ${cluster}=CONTEXT`;
	}
	if (isNotFound(error)) {
		return `the probe in ${cluster} could not be run: it has no namespace ${namespace}; name another with --probe-namespace`;
	}
	if (error instanceof InvalidError) {
		return error.message;
	}
	return error instanceof TransientError
		? `the probe in ${cluster} could not be run: its API server does not answer`
		: `the probe in ${cluster} could not be run: ${error instanceof Error ? error.message : String(error)}`;
}
