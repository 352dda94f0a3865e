/** Pods as people write them, and as somebody does who wants more than he has. */
import type { KubeObject } from '../../operator/runtime/object.ts';

interface Case {
	readonly title: string;
	/** Whether it tries to get more than the templates give. */
	readonly isHostile?: boolean;
	readonly pod: KubeObject;
}

const sidecar = (name: string) => `sidecar.istio.io/${name}`;
const traffic = (name: string) => `traffic.sidecar.istio.io/${name}`;

function pod(
	title: string,
	{
		annotations = {},
		labels = { app: 'shop', version: 'v1' },
		...spec
	}: {
		readonly annotations?: Readonly<Record<string, string>>;
		readonly labels?: Readonly<Record<string, string>>;
	} & Readonly<Record<string, unknown>> = {},
): Case {
	const containers = [
		{
			name: 'shop',
			image: 'shop:1',
			ports: [{ name: 'http', containerPort: 8080 }],
			readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
		},
	];
	return {
		title,
		pod: {
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: { name: 'shop', namespace: 'shop', labels, annotations },
			spec: { containers, ...spec },
		} as KubeObject,
	};
}

/** Text that would open fields of its own, were it not quoted. */
const hostile = 'a"\n    securityContext: {privileged: true}\n    x: "';

export const podsToInject: readonly Case[] = [
	pod('plain'),
	pod('without labels', { labels: {} }),
	pod('two containers', {
		containers: [
			{ name: 'one', image: 'one:1', ports: [{ containerPort: 80 }] },
			{ name: 'two', image: 'two:1' },
		],
	}),
	pod('with resources of its own', {
		annotations: { [sidecar('proxyCPU')]: '50m', [sidecar('proxyMemoryLimit')]: '256Mi' },
	}),
	pod('traffic of its own', {
		annotations: {
			[traffic('includeOutboundIPRanges')]: '10.0.0.0/8',
			[traffic('excludeOutboundIPRanges')]: '10.1.0.0/16',
			[traffic('includeInboundPorts')]: '8080',
			[traffic('excludeInboundPorts')]: '9090',
			[traffic('includeOutboundPorts')]: '443',
			[traffic('excludeOutboundPorts')]: '25',
			[traffic('excludeInterfaces')]: 'eth1',
		},
	}),
	pod('TPROXY', { annotations: { [sidecar('interceptionMode')]: 'TPROXY' } }),
	pod('nothing redirected', { annotations: { [sidecar('interceptionMode')]: 'NONE' } }),
	pod('a native sidecar', { annotations: { [sidecar('nativeSidecar')]: 'true' } }),
	pod('no native sidecar', { annotations: { [sidecar('nativeSidecar')]: 'false' } }),
	pod('waits for its proxy', {
		annotations: { 'proxy.istio.io/config': '{"holdApplicationUntilProxyStarts": true, "proxyMetadata": {"A": "b"}}' },
	}),
	pod('volumes of its own', {
		annotations: {
			[sidecar('userVolume')]: '{"mine": {"emptyDir": {}}}',
			[sidecar('userVolumeMount')]: '{"mine": {"mountPath": "/mine", "readOnly": true}}',
		},
	}),
	pod('logs of its own', {
		annotations: {
			[sidecar('logLevel')]: 'debug',
			[sidecar('componentLogLevel')]: 'http:debug',
			[sidecar('agentLogLevel')]: 'default:debug',
		},
	}),
	pod('no probes', { annotations: { 'status.sidecar.istio.io/port': '0' } }),
	pod('probes of its own', {
		annotations: {
			'readiness.status.sidecar.istio.io/initialDelaySeconds': '5',
			'readiness.status.sidecar.istio.io/periodSeconds': '7',
			'readiness.status.sidecar.istio.io/failureThreshold': '9',
		},
	}),
	pod('opens low ports', { annotations: { [sidecar('capNetBindService')]: 'true' } }),
	pod('a bootstrap of its own', { annotations: { [sidecar('bootstrapOverride')]: 'mine' } }),
	pod('an image of its own', { annotations: { [sidecar('proxyImage')]: 'registry.example.com/proxy:1' } }),
	{ ...pod('hostile image', { annotations: { [sidecar('proxyImage')]: hostile } }), isHostile: true },
	{ ...pod('hostile log level', { annotations: { [sidecar('logLevel')]: hostile } }), isHostile: true },
	{ ...pod('hostile bootstrap', { annotations: { [sidecar('bootstrapOverride')]: hostile } }), isHostile: true },
	{
		...pod('hostile period', { annotations: { 'readiness.status.sidecar.istio.io/periodSeconds': '1\n    x: y' } }),
		isHostile: true,
	},
	pod('wants no proxy', { labels: { app: 'shop', [sidecar('inject')]: 'false' } }),
	pod('a gateway', {
		labels: { app: 'gateway', istio: 'gateway', [sidecar('inject')]: 'true' },
		annotations: { 'inject.istio.io/templates': 'gateway' },
		containers: [{ name: 'istio-proxy', image: 'auto' }],
	}),
	pod('a gateway with a container beside it', {
		labels: { app: 'gateway', istio: 'gateway', [sidecar('inject')]: 'true' },
		annotations: { 'inject.istio.io/templates': 'gateway' },
		containers: [
			{ name: 'istio-proxy', image: 'auto', ports: [{ containerPort: 8443 }] },
			{ name: 'helper', image: 'helper:1', ports: [{ name: 'help', containerPort: 9000 }] },
		],
	}),
	pod('gRPC with an agent', {
		annotations: {
			'inject.istio.io/templates': 'grpc-agent',
			[sidecar('proxyCPU')]: '50m',
			[sidecar('userVolume')]: '{"mine": {"emptyDir": {}}}',
			[sidecar('userVolumeMount')]: '{"mine": {"mountPath": "/mine"}}',
		},
	}),
	{
		...pod('hostile gRPC', {
			annotations: { 'inject.istio.io/templates': 'grpc-agent', [sidecar('agentLogLevel')]: hostile },
		}),
		isHostile: true,
	},
];
