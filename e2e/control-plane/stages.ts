/**
 * What kwok's simulated kubelets do, as its `Stage` objects: a rule that says which Nodes or Pods it is for and what
 * their status becomes. Written as JSON documents, which kwok's YAML reader takes.
 *
 * Source of the shapes and of the template functions: kwok 0.8.0 `pkg/apis/v1alpha1/stage_types.go`, `pkg/utils/gotpl`.
 */

function stage(name: string, kind: 'Node' | 'Pod', selector: readonly object[], next: object, delay?: object): object {
	return {
		apiVersion: 'kwok.x-k8s.io/v1alpha1',
		kind: 'Stage',
		metadata: { name },
		spec: {
			resourceRef: { apiGroup: 'v1', kind },
			selector: { matchExpressions: selector },
			...(delay === undefined ? {} : { delay }),
			next,
		},
	};
}

/** Pods on the node of this name are left to a test that runs them as processes. */
export const nodeOfProcesses = 'processes';

const isReady = '.status.conditions.[] | select(.type == "Ready") | .status';
const isSimulated = { key: '.spec.nodeName', operator: 'NotIn', values: [nodeOfProcesses] };
const notDeleted = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };

const nodeConditions = `conditions:
{{ $now := Now }}
{{ $since := or .metadata.creationTimestamp $now }}
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $since | Quote }}
{{ end }}
`;

const nodeStatus = `${nodeConditions}
phase: Running
addresses:
- type: Hostname
  address: {{ NodeName | Quote }}
{{ with NodeIP }}
- type: InternalIP
  address: {{ . | Quote }}
{{ end }}
allocatable: { cpu: 64, memory: 256Gi, pods: 250 }
capacity: { cpu: 64, memory: 256Gi, pods: 250 }
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  kubeletVersion: simulated
  kubeProxyVersion: simulated
  containerRuntimeVersion: simulated://1
  kernelVersion: simulated
  osImage: simulated
  bootID: ''
  machineID: ''
  systemUUID: ''
`;

const containerStatus = `- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ''
  restartCount: 0
  ready: true
`;

const podStatus = `{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
{{ range $type := list "Initialized" "ContainersReady" "Ready" }}
- { type: {{ $type }}, status: 'True', lastTransitionTime: {{ $now | Quote }} }
{{ end }}
{{ range .spec.readinessGates }}
- { type: {{ .conditionType | Quote }}, status: 'True', lastTransitionTime: {{ $now | Quote }} }
{{ end }}
containerStatuses:
{{ range .spec.containers }}
${containerStatus}  started: true
  state: { running: { startedAt: {{ $now | Quote }} } }
{{ end }}
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
${containerStatus}  state: { terminated: { exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }} } }
{{ end }}
{{ end }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
{{ end }}
{{ with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) .metadata.uid .metadata.name .metadata.namespace }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
`;

/**
 * Nothing can be pulled from registry.invalid, since no host has such a name (RFC 2606). old-mirror.invalid stands for a
 * mirror that nobody has brought up to date: it has images of Istio up to 1.3 alone. No image has a digest of zeros.
 */
const unpullable =
	'.spec.containers.[] | select(.image | test("^(registry\\\\.invalid/|old-mirror\\\\.invalid/.*:1\\\\.([4-9]|[1-9][0-9]))|@sha256:0{64}$")) | .image';

const unpulledStatus = `phase: Pending
conditions:
- { type: Ready, status: 'False', reason: ContainersNotReady, lastTransitionTime: {{ Now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ''
  restartCount: 0
  ready: false
  started: false
  state: { waiting: { reason: ImagePullBackOff, message: {{ printf "Back-off pulling image %q" .image | Quote }} } }
{{ end }}
`;

/**
 * Every rule of the simulation: Nodes become and stay ready, Pods run as soon as they have a Node and go when they are
 * deleted. Some images can't be pulled.
 */
export const stages: readonly object[] = [
	stage('node-ready', 'Node', [{ key: isReady, operator: 'NotIn', values: ['True'] }], {
		statusTemplate: nodeStatus,
	}),
	stage(
		'node-heartbeat',
		'Node',
		[{ key: isReady, operator: 'In', values: ['True'] }],
		{ statusTemplate: nodeConditions },
		// Leases say that a Node is alive; its status is only refreshed as seldom as a real kubelet does.
		{ durationMilliseconds: 300_000, jitterDurationMilliseconds: 330_000 },
	),
	stage(
		'pod-ready',
		'Pod',
		[
			isSimulated,
			notDeleted,
			{ key: isReady, operator: 'NotIn', values: ['True'] },
			{ key: '.status.phase', operator: 'In', values: ['Pending'] },
			{ key: unpullable, operator: 'DoesNotExist' },
		],
		{ statusTemplate: podStatus },
	),
	stage(
		'pod-unpulled',
		'Pod',
		[
			isSimulated,
			notDeleted,
			{ key: unpullable, operator: 'Exists' },
			{ key: '.spec.nodeName', operator: 'Exists' },
			{ key: '.status.containerStatuses.[0].state.waiting.reason', operator: 'DoesNotExist' },
		],
		{ statusTemplate: unpulledStatus },
	),
	stage('pod-delete', 'Pod', [isSimulated, { key: '.metadata.deletionTimestamp', operator: 'Exists' }], {
		delete: true,
	}),
];

/** The content of kwok's `--config` file. */
export function stagesText(): string {
	return stages.map((document) => JSON.stringify(document)).join('\n---\n');
}
