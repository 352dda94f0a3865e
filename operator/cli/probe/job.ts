/** The Job by which a cluster says whom it reaches. Pure. */
import type { KubeObject } from '../../runtime/object.ts';
import { type ProbeTarget, probeArguments, probeScript, probeSeconds } from './script.ts';

/**
 * curl's own image: small (some 20 MB), for all common architectures, with a POSIX shell, and a client that tells a refusal
 * from silence and TCP from TLS. Mirror it where clusters may not pull from Docker Hub.
 */
export const defaultProbeImage = 'docker.io/curlimages/curl:8.11.1';

export interface ProbeJobOptions {
	readonly name: string;
	readonly namespace: string;
	readonly image: string;
	readonly targets: readonly ProbeTarget[];
}

/** On the Job and its pod: its name. */
export const probeLabel = 'meshwright.io/probe';

/** Until a pod runs, seconds: an image may have to be pulled. */
const startSeconds = 60;
/** One that nobody could delete goes by itself after so long, seconds. */
const keptSeconds = 300;
/** Any that is not root; nothing in the image depends on it. */
const user = 65532;

/** So long does the Job live at most, seconds. */
export function probeDeadlineSeconds(targets: number): number {
	return startSeconds + probeSeconds(targets);
}

/** Fits into a namespace that enforces the Pod Security Standard `restricted`. */
export function probeJob({ name, namespace, image, targets }: ProbeJobOptions): KubeObject {
	const labels = {
		'app.kubernetes.io/name': 'meshwright-probe',
		'app.kubernetes.io/part-of': 'meshwright',
		[probeLabel]: name,
	};
	const noProxy = { 'sidecar.istio.io/inject': 'false' };
	return {
		apiVersion: 'batch/v1',
		kind: 'Job',
		metadata: { name, namespace, labels },
		spec: {
			backoffLimit: 0,
			activeDeadlineSeconds: probeDeadlineSeconds(targets.length),
			ttlSecondsAfterFinished: keptSeconds,
			template: {
				// What the cluster reaches is asked for, not what a proxy makes of it; a sidecar would never end either.
				metadata: { labels: { ...labels, ...noProxy }, annotations: noProxy },
				spec: {
					restartPolicy: 'Never',
					automountServiceAccountToken: false,
					enableServiceLinks: false,
					terminationGracePeriodSeconds: 1,
					securityContext: {
						runAsNonRoot: true,
						runAsUser: user,
						runAsGroup: user,
						seccompProfile: { type: 'RuntimeDefault' },
					},
					containers: [
						{
							name: 'probe',
							image,
							command: ['/bin/sh', '-c', probeScript, 'meshwright-probe'],
							args: probeArguments(targets),
							securityContext: {
								allowPrivilegeEscalation: false,
								readOnlyRootFilesystem: true,
								capabilities: { drop: ['ALL'] },
							},
							resources: {
								requests: { cpu: '10m', memory: '32Mi' },
								limits: { cpu: '200m', memory: '128Mi' },
							},
						},
					],
				},
			},
		},
	};
}
