/** Pods of all shapes that injection has to do with. Each stands in namespace `shop` unless it says otherwise. */
import type { KubePod } from './webhook-types.ts';

type Annotations = Readonly<Record<string, string>>;
type Fields = Readonly<Record<string, unknown>>;

const app = { name: 'app', image: 'example.com/app:1', ports: [{ name: 'http', containerPort: 8080 }] } as const;

interface Shape {
	readonly labels?: Annotations;
	readonly annotations?: Annotations;
	readonly metadata?: Fields;
	readonly containers?: KubePod['spec']['containers'];
	readonly spec?: Fields;
}

function pod({ labels, annotations, metadata = {}, containers = [app], spec = {} }: Shape): KubePod {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name: 'web',
			namespace: 'shop',
			...(labels === undefined ? {} : { labels }),
			...(annotations === undefined ? {} : { annotations }),
			...metadata,
		},
		spec: { ...spec, containers },
	};
}

function annotated(annotations: Annotations, further: Shape = {}): KubePod {
	return pod({ labels: { app: 'web' }, ...further, annotations });
}

function controlled(kind: string, name: string, labels: Annotations = {}, apiVersion = 'apps/v1'): KubePod {
	return pod({
		labels,
		metadata: {
			name: undefined,
			generateName: `${name}-`,
			ownerReferences: [{ apiVersion, kind, name, uid: 'u', controller: true }],
		},
	});
}

const sidecar = 'sidecar.istio.io';
const traffic = `traffic.${sidecar}`;
const readiness = `readiness.status.${sidecar}`;
const token = { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };
const probe = (port: number | string, path = '/ready', scheme?: string): Fields => ({
	httpGet: { path, port, ...(scheme === undefined ? {} : { scheme }) },
});

/** By what is special about them. */
export const pods: Readonly<Record<string, KubePod>> = {
	'one port, no labels': pod({}),
	'no ports': pod({ containers: [{ name: 'app', image: 'a' }] }),
	'many ports in two containers': pod({
		containers: [
			{ ...app, ports: [{ containerPort: 80 }, { name: 'https', containerPort: 443, protocol: 'TCP' }] },
			{ name: 'metrics', image: 'm', ports: [{ name: 'prom', containerPort: 9090, hostPort: 9090 }] },
		],
	}),
	'UDP and SCTP ports': pod({
		containers: [
			{
				...app,
				ports: [
					{ name: 'dns', containerPort: 53, protocol: 'UDP' },
					{ containerPort: 5060, protocol: 'SCTP' },
					{ containerPort: 80 },
				],
			},
		],
	}),
	'UDP ports alone': pod({ containers: [{ ...app, ports: [{ containerPort: 53, protocol: 'UDP' }] }] }),
	'a port at an address of the host': pod({
		containers: [{ ...app, ports: [{ containerPort: 80, hostPort: 80, hostIP: '10.0.0.1' }] }],
	}),
	'a ServiceAccount': pod({ spec: { serviceAccountName: 'shop-web' } }),
	'labels app and version': pod({ labels: { app: 'web', version: 'v1' } }),
	'other labels': pod({ labels: { tier: 'front', 'app.kubernetes.io/name': 'web' } }),
	'a name for the proxy that YAML would take for a number': pod({ labels: { app: '1e3' } }),
	'a name for the proxy that YAML would take for a truth': pod({ labels: { app: 'yes' } }),
	'annotations of others, with quotes and signs': annotated({
		'example.com/note': 'a "b" \\ c\n d: {e} <f> & é [[x]] {{y}} \u2028',
		'example.com/empty': '',
		'example.com/controls': 'tab\tbell\u0007',
	}),
	'the host’s network': pod({ spec: { hostNetwork: true } }),
	'the host’s network, and wishing': annotated({ [`${sidecar}/inject`]: 'true' }, { spec: { hostNetwork: true } }),
	'a namespace of the system': pod({ metadata: { namespace: 'kube-system' } }),
	'inject true': annotated({ [`${sidecar}/inject`]: 'true' }),
	'inject yes': annotated({ [`${sidecar}/inject`]: 'Yes' }),
	'inject on': annotated({ [`${sidecar}/inject`]: 'ON' }),
	'inject false': annotated({ [`${sidecar}/inject`]: 'false' }),
	'inject 1': annotated({ [`${sidecar}/inject`]: '1' }),
	'inject empty': annotated({ [`${sidecar}/inject`]: '' }),
	'labels that are never injected': pod({ labels: { batch: 'never' } }),
	'labels that are always injected': pod({ labels: { team: 'mesh' } }),
	'labels that are never and always injected': pod({ labels: { batch: 'never', team: 'mesh' } }),
	'another image of the proxy': annotated({ [`${sidecar}/proxyImage`]: 'example.com/proxyv2:mine' }),
	'TPROXY by annotation': annotated({ [`${sidecar}/interceptionMode`]: 'TPROXY' }),
	'REDIRECT by annotation': annotated({ [`${sidecar}/interceptionMode`]: 'REDIRECT' }),
	'no interception': annotated({ [`${sidecar}/interceptionMode`]: 'NONE' }),
	'an unknown interception': annotated({ [`${sidecar}/interceptionMode`]: 'redirect' }),
	'another address of Pilot and its policy': annotated({
		[`${sidecar}/discoveryAddress`]: 'pilot.example.com:15010',
		[`${sidecar}/controlPlaneAuthPolicy`]: 'MUTUAL_TLS',
	}),
	'CPU and memory of the proxy': annotated({ [`${sidecar}/proxyCPU`]: '1500m', [`${sidecar}/proxyMemory`]: '256Mi' }),
	'CPU of the proxy alone': annotated({ [`${sidecar}/proxyCPU`]: '2' }),
	'memory of the proxy alone': annotated({ [`${sidecar}/proxyMemory`]: '1Gi' }),
	'readiness in all its numbers': annotated({
		[`status.${sidecar}/port`]: '15099',
		[`${readiness}/initialDelaySeconds`]: '5',
		[`${readiness}/periodSeconds`]: '7',
		[`${readiness}/failureThreshold`]: '9',
		[`${readiness}/applicationPorts`]: '8080,9090',
	}),
	'no readiness': annotated({ [`status.${sidecar}/port`]: '0' }),
	'readiness on a port with spaces around': annotated({ [`status.${sidecar}/port`]: ' 15021 ' }),
	'a bad port of readiness': annotated({ [`status.${sidecar}/port`]: '70000' }),
	'a bad delay of readiness': annotated({ [`${readiness}/initialDelaySeconds`]: '-1' }),
	'a bad list of application ports': annotated({ [`${readiness}/applicationPorts`]: '80,http' }),
	'all kinds of traffic': annotated({
		[`${traffic}/includeOutboundIPRanges`]: '10.0.0.0/8,192.168.0.0/16',
		[`${traffic}/excludeOutboundIPRanges`]: '10.1.0.0/16',
		[`${traffic}/includeInboundPorts`]: '80, 443',
		[`${traffic}/excludeInboundPorts`]: '9090,15020',
		[`${traffic}/excludeOutboundPorts`]: '3306',
	}),
	'no traffic': annotated({
		[`${traffic}/includeOutboundIPRanges`]: '',
		[`${traffic}/includeInboundPorts`]: '',
		[`${traffic}/excludeInboundPorts`]: '',
	}),
	'all traffic, said so': annotated({
		[`${traffic}/includeOutboundIPRanges`]: '*',
		[`${traffic}/includeInboundPorts`]: '*',
	}),
	'a bad address block': annotated({ [`${traffic}/includeOutboundIPRanges`]: '10.0.0.0/8,10.0.0.300/16' }),
	'all addresses excluded by a star': annotated({ [`${traffic}/excludeOutboundIPRanges`]: '*' }),
	'bad outbound ports': annotated({ [`${traffic}/excludeOutboundPorts`]: 'mysql' }),
	'interfaces of virtual machines': annotated({ [`${traffic}/kubevirtInterfaces`]: 'k6t-eth0' }),
	'a bootstrap of its own': annotated({ [`${sidecar}/bootstrapOverride`]: 'my-bootstrap' }),
	'volumes of its own': annotated({
		[`${sidecar}/userVolume`]:
			'{"certs":{"secret":{"secretName":"c","items":[{"key":"a","path":"b"}]}},"tmp":{"emptyDir":{}}}',
		[`${sidecar}/userVolumeMount`]: '{"certs":{"mountPath":"/certs","readOnly":true},"tmp":{"mountPath":"/tmp"}}',
	}),
	'a volume that is no JSON': annotated({ [`${sidecar}/userVolume`]: '{certs' }),
	'empty volumes': annotated({ [`${sidecar}/userVolume`]: '{}', [`${sidecar}/userVolumeMount`]: '' }),
	'numbers with zeros in front': annotated({
		[`status.${sidecar}/port`]: '015020',
		[`${readiness}/periodSeconds`]: '010',
		[`${readiness}/failureThreshold`]: '007',
	}),
	'a number with a zero in front that is none of base 8': annotated({ [`${readiness}/initialDelaySeconds`]: '08' }),
	'values with quotes and signs': annotated({
		[`${sidecar}/proxyImage`]: 'a"b\\c: #{{x}} [[y]]',
		[`${sidecar}/discoveryAddress`]: "it's:\n'15010'",
		[`${sidecar}/controlPlaneAuthPolicy`]: 'yes',
	}),
	'blocks of IPv6, and of single hosts': annotated({
		[`${traffic}/includeOutboundIPRanges`]: 'fd00::/8,10.0.0.1/32',
	}),
	'blocks with spaces between': annotated({ [`${traffic}/includeOutboundIPRanges`]: '10.0.0.0/8, 10.1.0.0/16' }),
	'empty labels and annotations': pod({ labels: {}, annotations: {} }),
	'an environment for Datadog': annotated({
		'apm.datadoghq.com/env': '{"DD_ENV":"prod","DD_PORT":8126,"DD_BYTES":20971520}',
	}),
	'probes over HTTP, rewritten': annotated(
		{ [`${sidecar}/rewriteAppHTTPProbers`]: 'true' },
		{
			containers: [
				{ ...app, readinessProbe: probe('http'), livenessProbe: probe(8080, '/live', 'HTTPS') },
				{ name: 'other', image: 'o', readinessProbe: { tcpSocket: { port: 1 } }, livenessProbe: probe('unknown') },
			],
		},
	),
	'probes over HTTP, left alone': annotated(
		{ [`${sidecar}/rewriteAppHTTPProbers`]: 'false' },
		{ containers: [{ ...app, readinessProbe: probe(8080) }] },
	),
	'a Deployment’s pod': controlled('ReplicaSet', 'web-5d4f8c7b9', { app: 'web', 'pod-template-hash': '5d4f8c7b9' }),
	'a Deployment’s pod without the label app': controlled('ReplicaSet', 'web-5d4f8c7b9', {
		'pod-template-hash': '5d4f8c7b9',
	}),
	'a ReplicaSet’s pod': controlled('ReplicaSet', 'plain', { 'pod-template-hash': 'other' }),
	'a Job’s pod': controlled('Job', 'nightly-1', {}, 'batch/v1'),
	'a StatefulSet’s pod': controlled('StatefulSet', 'db', { app: 'db' }),
	'an init container and volumes that were there': pod({
		spec: {
			initContainers: [{ name: 'migrate', image: 'm', command: ['migrate'] }],
			volumes: [{ name: 'data', emptyDir: {} }],
			imagePullSecrets: [{ name: 'regcred' }],
		},
	}),
	'a token that is mounted already': pod({
		containers: [{ ...app, volumeMounts: [token] }],
		spec: {
			initContainers: [{ name: 'first', image: 'f', volumeMounts: [token] }],
			volumes: [{ name: 'token', projected: { sources: [] } }],
		},
	}),
	'DNS and security of its own': pod({
		spec: {
			dnsPolicy: 'None',
			dnsConfig: { nameservers: ['10.0.0.10'], searches: ['example.com'] },
			securityContext: { runAsUser: 1000, runAsNonRoot: true, fsGroup: 2000 },
		},
	}),
	'a label for mutual TLS of its own': pod({ labels: { app: 'web', 'security.istio.io/tlsMode': 'disabled' } }),
	'several containers with limits': pod({
		labels: { app: 'web' },
		containers: [app, { name: 'b', image: 'b', resources: { limits: { cpu: '3' } }, args: ['--concurrency', '9'] }],
	}),
};
