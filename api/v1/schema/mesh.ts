/** Mesh-wide settings (ConfigMap `istio`) and what every sidecar gets. */
import { z } from 'zod';
import { tryDuration } from '../duration.ts';
import {
	cidr,
	duration,
	hostPort,
	integer,
	line,
	listMap,
	objectName,
	opaqueObject,
	optional,
	set,
	text,
} from './fields.ts';
import { withRules } from './rules.ts';
import { resources } from './workload.ts';

export const mesh = z
	.strictObject({
		tracing: optional(
			z
				.strictObject({
					enabled: optional(z.boolean()).describe('Whether proxies record spans. false when not set.'),
					sampling: optional(z.number().min(0).max(100)).describe(
						'Percentage of requests, 0 to 100, that start a trace. 1 when not set.',
					),
					zipkin: optional(
						z
							.strictObject({
								address: hostPort.describe(
									'host:port of a collector that takes Zipkin spans over HTTP, for example tracing-collector.tracing:9411.',
								),
							})
							.meta({ title: 'Zipkin' }),
					).describe('Where spans are sent.'),
				})
				.meta({ title: 'Tracing' }),
		).describe('Traces of requests.'),
		statsd: optional(
			z
				.strictObject({
					address: hostPort.describe(
						'host:port (UDP) of the statsd server, for example aggregator:8126. Resolved once, when a proxy starts.',
					),
				})
				.meta({ title: 'Statsd' }),
		).describe("Envoy's own statistics, sent by every proxy to a statsd server."),
		accessLog: optional(
			z
				.strictObject({
					file: optional(line(4096)).describe(
						'File that each proxy writes its access log to, for example /dev/stdout.',
					),
					encoding: optional(z.enum(['TEXT', 'JSON'])).describe(
						'Form of each entry. Istio 1.0 has no choice and writes TEXT.',
					),
				})
				.meta({ title: 'AccessLog' }),
		).describe('Log of each request, written by every proxy.'),
		outboundTraffic: optional(z.enum(['ALLOW_ANY', 'REGISTRY_ONLY'])).describe(
			'Traffic to hosts that the mesh does not know: let through (ALLOW_ANY) or refused (REGISTRY_ONLY). Istio 1.0 always refuses it and has no choice. ALLOW_ANY when not set.',
		),
		mtls: optional(
			z
				.strictObject({
					mode: optional(z.enum(['PERMISSIVE', 'STRICT', 'DISABLED'])).describe(
						'Between workloads: both plain text and mutual TLS (PERMISSIVE), mutual TLS only (STRICT), or plain text only (DISABLED). It is about all meshes of the cluster, so only one may say other than DISABLED. Without Citadel DISABLED, else PERMISSIVE when not set.',
					),
					controlPlane: optional(z.boolean()).describe(
						'true: mutual TLS between proxies and Pilot and Mixer. Needs Citadel. Proxies that run already must be replaced. false when not set.',
					),
				})
				.meta({ title: 'MutualTLS' }),
		).describe('Mutual TLS, with certificates by Citadel.'),
		trustDomain: optional(objectName).describe(
			'Domain in the identities of workloads (spiffe://<trustDomain>/ns/…). Since Istio 1.1. cluster.local when not set.',
		),
		config: optional(opaqueObject).describe(
			"Any further field of the release's MeshConfig, by its JSON name, for example {dnsRefreshRate: 5s}. Names that the release does not know, and fields that have a place of their own in this spec, are refused.",
		),
	})
	.meta({ title: 'Mesh' });

const port = integer(1, 65_535);
const portOrAll = withRules(z.union([port, text(5)]).meta({ 'x-kubernetes-int-or-string': true }), {
	rule: "type(self) == int || string(self) == '*'",
	message: 'must be a port from 1 to 65535, or "*" for all',
	remedy: 'Write a port number, or "*".',
	holds: (value) => typeof value === 'number' || value === '*',
});

const cidrOrAll = withRules(text(49), {
	rule: "self == '*' || isCIDR(self)",
	message: 'must be an address block in CIDR notation, such as 10.0.0.0/8, or "*" for all',
	remedy: 'Write an address, a slash and the number of prefix bits; or "*".',
	holds: (value) => value === '*' || cidr.safeParse(value).success,
});

/** Istio's defaults (istio 1.0-1.4 `pkg/config/mesh` DefaultProxyConfig). */
const drainDefault = '45s';
const parentShutdownDefault = '1m0s';

export const proxy = withRules(
	z.strictObject({
		interceptionMode: optional(z.enum(['REDIRECT', 'TPROXY'])).describe(
			"How a pod's traffic is led to its proxy: REDIRECT loses the source address, TPROXY keeps it and needs more privileges. REDIRECT when not set.",
		),
		includeIPRanges: optional(set(cidrOrAll, 256)).describe(
			'Outbound traffic to these address blocks goes through the proxy; "*" alone for all. All when not set.',
		),
		excludeIPRanges: optional(set(cidr, 256)).describe(
			'Outbound traffic to these address blocks bypasses the proxy, where all other does not.',
		),
		includeInboundPorts: optional(set(portOrAll, 256)).describe(
			'Inbound traffic to these ports goes through the proxy; "*" alone for all. All when not set.',
		),
		excludeInboundPorts: optional(set(port, 256)).describe(
			'Inbound traffic to these ports bypasses the proxy, where all other does not.',
		),
		uid: optional(integer(1, 2_147_483_647)).describe(
			'User that the proxy runs as, by which its own traffic is known. 1337 when not set.',
		),
		concurrency: optional(integer(0, 1024)).describe(
			'Worker threads of each proxy; 0: one per CPU of the node in Istio 1.0, and since 1.1 of its own CPU limit, or else request. 0 in Istio 1.0 and 2 since 1.1 when not set.',
		),
		adminPort: optional(port).describe("Port of Envoy's administration interface, on localhost. 15000 when not set."),
		drainDuration: optional(duration('1s', '1h', { wholeSeconds: true })).describe(
			`How long a proxy lets connections end when Envoy restarts itself, in whole seconds; shorter than parentShutdownDuration. ${drainDefault} when not set.`,
		),
		parentShutdownDuration: optional(duration('1s', '1h', { wholeSeconds: true })).describe(
			`When a restarting Envoy stops its predecessor, in whole seconds; longer than drainDuration. ${parentShutdownDefault} when not set.`,
		),
		discoveryRefreshDelay: optional(duration('1s', '10m')).describe(
			'Pause between two polls of Pilot, in Istio 1.0. Later proxies do not poll, and their releases refuse the field. 1s when not set.',
		),
		connectTimeout: optional(duration('1ms', '30s')).describe(
			'How long a proxy waits for a connection. 10s since Istio 1.1, the 1s of Istio itself in 1.0 when not set.',
		),
		serviceCluster: optional(
			text(253, /^[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'a name: letters, digits, -, _ and .'),
		).describe(
			'Name of the service that a proxy says it belongs to, where the pod has no label app. When not set: istio-proxy, or the name of what the pod belongs to where the injector knows it.',
		),
		resources: optional(resources).describe(
			'CPU and memory of the proxy in every pod. Requests of 100m and 128Mi and a limit of 2Gi when not set.',
		),
		initResources: optional(resources).describe(
			'CPU and memory of istio-init, which leads the traffic of every pod to its proxy and ends. Requests of 10m and 10Mi and limits of 100m and 50Mi when not set; in Istio 1.0 a request of 10m and limits of 100m and 128Mi.',
		),
	}),
	{
		// Pilot refuses a mesh configuration that breaks it (istio 1.0-1.4 pkg/config/validation ValidateParentAndDrain).
		rule: `duration(has(self.parentShutdownDuration) ? self.parentShutdownDuration : '${parentShutdownDefault}') > duration(has(self.drainDuration) ? self.drainDuration : '${drainDefault}')`,
		message: `parentShutdownDuration (${parentShutdownDefault} when not set) must be longer than drainDuration (${drainDefault} when not set)`,
		remedy: 'Raise parentShutdownDuration or lower drainDuration.',
		at: 'parentShutdownDuration',
		holds: ({ parentShutdownDuration = parentShutdownDefault, drainDuration = drainDefault }) =>
			isLonger(parentShutdownDuration, drainDuration),
	},
).meta({ title: 'Proxy' });

/** True also when one of them is out of range, because another rule reports that. */
function isLonger(a: string, b: string): boolean {
	const [longer, shorter] = [tryDuration(a), tryDuration(b)];
	return longer === undefined || shorter === undefined || longer > shorter;
}

const digest = text(71, /^sha256:[a-f0-9]{64}$/, 'sha256: and 64 hexadecimal digits');

export const images = z
	.strictObject({
		registry: optional(
			text(
				255,
				/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?([/][a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
				'a registry with an optional path, such as docker.io/istio, without scheme and without / at the end',
			),
		).describe('Where all images come from; a mirror needs this one line. docker.io/istio when not set.'),
		tag: optional(text(128, /^[a-zA-Z0-9_][-a-zA-Z0-9_.]*$/, 'an image tag')).describe(
			'Tag of all images. spec.version when not set.',
		),
		pullPolicy: optional(z.enum(['Always', 'IfNotPresent', 'Never'])).describe(
			'When nodes pull images. IfNotPresent when not set.',
		),
		pullSecrets: optional(
			listMap(
				z
					.strictObject({
						name: objectName.describe(
							'Name of a Secret of type kubernetes.io/dockerconfigjson in the namespace of the mesh.',
						),
					})
					.meta({ title: 'PullSecret' }),
				'name',
				16,
			),
		).describe('Credentials for the registry.'),
		digests: optional(
			z
				.strictObject({
					pilot: optional(digest).describe('Digest of the image of Pilot.'),
					mixer: optional(digest).describe('Digest of the image of Mixer.'),
					citadel: optional(digest).describe('Digest of the image of Citadel.'),
					sidecarInjector: optional(digest).describe('Digest of the image of the sidecar injector.'),
					proxy: optional(digest).describe('Digest of the image of the proxy, in sidecars and gateways.'),
					proxyInit: optional(digest).describe(
						"Digest of the image of the init container that redirects a pod's traffic.",
					),
					cni: optional(digest).describe('Digest of the image of the CNI plugin, in releases of istiod.'),
				})
				.meta({ title: 'ImageDigests' }),
		).describe('Exact content of single images (sha256:…), instead of the tag.'),
	})
	.meta({ title: 'Images' });
