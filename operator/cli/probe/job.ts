/** Makes the Job by which a cluster says whom it reaches. Pure. */
import type { KubeObject } from '../../runtime/object.ts';
import { type ProbeTarget, probeArguments, probeScript, probeSeconds } from './script.ts';

/**
 * curl's own image. It is small (some 20 MB), exists for all common architectures, and has a POSIX shell. Its client
 * distinguishes a refusal from silence and TCP from TLS. Mirror it when clusters may not pull from Docker Hub.
 */
export const defaultProbeImage = 'docker.io/curlimages/curl:8.11.1';

export interface ProbeJobOptions {
	readonly name: string;
	readonly namespace: string;
	readonly image: string;
	readonly targets: readonly ProbeTarget[];
}

/** The Job and its pod carry its name in this label. */
export const probeLabel = 'meshwright.io/probe';

/** A pod has this long to start, since an image may have to be pulled. */
const startSeconds = 60;
/** A Job that nobody could delete goes by itself after this time. */
const keptSeconds = 300;
/** Any user but root. Nothing in the image depends on it. */
const user = 65532;

/** The longest life of the Job. */
export function probeDeadlineSeconds(targets: number): number {
	return startSeconds + probeSeconds(targets);
}

/** The Job is allowed in a namespace that enforces the Pod Security Standard `restricted`. */
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
				// No sidecar: the question is what the cluster reaches, not what a proxy makes of it. A sidecar would never end,
				// either.
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
