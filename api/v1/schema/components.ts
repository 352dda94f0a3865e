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
	line,
	list,
	listMap,
	map,
	objectName,
	opaqueObject,
	optional,
	set,
	text,
} from './fields.ts';
import { withRules } from './rules.ts';
import { singletonFields, workload, workloadFields } from './workload.ts';

const enabled = optional(z.boolean());

/** Greater than 0. It is a rule because the API server compares whole numbers with the whole part of `minimum`. */
const share = withRules(z.number().min(0).max(1), {
	rule: 'self > 0.0',
	message: 'must be greater than 0',
	remedy: 'Write a number up to 1, such as 0.1 for every tenth.',
	holds: (value) => value > 0,
});

const statsdMetric = z
	.strictObject({
		type: optional(z.enum(['COUNTER', 'GAUGE', 'DISTRIBUTION'])).describe(
			'What statsd makes of the values. DISTRIBUTION for requestduration, COUNTER for others, when not set.',
		),
		nameTemplate: optional(
			text(
				256,
				/^([-A-Za-z0-9_.]|\{\{\.[A-Za-z_][A-Za-z0-9_]*\}\})+$/,
				'letters, digits, -, _, . and dimensions as {{.reporter}}',
			),
		).describe(
			'Name under which it is sent, with dimensions of the metric as {{.reporter}}. {{.reporter}}.{{.destination_service_namespace}}.{{.destination_service_name}} and the name of the metric, when not set; for an instance of your own its full name.',
		),
	})
	.meta({ title: 'StatsdMetric' });

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
					prefix: optional(line(128)).describe(
						'Text before the name of each metric, for example "istio". A dot follows it, whether you write one or not.',
					),
					flushDuration: optional(duration('1ms', '1m')).describe(
						'Longest time that values wait to be sent together. 300ms when not set.',
					),
					flushBytes: optional(integer(64, 65_507)).describe(
						'Largest size of a packet in bytes; 1432 is better within one network. 512 when not set.',
					),
					samplingRate: optional(share).describe('Share of values that are sent: 0.1 for every tenth. 1 when not set.'),
					metrics: optional(
						map(statsdMetric, 64, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'the name of a metric, such as requestcount'),
					).describe(
						'How metrics are sent, by the name of a default metric (requestcount, requestduration, requestsize, responsesize, tcpbytesent, tcpbytereceived; since 1.1 tcpconnectionsopened, tcpconnectionsclosed) or by the full name of an instance of your own, which a rule of your own gives to the handler meshwright-statsd. Default metrics that are not named are sent as well.',
					),
				})
				.meta({ title: 'StatsdAdapter' }),
		).describe('Metrics sent to a statsd server.'),
		custom: optional(
			z
				.strictObject({
					name: dnsLabel.describe(
						'Name of the object of kind adapter that the author of the adapter has you install in the namespace of the mesh. Its handler is called meshwright-grpc-<name>, its instances meshwright-grpc-<name>-requestcount, ….',
					),
					address: hostPort.describe('host:port of the gRPC service of the adapter.'),
					templates: set(text(63, /^[a-z][a-z0-9]*$/, 'the name of a Mixer template, such as metric'), 16)
						.min(1)
						.describe(
							'Mixer templates that the adapter takes: metric, logentry, reportnothing, checknothing. The objects of kind template come with the adapter, too.',
						),
					params: optional(opaqueObject).describe(
						'Parameters of the handler, as the adapter describes them; taken as they are.',
					),
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
						'true: requests pass when istio-policy cannot be reached. false when not set. Needs istio-policy.',
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
					).describe('How proxies gather reports before they send them. Istio 1.3 and newer.'),
				}),
			).meta({ title: 'MixerTelemetry' }),
		).describe('Deployment istio-telemetry: proxies report every request to it.'),
		adapters: optional(list(adapter, 32)).describe(
			'Backends of Mixer; each becomes a handler with its instances and rules. prometheus alone, when not set and istio-telemetry runs. At most one each of prometheus, stdio and statsd.',
		),
	})
	.meta({ title: 'Mixer' });

export const citadel = withRules(
	z.strictObject({
		...singletonFields,
		enabled: enabled.describe(
			'Whether Citadel runs. As the profile says when not set. In releases of istiod, whether istiod signs the certificates of workloads; true when not set.',
		),
		external: optional(
			z
				.strictObject({
					address: hostPort.describe(
						'host:port by which proxies ask it, such as cert-manager-istio-csr.cert-manager.svc:443.',
					),
				})
				.meta({ title: 'ExternalAuthority' }),
		).describe(
			'An authority outside of the mesh that signs the certificates of workloads as istio-csr of cert-manager does, where enabled is false. It also keeps Secret istiod-tls with the certificate of istiod, and ConfigMap istio-ca-root-cert in every namespace. In releases of istiod alone.',
		),
		caSecretName: optional(objectName).describe(
			'Secret in the namespace of the mesh with a CA of your own (ca-cert.pem, ca-key.pem, root-cert.pem, cert-chain.pem), whose key is RSA. Citadel waits for a Secret that it can use, and restarts when it changes: all four files are checked before, and what is wrong is told (CAInvalid). A self-signed CA when not set.',
		),
		intermediates: optional(
			z
				.strictObject({
					rootSecret: z
						.strictObject({
							name: objectName.describe('Name of the Secret.'),
							namespace: dnsLabel.describe(
								'Namespace of the Secret. Outside of the namespace of the mesh the Secret needs the label meshwright.io/mesh-may-read with the name of the mesh, or any. Best it is not where istiod runs, which reads the Secrets there.',
							),
						})
						.meta({ title: 'RootSecret' })
						.describe('Secret with the root: tls.crt, a certificate that has signed itself, and tls.key, RSA or EC.'),
					lifetime: optional(duration('1h', '87600h')).describe(
						'How long an intermediate authority is valid, three times workloadCertTTL at least; it is renewed when a third of that is left. 2160h when not set.',
					),
				})
				.meta({ title: 'Intermediates' }),
		).describe(
			'The operator itself issues an authority, Secret cacerts, to this cluster and to each that joins with role Primary, from one root, whose key stays in this cluster. Another root in the Secret is adopted step by step: both are in trust for as long as needed. In releases of istiod alone.',
		),
		// Citadel renews at half of the time, and never later than 10 minutes before the end.
		workloadCertTTL: optional(duration('20m', '87600h')).describe(
			'How long the certificates of workloads are valid; they are renewed at half of it. Longer than the authority lasts is a warning (CAOutlived). 2160h when not set.',
		),
	}),
	{
		rule: '!has(self.disruptionBudget) || !has(self.disruptionBudget.minAvailable)',
		message: 'disruptionBudget.minAvailable cannot be kept by a single pod: no node could be drained',
		remedy: 'Use maxUnavailable, or remove the budget.',
		at: 'disruptionBudget',
		holds: ({ disruptionBudget }) => disruptionBudget?.minAvailable === undefined,
	},
	{
		rule: '!has(self.external) || (has(self.enabled) && !self.enabled)',
		message: 'external is an authority outside, beside which nothing signs here: enabled must be false',
		remedy: 'Set spec.citadel.enabled to false, or remove spec.citadel.external.',
		at: 'external',
		holds: ({ enabled: isOn, external }) => external === undefined || isOn === false,
	},
	{
		rule: '!has(self.intermediates) || (!has(self.caSecretName) && (!has(self.enabled) || self.enabled))',
		message: 'intermediates are authorities that the operator issues, beside which no other one can be named',
		remedy: 'Remove spec.citadel.intermediates, or spec.citadel.caSecretName and spec.citadel.enabled.',
		at: 'intermediates',
		holds: ({ enabled: isOn, caSecretName, intermediates }) =>
			intermediates === undefined || (caSecretName === undefined && isOn !== false),
	},
).meta({ title: 'Citadel' });

const labelSelector = z
	.strictObject({
		matchLabels: optional(labels).describe('Labels that must all be there with these values.'),
		matchExpressions: optional(
			list(
				withRules(
					z.strictObject({
						key: line(317).describe('Key of the label.'),
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
		enabled: enabled.describe(
			'Whether the injector and its webhook run. As the profile says when not set. Without it pods get their proxy by hand (meshwright inject).',
		),
		policy: optional(z.enum(['enabled', 'disabled'])).describe(
			'Whether pods without an annotation of their own, in namespaces with injection, get a proxy (enabled) or not (disabled).',
		),
		namespaces: optional(set(dnsLabel, 1024)).describe(
			'Namespaces whose new pods get a proxy. The operator labels them istio-injection=enabled, and removes only its own labels. Namespaces of Kubernetes (kube-*) and of the mesh itself are refused.',
		),
		neverInject: optional(list(labelSelector, 32)).describe(
			'Pods with labels like these get no proxy, unless an annotation of their own says otherwise. Since Istio 1.1.',
		),
		alwaysInject: optional(list(labelSelector, 32)).describe(
			'Pods with labels like these get a proxy whatever the policy, unless neverInject or an annotation of their own says otherwise. Since Istio 1.1.',
		),
	}),
).meta({ title: 'SidecarInjector' });

const servicePort = z
	.strictObject({
		name: dnsLabel.describe('Name of the port; Istio takes the protocol from its first part (http2, https, tcp …).'),
		port: integer(1, 65_535).describe('Port of the Service.'),
		targetPort: optional(integer(1, 65_535)).describe(
			'Port of the pods, which a Gateway object opens. Same as port when not set.',
		),
		nodePort: optional(integer(1, 65_535)).describe(
			'Port of every node, for types NodePort and LoadBalancer. Chosen by the cluster when not set.',
		),
		protocol: optional(z.enum(['TCP', 'UDP', 'SCTP'])).describe(
			'Protocol of the port. Gateways of Istio 1.0 to 1.4 listen on TCP alone, newer ones on UDP too. TCP when not set.',
		),
	})
	.meta({ title: 'ServicePort' });

const servicePorts = withRules(listMap(servicePort, 'name', 64), {
	rule: 'self.all(one, self.exists_one(other, other.port == one.port && (has(other.protocol) ? other.protocol : "TCP") == (has(one.protocol) ? one.protocol : "TCP")))',
	message: 'no two ports may have the same number and protocol',
	remedy: 'Give each entry a port of its own; several may have the same targetPort.',
	holds: (ports) => new Set(ports.map(({ port, protocol = 'TCP' }) => `${port} ${protocol}`)).size === ports.length,
});

/** @param standard type of the Service when the spec names none */
function gatewayService(standard: 'ClusterIP' | 'LoadBalancer') {
	const type = `(has(self.type) ? self.type : '${standard}')`;
	return withRules(
		z.strictObject({
			type: optional(z.enum(['ClusterIP', 'NodePort', 'LoadBalancer'])).describe(
				`Who can reach the gateway: pods of the cluster (ClusterIP), whoever reaches a node (NodePort), or others too (LoadBalancer). ${standard} when not set.`,
			),
			ports: optional(servicePorts).describe(
				"Ports of the gateway; a Gateway object opens them by their targetPort. The release's own when not set. status-port (15020; 15021 from Istio 1.30 on) is added where no entry has this targetPort.",
			),
			annotations: optional(annotations).describe('Annotations of the Service, for the load balancer of the cloud.'),
			externalTrafficPolicy: optional(z.enum(['Cluster', 'Local'])).describe(
				'Local keeps the address of the client. Cluster when not set. Not for type ClusterIP.',
			),
			loadBalancerSourceRanges: optional(set(cidr, 64)).describe(
				'Address blocks that the load balancer lets in. For type LoadBalancer alone.',
			),
		}),
		{
			rule: `!has(self.externalTrafficPolicy) || ${type} != 'ClusterIP'`,
			message: `externalTrafficPolicy is not for type ClusterIP (type is ${standard} when not set)`,
			remedy: 'Set type to NodePort or LoadBalancer, or remove externalTrafficPolicy.',
			at: 'externalTrafficPolicy',
			holds: (service) => service.externalTrafficPolicy === undefined || (service.type ?? standard) !== 'ClusterIP',
		},
		{
			rule: `!has(self.loadBalancerSourceRanges) || size(self.loadBalancerSourceRanges) == 0 || ${type} == 'LoadBalancer'`,
			message: `loadBalancerSourceRanges is for type LoadBalancer alone (type is ${standard} when not set)`,
			remedy: 'Set type to LoadBalancer, or remove loadBalancerSourceRanges.',
			at: 'loadBalancerSourceRanges',
			holds: ({ loadBalancerSourceRanges = [], ...service }) =>
				loadBalancerSourceRanges.length === 0 || (service.type ?? standard) === 'LoadBalancer',
		},
		{
			rule: `!has(self.ports) || ${type} != 'ClusterIP' || self.ports.all(entry, !has(entry.nodePort))`,
			message: `ports with a nodePort are not for type ClusterIP (type is ${standard} when not set)`,
			remedy: 'Set type to NodePort or LoadBalancer, or remove nodePort.',
			at: 'ports',
			holds: ({ ports = [], ...service }) =>
				(service.type ?? standard) !== 'ClusterIP' || ports.every(({ nodePort }) => nodePort === undefined),
		},
	).meta({ title: standard === 'LoadBalancer' ? 'IngressService' : 'EgressService' });
}

function gateway(standard: 'ClusterIP' | 'LoadBalancer') {
	const fields = {
		...workloadFields,
		service: optional(gatewayService(standard)).describe('The Service in front of the gateway.'),
	};
	const settings = Object.keys(fields);
	return withRules(
		workload(
			z.strictObject({
				...fields,
				enabled: enabled.describe(
					'Whether this gateway runs. Must be set beside any other field; false keeps the settings for later. false when not set.',
				),
			}),
		),
		{
			rule: `has(self.enabled) || ![${settings.map((name) => `has(self.${name})`).join(', ')}].exists(given, given)`,
			message: 'enabled must be set beside any other field: no gateway runs unless it is true',
			remedy: 'Set enabled to true; or to false, to keep the settings for later.',
			at: 'enabled',
			holds: ({ enabled: said, ...rest }) => said !== undefined || Object.keys(rest).length === 0,
		},
	).meta({ title: standard === 'LoadBalancer' ? 'IngressGateway' : 'EgressGateway' });
}

export const gateways = z
	.strictObject({
		ingress: optional(gateway('LoadBalancer')).describe('istio-ingressgateway: traffic into the mesh.'),
		egress: optional(gateway('ClusterIP')).describe('istio-egressgateway: traffic out of the mesh.'),
	})
	.meta({ title: 'Gateways' });
