/** The components beside Pilot: Mixer, Citadel, the sidecar injector and the gateways. */
import { z } from 'zod';
import {
	annotations,
	cidr,
	dnsLabel,
	duration,
	hostPort,
	integer,
	labels,
	list,
	listMap,
	objectName,
	opaqueObject,
	optional,
	set,
	text,
} from './fields.ts';
import { withRules } from './rules.ts';
import { singletonFields, workload, workloadFields } from './workload.ts';

const enabled = optional(z.boolean());

const adapter = withRules(
	z.strictObject({
		prometheus: optional(
			z
				.strictObject({
					metricsExpiry: optional(duration('1s', '720h')).describe(
						'Metrics that were not updated for this long are dropped. 10m when not set.',
					),
				})
				.meta({ title: 'PrometheusAdapter' }),
		).describe('Metrics that a Prometheus scrapes from Mixer.'),
		stdio: optional(
			z
				.strictObject({ json: optional(z.boolean()).describe('true: one JSON object per line. true when not set.') })
				.meta({ title: 'StdioAdapter' }),
		).describe("Log entries on Mixer's standard output."),
		statsd: optional(
			z
				.strictObject({
					address: hostPort.describe('host:port (UDP) of the statsd server.'),
					prefix: optional(text(128)).describe('Put before the name of each metric, for example "istio.".'),
					flushDuration: optional(duration('1ms', '1m')).describe(
						'Longest time that values wait to be sent together. 300ms when not set.',
					),
				})
				.meta({ title: 'StatsdAdapter' }),
		).describe('Metrics sent to a statsd server.'),
		custom: optional(
			z
				.strictObject({
					name: dnsLabel.describe('Name of the adapter, which its handler, instances and rule carry.'),
					address: hostPort.describe('host:port of the gRPC service of the adapter.'),
					templates: set(text(63, /^[a-z][a-z0-9]*$/, 'the name of a Mixer template, such as metric'), 16)
						.min(1)
						.describe('Mixer templates that the adapter takes, for example [metric, logentry].'),
					params: optional(opaqueObject).describe('Parameters handed to the adapter as they are.'),
				})
				.meta({ title: 'CustomAdapter' }),
		).describe('An adapter of your own, running outside of Mixer and called over gRPC.'),
	}),
	{
		rule: '[has(self.prometheus), has(self.stdio), has(self.statsd), has(self.custom)].filter(given, given).size() == 1',
		message: 'exactly one of prometheus, stdio, statsd and custom must be set',
		remedy: 'Write one adapter per entry of the list.',
		holds: ({ prometheus, stdio, statsd, custom }) =>
			[prometheus, stdio, statsd, custom].filter((given) => given !== undefined).length === 1,
	},
).meta({ title: 'MixerAdapter' });

export const mixer = z
	.strictObject({
		policy: optional(
			workload(
				z.strictObject({
					...workloadFields,
					enabled: enabled.describe('Whether istio-policy runs. As the profile says when not set.'),
					failOpen: optional(z.boolean()).describe(
						'true: requests pass when istio-policy cannot be reached. false when not set.',
					),
				}),
			).meta({ title: 'MixerPolicy' }),
		).describe('Deployment istio-policy: proxies ask it before a request (quota, access).'),
		telemetry: optional(
			workload(
				z.strictObject({
					...workloadFields,
					enabled: enabled.describe('Whether istio-telemetry runs. As the profile says when not set.'),
					reportBatch: optional(
						z
							.strictObject({
								maxEntries: optional(integer(1, 100_000)).describe(
									'Reports that a proxy sends together at most. 100 when not set.',
								),
								maxTime: optional(duration('1ms', '10m')).describe(
									'Longest time that a report waits in a proxy. 1s when not set.',
								),
							})
							.meta({ title: 'ReportBatch' }),
					).describe('How proxies gather reports before they send them.'),
				}),
			).meta({ title: 'MixerTelemetry' }),
		).describe('Deployment istio-telemetry: proxies report every request to it.'),
		adapters: optional(list(adapter, 32)).describe(
			'Backends of Mixer; each becomes a handler with its instances and rules.',
		),
	})
	.meta({ title: 'Mixer' });

export const citadel = withRules(
	z.strictObject({
		...singletonFields,
		enabled: enabled.describe('Whether Citadel runs. As the profile says when not set.'),
		caSecretName: optional(objectName).describe(
			'Secret in the namespace of the mesh with a CA of your own (ca-cert.pem, ca-key.pem, root-cert.pem, cert-chain.pem). A self-signed CA when not set.',
		),
		workloadCertTTL: optional(duration('10m', '87600h')).describe(
			'How long the certificates of workloads are valid. 2160h when not set.',
		),
	}),
	{
		rule: '!has(self.disruptionBudget) || !has(self.disruptionBudget.minAvailable)',
		message: 'disruptionBudget.minAvailable cannot be kept by a single pod: no node could be drained',
		remedy: 'Use maxUnavailable, or remove the budget.',
		at: 'disruptionBudget',
		holds: ({ disruptionBudget }) => disruptionBudget?.minAvailable === undefined,
	},
).meta({ title: 'Citadel' });

const labelSelector = z
	.strictObject({
		matchLabels: optional(labels).describe('Labels that must all be there with these values.'),
		matchExpressions: optional(
			list(
				withRules(
					z.strictObject({
						key: text(317).describe('Key of the label.'),
						operator: z
							.enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
							.describe('How the label is compared with values.'),
						values: optional(list(z.string().max(63), 64)).describe('Values, for operators In and NotIn.'),
					}),
					{
						rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
						message: 'values must be set for operators In and NotIn, and for no others',
						remedy: 'Add values or change the operator.',
						at: 'values',
						holds: ({ operator, values = [] }) => ['In', 'NotIn'].includes(operator) === values.length > 0,
					},
				).meta({ title: 'LabelSelectorRequirement' }),
				16,
			),
		).describe('Conditions on labels that must all hold.'),
	})
	.meta({ title: 'LabelSelector' });

export const sidecarInjector = workload(
	z.strictObject({
		...workloadFields,
		enabled: enabled.describe('Whether the injector and its webhook run. As the profile says when not set.'),
		policy: optional(z.enum(['enabled', 'disabled'])).describe(
			'Pods without an annotation of their own, in namespaces with injection: get a proxy (enabled), or not (disabled).',
		),
		namespaces: optional(set(dnsLabel, 1024)).describe(
			'Namespaces whose pods get a proxy. The operator labels them istio-injection=enabled.',
		),
		neverInject: optional(list(labelSelector, 32)).describe('Pods with labels like these never get a proxy.'),
		alwaysInject: optional(list(labelSelector, 32)).describe('Pods with labels like these always get a proxy.'),
	}),
).meta({ title: 'SidecarInjector' });

const servicePort = z
	.strictObject({
		name: dnsLabel.describe('Name of the port; Istio takes the protocol from its first part (http2, https, tcp …).'),
		port: integer(1, 65_535).describe('Port of the Service.'),
		targetPort: optional(integer(1, 65_535)).describe('Port of the pods. Same as port when not set.'),
		nodePort: optional(integer(1, 65_535)).describe(
			'Port of every node, for types NodePort and LoadBalancer. Chosen by the cluster when not set.',
		),
		protocol: optional(z.enum(['TCP', 'UDP', 'SCTP'])).describe('Protocol of the port. TCP when not set.'),
	})
	.meta({ title: 'ServicePort' });

const gateway = workload(
	z.strictObject({
		...workloadFields,
		enabled: enabled.describe('Whether this gateway runs. false when not set.'),
		service: optional(
			z
				.strictObject({
					type: optional(z.enum(['ClusterIP', 'NodePort', 'LoadBalancer'])).describe('Who can reach the gateway.'),
					ports: optional(listMap(servicePort, 'name', 64)).describe(
						"Ports of the gateway. The release's own when not set.",
					),
					annotations: optional(annotations).describe(
						'Annotations of the Service, for the load balancer of the cloud.',
					),
					externalTrafficPolicy: optional(z.enum(['Cluster', 'Local'])).describe(
						'Local keeps the address of the client. Cluster when not set.',
					),
					loadBalancerSourceRanges: optional(set(cidr, 64)).describe('Address blocks that the load balancer lets in.'),
				})
				.meta({ title: 'GatewayService' }),
		).describe('The Service in front of the gateway.'),
	}),
).meta({ title: 'Gateway' });

export const gateways = z
	.strictObject({
		ingress: optional(gateway).describe('istio-ingressgateway: traffic into the mesh.'),
		egress: optional(gateway).describe('istio-egressgateway: traffic out of the mesh.'),
	})
	.meta({ title: 'Gateways' });
