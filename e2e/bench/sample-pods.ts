/**
 * Pods with an injected proxy, as the API server lists them: 9 KiB each, with the fields that kubelet and controllers fill
 * in. They are in many namespaces, a workload has ten, and there are a handful of proxies.
 */
import { createHash } from 'node:crypto';

const namespaces = 500;
const podsOfWorkload = 10;
/** Workloads that have not been restarted for a while have the proxy that was injected then. */
const proxies = ['1.4.10', '1.4.10', '1.4.10', '1.3.8', '1.4.9'].map((tag) => [tag, digitsOf(tag)] as const);
const words = ['checkout', 'payment-gateway', 'catalogue', 'user-profile', 'search-indexer', 'notification-sender'];

/** Hexadecimal digits that are the same for the same text, and different for others. */
function digitsOf(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}

/** The JSON text of one pod of many. */
export function podText(index: number): string {
	const workload = Math.floor(index / podsOfWorkload);
	const own = digitsOf(`pod ${index}`);
	const shared = digitsOf(`workload ${workload}`);
	const app = `${words[workload % words.length]}-${Math.floor(workload / namespaces)}`;
	const hash = shared.slice(0, 10);
	const [proxy, digest] = proxies[Number.parseInt(shared.slice(-4), 16) % proxies.length] ?? [];
	const fields: Readonly<Record<string, string | undefined>> = {
		namespace: `team-${workload % namespaces}-production`,
		app,
		hash,
		name: `${app}-${hash}-${own.slice(0, 5)}`,
		uid: uidOf(own),
		owner: uidOf(shared),
		version: String(481_516_234 + index * 7),
		ip: `10.${(index >> 16) + 32}.${(index >> 8) & 255}.${index & 255}`,
		node: `ip-10-0-${index % 200}-17.eu-central-1.compute.internal`,
		proxy,
		digest,
		container: own,
	};
	return pieces.map((piece, at) => (at % 2 === 0 ? piece : fields[piece])).join('');
}

function uidOf(digits: string): string {
	return [0, 8, 12, 16, 20].map((from, at) => digits.slice(from, [8, 12, 16, 20, 32][at])).join('-');
}

const time = '2026-11-02T09:41:17Z';
const account = {
	name: 'default-token-x7k2p',
	readOnly: true,
	mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
};
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, privileged: false };
const files = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };
const proxyImage = 'docker.io/istio/proxyv2:<proxy>';

function fromField(name: string, fieldPath: string): object {
	return { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } };
}

function running(name: string, image: string): object {
	return {
		name,
		image,
		imageID: `docker-pullable://${image.split(':')[0]}@sha256:<digest>`,
		containerID: 'containerd://<container>',
		state: { running: { startedAt: time } },
		lastState: {},
		ready: true,
		started: true,
		restartCount: 0,
	};
}

/** Who owns the fields of a container, as `managedFields` tells it. */
function ownedContainer(name: string): object {
	const leaves = [
		'.',
		'f:image',
		'f:imagePullPolicy',
		'f:name',
		'f:terminationMessagePath',
		'f:terminationMessagePolicy',
	];
	const resources = { '.': {}, 'f:limits': { '.': {}, 'f:memory': {} }, 'f:requests': { '.': {}, 'f:cpu': {} } };
	const owned = Object.fromEntries(leaves.map((leaf) => [leaf, {}]));
	return { [`k:{"name":"${name}"}`]: { ...owned, 'f:resources': resources } };
}

const proxyArgs = [
	...['proxy', 'sidecar', '--domain', '$(POD_NAMESPACE).svc.cluster.local', '--configPath', '/etc/istio/proxy'],
	...['--binaryPath', '/usr/local/bin/envoy', '--serviceCluster', '<app>.$(POD_NAMESPACE)', '--drainDuration', '45s'],
	...['--parentShutdownDuration', '1m0s', '--discoveryAddress', 'istio-pilot.istio-system:15010'],
	...['--dnsRefreshRate', '300s', '--connectTimeout', '10s', '--proxyAdminPort', '15000', '--concurrency', '2'],
	...['--controlPlaneAuthPolicy', 'NONE', '--statusPort', '15020', '--applicationPorts', '8080,9090'],
	'--trust-domain=cluster.local',
];

const labels = {
	app: '<app>',
	'app.kubernetes.io/name': '<app>',
	'app.kubernetes.io/part-of': 'shop',
	'pod-template-hash': '<hash>',
	'security.istio.io/tlsMode': 'istio',
	version: 'v1',
};

const template = JSON.stringify({
	metadata: {
		name: '<name>',
		generateName: '<app>-<hash>-',
		namespace: '<namespace>',
		uid: '<uid>',
		resourceVersion: '<version>',
		creationTimestamp: time,
		labels,
		annotations: {
			'prometheus.io/port': '9090',
			'prometheus.io/scrape': 'true',
			'sidecar.istio.io/status': JSON.stringify({
				version: '8f3d1c5e6a7b',
				initContainers: ['istio-init'],
				containers: ['istio-proxy'],
				volumes: ['istio-envoy', 'istio-certs'],
				imagePullSecrets: null,
			}),
		},
		ownerReferences: [
			{
				apiVersion: 'apps/v1',
				kind: 'ReplicaSet',
				name: '<app>-<hash>',
				uid: '<owner>',
				controller: true,
				blockOwnerDeletion: true,
			},
		],
		managedFields: [
			{
				manager: 'kube-controller-manager',
				operation: 'Update',
				apiVersion: 'v1',
				time,
				fieldsType: 'FieldsV1',
				fieldsV1: {
					'f:metadata': {
						'f:generateName': {},
						'f:labels': Object.fromEntries(Object.keys(labels).map((key) => [`f:${key}`, {}])),
						'f:ownerReferences': { '.': {}, 'k:{"uid":"<owner>"}': {} },
					},
					'f:spec': {
						'f:containers': { ...ownedContainer('<app>'), ...ownedContainer('istio-proxy') },
						'f:dnsPolicy': {},
						'f:restartPolicy': {},
					},
				},
			},
			{
				manager: 'kubelet',
				operation: 'Update',
				apiVersion: 'v1',
				time,
				fieldsType: 'FieldsV1',
				subresource: 'status',
				fieldsV1: {
					'f:status': {
						'f:conditions': Object.fromEntries(
							['ContainersReady', 'Initialized', 'Ready'].map((type) => [
								`k:{"type":"${type}"}`,
								{ '.': {}, 'f:lastProbeTime': {}, 'f:lastTransitionTime': {}, 'f:status': {}, 'f:type': {} },
							]),
						),
						'f:containerStatuses': {},
						'f:hostIP': {},
						'f:phase': {},
						'f:podIP': {},
						'f:podIPs': { '.': {}, 'k:{"ip":"<ip>"}': { '.': {}, 'f:ip': {} } },
						'f:startTime': {},
					},
				},
			},
		],
	},
	spec: {
		volumes: [
			{ name: 'default-token-x7k2p', secret: { secretName: 'default-token-x7k2p', defaultMode: 420 } },
			{ name: 'istio-envoy', emptyDir: { medium: 'Memory' } },
			{ name: 'istio-certs', secret: { secretName: 'istio.default', defaultMode: 420, optional: true } },
		],
		initContainers: [
			{
				name: 'istio-init',
				image: proxyImage,
				command: ['istio-iptables'],
				args: [
					'-p',
					'15001',
					'-z',
					'15006',
					'-u',
					'1337',
					'-m',
					'REDIRECT',
					'-i',
					'*',
					'-x',
					'',
					'-b',
					'*',
					'-d',
					'15020',
				],
				resources: { requests: { cpu: '10m', memory: '10Mi' }, limits: { cpu: '100m', memory: '50Mi' } },
				...files,
				imagePullPolicy: 'IfNotPresent',
				securityContext: { ...restricted, runAsUser: 0, runAsGroup: 0, runAsNonRoot: false },
			},
		],
		containers: [
			{
				name: '<app>',
				image: 'registry.example.com/shop/<app>:2026.11.2-4f1c9d7',
				ports: [
					{ name: 'http', containerPort: 8080, protocol: 'TCP' },
					{ name: 'metrics', containerPort: 9090, protocol: 'TCP' },
				],
				env: [
					{ name: 'DATABASE_HOST', value: 'postgres.<namespace>.svc.cluster.local' },
					{ name: 'LOG_LEVEL', value: 'info' },
					fromField('POD_IP', 'status.podIP'),
				],
				resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { memory: '1Gi' } },
				volumeMounts: [account],
				readinessProbe: {
					httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' },
					timeoutSeconds: 1,
					periodSeconds: 10,
					successThreshold: 1,
					failureThreshold: 3,
				},
				...files,
				imagePullPolicy: 'IfNotPresent',
			},
			{
				name: 'istio-proxy',
				image: proxyImage,
				args: proxyArgs,
				ports: [{ name: 'http-envoy-prom', containerPort: 15090, protocol: 'TCP' }],
				env: [
					fromField('POD_NAME', 'metadata.name'),
					fromField('POD_NAMESPACE', 'metadata.namespace'),
					fromField('INSTANCE_IP', 'status.podIP'),
					fromField('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
					{ name: 'ISTIO_META_INTERCEPTION_MODE', value: 'REDIRECT' },
					{ name: 'ISTIO_META_INCLUDE_INBOUND_PORTS', value: '8080,9090' },
					{ name: 'ISTIO_META_CLUSTER_ID', value: 'Kubernetes' },
					{ name: 'ISTIO_METAJSON_LABELS', value: JSON.stringify({ app: '<app>', version: 'v1' }) },
					{ name: 'ISTIO_META_WORKLOAD_NAME', value: '<app>' },
					{
						name: 'ISTIO_META_OWNER',
						value: 'kubernetes://apis/apps/v1/namespaces/<namespace>/deployments/<app>',
					},
				],
				resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2Gi' } },
				volumeMounts: [
					{ name: 'istio-envoy', mountPath: '/etc/istio/proxy' },
					{ name: 'istio-certs', readOnly: true, mountPath: '/etc/certs/' },
					account,
				],
				readinessProbe: {
					httpGet: { path: '/healthz/ready', port: 15020, scheme: 'HTTP' },
					initialDelaySeconds: 1,
					timeoutSeconds: 1,
					periodSeconds: 2,
					successThreshold: 1,
					failureThreshold: 30,
				},
				...files,
				imagePullPolicy: 'IfNotPresent',
				securityContext: { ...restricted, readOnlyRootFilesystem: true, runAsUser: 1337, runAsNonRoot: true },
			},
		],
		restartPolicy: 'Always',
		terminationGracePeriodSeconds: 30,
		dnsPolicy: 'ClusterFirst',
		serviceAccountName: 'default',
		nodeName: '<node>',
		securityContext: { fsGroup: 1337 },
		schedulerName: 'default-scheduler',
		tolerations: ['not-ready', 'unreachable'].map((key) => ({
			key: `node.kubernetes.io/${key}`,
			operator: 'Exists',
			effect: 'NoExecute',
			tolerationSeconds: 300,
		})),
		priority: 0,
		enableServiceLinks: true,
		preemptionPolicy: 'PreemptLowerPriority',
	},
	status: {
		phase: 'Running',
		conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
			(type) => ({
				type,
				status: 'True',
				lastProbeTime: null,
				lastTransitionTime: time,
			}),
		),
		hostIP: '10.0.0.17',
		podIP: '<ip>',
		podIPs: [{ ip: '<ip>' }],
		startTime: time,
		initContainerStatuses: [running('istio-init', proxyImage)],
		containerStatuses: [
			running('<app>', 'registry.example.com/shop/<app>:2026.11.2-4f1c9d7'),
			running('istio-proxy', proxyImage),
		],
		qosClass: 'Burstable',
	},
});

/** Texts that all pods have, and between them the names of fields. */
const pieces = template.split(/<([a-z]+)>/);
