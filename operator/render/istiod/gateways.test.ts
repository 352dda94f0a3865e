import test from 'ava';
import { istiodMeshOf, renderIstiod } from '../../lines/istiod-testing.ts';
import { gatewayInto } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at } from '../testing.ts';

const version = '1.31.4';
const name = 'istio-ingressgateway';

function gatewayOf(given: object = {}, rest: object = {}): readonly KubeObject[] {
	const gateways = { ingress: { enabled: true, ...given } };
	return renderIstiod(istiodMeshOf({ version, profile: 'default', gateways, ...rest }));
}

function found(objects: readonly KubeObject[], kind: string, named = name): KubeObject | undefined {
	return objects.find((object) => object.kind === kind && object.metadata.name === named);
}

const podOf = (objects: readonly KubeObject[], named = name) =>
	at(found(objects, 'Deployment', named), 'spec', 'template');
const containerOf = (objects: readonly KubeObject[]) => at(podOf(objects), 'spec', 'containers', 0);

test('no gateway runs unless somebody switches it on', (t) => {
	const objects = renderIstiod(istiodMeshOf({ version, profile: 'default' }));
	t.deepEqual(
		objects.filter(({ metadata }) => /gateway/.test(metadata.name) && metadata.namespace !== undefined),
		[],
	);
});

test('a gateway asks for its proxy by label, annotation and revision, whatever its namespace says', (t) => {
	const { labels, annotations } = at(podOf(gatewayOf()), 'metadata') as KubeObject['metadata'];
	t.like(labels, {
		app: name,
		istio: 'ingressgateway',
		'istio.io/rev': 'default',
		'istio.io/dataplane-mode': 'none',
		'sidecar.istio.io/inject': 'true',
	});
	t.like(annotations, { 'inject.istio.io/templates': 'gateway', 'sidecar.istio.io/inject': 'true' });
});

test('its pod needs nothing that Pod Security level restricted refuses, and gets no token of the API server', (t) => {
	const spec = at(podOf(gatewayOf()), 'spec');
	t.like(spec, {
		automountServiceAccountToken: false,
		securityContext: { runAsNonRoot: true, runAsUser: 1337, seccompProfile: { type: 'RuntimeDefault' } },
	});
	t.like(containerOf(gatewayOf()), {
		securityContext: {
			allowPrivilegeEscalation: false,
			capabilities: { drop: ['ALL'] },
			readOnlyRootFilesystem: true,
		},
	});
});

test('its account may list the Secrets of its namespace, and nothing else', (t) => {
	const objects = gatewayOf();
	t.deepEqual(at(found(objects, 'Role', `${name}-sds`), 'rules'), [
		{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] },
	]);
	t.deepEqual(at(found(objects, 'RoleBinding', `${name}-sds`), 'subjects', 0, 'name'), `${name}-service-account`);
	t.is(found(objects, 'ClusterRole', `${name}-sds-istio-system`), undefined);
});

test('everything that is said of a gateway is in it', (t) => {
	const objects = gatewayOf({
		autoscaling: { minReplicas: 2, maxReplicas: 4 },
		nodeSelector: { edge: 'yes' },
		priorityClassName: 'high',
		podAnnotations: { 'prometheus.io/port': '1', mine: 'yes' },
		podLabels: { team: 'edge' },
		env: [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: 'far' }],
		extraArgs: ['--proxyLogLevel=debug'],
		service: {
			type: 'NodePort',
			annotations: { cloud: 'internal' },
			externalTrafficPolicy: 'Local',
			ports: [
				{ name: 'https', port: 443, targetPort: 8443, nodePort: 30_443 },
				{ name: 'quic', port: 443, targetPort: 8443, protocol: 'UDP' },
			],
		},
	});
	t.like(podOf(objects), {
		metadata: { annotations: { 'prometheus.io/port': '1', mine: 'yes' }, labels: { team: 'edge' } },
		spec: { nodeSelector: { edge: 'yes' }, priorityClassName: 'high' },
	});
	t.like(containerOf(objects), {
		args: [
			'proxy',
			'router',
			'--domain',
			'$(POD_NAMESPACE).svc.cluster.local',
			'--proxyLogLevel=warning',
			'--proxyComponentLogLevel=misc:error',
			'--log_output_level=default:info',
			'--proxyLogLevel=debug',
		],
		env: [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: 'far' }],
	});
	t.like(found(objects, 'Service'), {
		metadata: { annotations: { cloud: 'internal' } },
		spec: {
			type: 'NodePort',
			externalTrafficPolicy: 'Local',
			ports: [
				{ name: 'status-port', port: 15_021, targetPort: 15_021, protocol: 'TCP' },
				{ name: 'https', port: 443, targetPort: 8443, nodePort: 30_443, protocol: 'TCP' },
				{ name: 'quic', port: 443, targetPort: 8443, protocol: 'UDP' },
			],
		},
	});
	t.is(at(found(objects, 'HorizontalPodAutoscaler'), 'spec', 'maxReplicas'), 4);
	t.is(at(found(objects, 'PodDisruptionBudget'), 'spec', 'minAvailable'), 1);
});

test('what istiod injects, and the version, are of the Deployment: a change of them replaces the pods', (t) => {
	const pod = (rest: object) => JSON.stringify(podOf(gatewayOf({}, rest)));
	t.is(pod({}), pod({ mesh: { accessLog: { file: '/dev/stdout' } } }), 'istiod tells running proxies');
	t.not(pod({}), pod({ proxy: { concurrency: 3 } }));
	t.not(pod({}), pod({ mesh: { trustDomain: 'example.com' } }));
	t.not(pod({}), pod({ images: { digests: { proxy: `sha256:${'0'.repeat(64)}` } } }));
	t.not(pod({}), pod({ version: '1.32.0' }));
	t.is(at(containerOf(gatewayOf({}, { version: '1.32.0' })), 'image'), 'docker.io/istio/proxyv2:1.32.0');
});

test('between networks there is a gateway that passes on by name, in the network that it leads into', (t) => {
	const mesh = istiodMeshOf({ version, profile: 'default', multiCluster: { network: 'here' } });
	const objects = renderIstiod({ ...mesh, gateways: [gatewayInto('here', { kind: 'fixed', count: 1 })] });
	const service = found(objects, 'Service', 'istio-eastwestgateway');
	t.is(service?.metadata.labels?.['topology.istio.io/network'], 'here');
	t.deepEqual(
		(at(service, 'spec', 'ports') as readonly { port: number; targetPort: number }[]).map(({ port }) => port),
		[15_021, 15_443, 15_012, 15_017],
	);
	const pod = podOf(objects, 'istio-eastwestgateway');
	t.is(at(pod, 'metadata', 'labels', 'topology.istio.io/network'), 'here');
	t.deepEqual(at(pod, 'spec', 'containers', 0, 'env'), [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: 'here' }]);
	t.deepEqual(at(found(objects, 'Gateway', 'cross-network-gateway'), 'spec'), {
		selector: { istio: 'eastwestgateway' },
		servers: [
			{
				hosts: ['*.local'],
				port: { name: 'tls', number: 15_443, protocol: 'TLS' },
				tls: { mode: 'AUTO_PASSTHROUGH' },
			},
		],
	});
});

test('istiod is exposed by the gateway between networks where the user wants it, and only there', (t) => {
	const clusters = [{ name: 'far', network: 'two', kubeconfigSecret: { name: 'far', namespace: 'meshwright-system' } }];
	const mesh = (exposeControlPlane: boolean) =>
		istiodMeshOf({ version, profile: 'default', multiCluster: { network: 'one', exposeControlPlane, clusters } });
	const plain = renderIstiod(mesh(false));
	t.is(found(plain, 'Gateway', 'istiod-gateway'), undefined);
	const objects = renderIstiod(mesh(true));
	t.truthy(found(objects, 'Gateway', 'cross-network-gateway'));
	const server = (name: string, number: number) => ({
		hosts: ['*'],
		port: { name, number, protocol: 'TLS' },
		tls: { mode: 'PASSTHROUGH' },
	});
	t.deepEqual(at(found(objects, 'Gateway', 'istiod-gateway'), 'spec'), {
		selector: { istio: 'eastwestgateway' },
		servers: [server('tls-istiod', 15_012), server('tls-webhook', 15_017)],
	});
	const route = (port: number, number: number) => ({
		match: [{ port, sniHosts: ['*'] }],
		route: [{ destination: { host: 'istiod.istio-system.svc.cluster.local', port: { number } } }],
	});
	t.deepEqual(at(found(objects, 'VirtualService', 'istiod-exposed'), 'spec'), {
		hosts: ['*'],
		gateways: ['istiod-gateway'],
		tls: [route(15_012, 15_012), route(15_017, 443)],
	});
	const ports = at(found(objects, 'Service', 'istio-eastwestgateway'), 'spec', 'ports') as readonly { port: number }[];
	t.true([15_012, 15_017].every((one) => ports.some(({ port }) => port === one)));
	t.is(objects.length, plain.length + 2);
});
