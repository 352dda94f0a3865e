/** Objects that both the API server and the parser judge. Only tests use them. */

export interface Case {
	readonly title: string;
	readonly spec: unknown;
	/** `metadata.name`. Default: a valid one. */
	readonly name?: string;
}

export interface RefusedCase extends Case {
	/** Path of the problem that the parser must name. */
	readonly path: string;
	/** Text that the API server's message must contain. Default: `path`. */
	readonly server?: string;
	/** Set when only the parser refuses the object and the API server takes it. The text says why. */
	readonly parserOnly?: string;
}

const version = '1.4.10';
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** An entry of `spec.multiCluster.clusters`. */
const someCluster = { name: 'eu-west', kubeconfigSecret: { name: 'eu-west', namespace: 'meshwright-system' } };

function refused(title: string, path: string, spec: object, more: Partial<RefusedCase> = {}): RefusedCase {
	return { title, path, spec: { version, ...spec }, ...more };
}

function accepted(title: string, spec: object, more: Partial<Case> = {}): Case {
	return { title, spec: { version, ...spec }, ...more };
}

export const refusedCases: readonly RefusedCase[] = [
	// The object itself
	refused('a name with a dot', 'metadata.name', {}, { name: 'mesh.one', server: 'name must be a DNS label' }),
	refused('a name of 64 characters', 'metadata.name', {}, { name: 'm'.repeat(64), server: 'name must be a DNS label' }),
	{ title: 'no spec', path: 'spec', spec: undefined },
	{ title: 'a spec that is a list', path: 'spec', spec: [] },
	{ title: 'a spec that is a text', path: 'spec', spec: '1.4.10' },
	{ title: 'no version', path: 'spec.version', spec: {} },
	{ title: 'a version that is null', path: 'spec.version', spec: { version: null } },
	{ title: 'a version that is a number', path: 'spec.version', spec: { version: 1.4 } },
	...['1.4', '1', 'v1.4.10', '1.4.10-distroless', '1.4.10 ', 'latest', '1.4.x', ''].map((text) =>
		refused(`the version ${JSON.stringify(text)}`, 'spec.version', { version: text }),
	),
	refused('an unknown field', 'spec.pilots', { pilots: {} }, { server: 'unknown field "spec.pilots"' }),
	refused(
		'an unknown field deep inside',
		'spec.mesh.tracing.zipkin.adress',
		{
			mesh: { tracing: { zipkin: { address: 'a:1', adress: 'b:1' } } },
		},
		{ server: 'unknown field "spec.mesh.tracing.zipkin.adress"' },
	),

	// Top-level fields
	refused('an unknown profile', 'spec.profile', { profile: 'demo' }),
	refused('a profile that is a path', 'spec.profile', { profile: '../minimal' }),
	refused('a namespace in capitals', 'spec.namespace', { namespace: 'Istio' }),
	refused('a namespace of 64 characters', 'spec.namespace', { namespace: 'n'.repeat(64) }),
	refused('an empty namespace', 'spec.namespace', { namespace: '' }),
	...['kube-system', 'kube-public', 'kube-node-lease', 'default'].map((namespace) =>
		refused(`namespace ${namespace}`, 'spec.namespace', { namespace }),
	),
	refused('paused as a text', 'spec.paused', { paused: 'true' }),

	// Images
	refused('a registry with a scheme', 'spec.images.registry', { images: { registry: 'https://docker.io/istio' } }),
	refused('a registry with a slash at the end', 'spec.images.registry', { images: { registry: 'docker.io/istio/' } }),
	refused('a tag with a colon', 'spec.images.tag', { images: { tag: 'pilot:1.4.10' } }),
	refused('an unknown pull policy', 'spec.images.pullPolicy', { images: { pullPolicy: 'Sometimes' } }),
	refused('the same pull secret twice', 'spec.images.pullSecrets[1]', {
		images: { pullSecrets: [{ name: 'regcred' }, { name: 'regcred' }] },
	}),
	refused('a pull secret without name', 'spec.images.pullSecrets[0].name', { images: { pullSecrets: [{}] } }),
	refused('a digest of another algorithm', 'spec.images.digests.pilot', { images: { digests: { pilot: 'md5:00' } } }),
	refused('a digest of 63 digits', 'spec.images.digests.proxy', {
		images: { digests: { proxy: digest.slice(0, -1) } },
	}),
	refused(
		'a digest of no image',
		'spec.images.digests.galley',
		{ images: { digests: { galley: digest } } },
		{ server: 'unknown field "spec.images.digests.galley"' },
	),

	// Mesh
	refused('a sampling of 101 %', 'spec.mesh.tracing.sampling', { mesh: { tracing: { sampling: 101 } } }),
	refused('a negative sampling', 'spec.mesh.tracing.sampling', { mesh: { tracing: { sampling: -0.1 } } }),
	refused('a collector without port', 'spec.mesh.tracing.zipkin.address', {
		mesh: { tracing: { zipkin: { address: 'collector.tracing' } } },
	}),
	refused('a collector as an URL', 'spec.mesh.tracing.zipkin.address', {
		mesh: { tracing: { zipkin: { address: 'http://collector.tracing:9411' } } },
	}),
	refused('a statsd server at port 65536', 'spec.mesh.statsd.address', {
		mesh: { statsd: { address: 'aggregator:65536' } },
	}),
	refused('a statsd server without address', 'spec.mesh.statsd.address', { mesh: { statsd: {} } }),
	refused('an unknown encoding of access logs', 'spec.mesh.accessLog.encoding', {
		mesh: { accessLog: { encoding: 'XML' } },
	}),
	refused('an unknown policy for outbound traffic', 'spec.mesh.outboundTraffic', { mesh: { outboundTraffic: 'DENY' } }),
	refused('a trust domain with a scheme', 'spec.mesh.trustDomain', { mesh: { trustDomain: 'spiffe://cluster.local' } }),
	refused('a MeshConfig that is a list', 'spec.mesh.config', { mesh: { config: [] } }),
	...(['STRICT', 'PERMISSIVE'] as const).map((mode) =>
		refused(`${mode} mutual TLS without Citadel`, 'spec.mesh.mtls.mode', { mesh: { mtls: { mode } } }),
	),
	refused('mutual TLS with Citadel switched off', 'spec.mesh.mtls.mode', {
		mesh: { mtls: { mode: 'STRICT' } },
		citadel: { enabled: false },
	}),
	refused('an unknown mode of mutual TLS', 'spec.mesh.mtls.mode', {
		mesh: { mtls: { mode: 'ON' } },
		citadel: { enabled: true },
	}),
	refused('mutual TLS with the control plane, without Citadel', 'spec.mesh.mtls.controlPlane', {
		mesh: { mtls: { controlPlane: true } },
	}),

	// Proxy
	refused('an unknown interception mode', 'spec.proxy.interceptionMode', { proxy: { interceptionMode: 'NONE' } }),
	refused('negative concurrency', 'spec.proxy.concurrency', { proxy: { concurrency: -1 } }),
	refused('half a thread', 'spec.proxy.concurrency', { proxy: { concurrency: 0.5 } }),
	refused('port 0', 'spec.proxy.adminPort', { proxy: { adminPort: 0 } }),
	refused('port 65536', 'spec.proxy.adminPort', { proxy: { adminPort: 65_536 } }),
	refused('a duration without unit', 'spec.proxy.connectTimeout', { proxy: { connectTimeout: '10' } }),
	refused('a duration as a number', 'spec.proxy.connectTimeout', { proxy: { connectTimeout: 10 } }),
	refused('a negative duration', 'spec.proxy.connectTimeout', { proxy: { connectTimeout: '-1s' } }),
	refused('a connect timeout of 31 s', 'spec.proxy.connectTimeout', { proxy: { connectTimeout: '31s' } }),
	refused('a duration longer than Go can hold', 'spec.proxy.connectTimeout', {
		proxy: { connectTimeout: '999999999h' },
	}),
	refused('a refresh delay of 999 ms', 'spec.proxy.discoveryRefreshDelay', {
		proxy: { discoveryRefreshDelay: '999ms' },
	}),
	refused('a drain duration in milliseconds', 'spec.proxy.drainDuration', { proxy: { drainDuration: '4500ms' } }),
	refused('a shutdown before the drain ends', 'spec.proxy.parentShutdownDuration', {
		proxy: { drainDuration: '1m', parentShutdownDuration: '60s' },
	}),
	refused('a drain longer than the default shutdown', 'spec.proxy.parentShutdownDuration', {
		proxy: { drainDuration: '2m' },
	}),
	refused('a shutdown before the default drain', 'spec.proxy.parentShutdownDuration', {
		proxy: { parentShutdownDuration: '30s' },
	}),
	refused('a service cluster with a slash', 'spec.proxy.serviceCluster', { proxy: { serviceCluster: 'a/b' } }),
	refused('an address range without length', 'spec.proxy.includeIPRanges[0]', {
		proxy: { includeIPRanges: ['10.0.0.0'] },
	}),
	refused('the same address range twice', 'spec.proxy.excludeIPRanges[1]', {
		proxy: { excludeIPRanges: ['10.0.0.0/8', '10.0.0.0/8'] },
	}),
	refused('an IPv4 range of 33 bits', 'spec.proxy.excludeIPRanges[0]', { proxy: { excludeIPRanges: ['10.0.0.0/33'] } }),
	refused('an IPv4 range in IPv6 form', 'spec.proxy.excludeIPRanges[0]', {
		proxy: { excludeIPRanges: ['::ffff:10.0.0.0/104'] },
	}),
	refused('a port that is a word', 'spec.proxy.includeInboundPorts[0]', { proxy: { includeInboundPorts: ['http'] } }),
	refused('the same port twice', 'spec.proxy.excludeInboundPorts[1]', { proxy: { excludeInboundPorts: [22, 22] } }),
	refused('a proxy that is root', 'spec.proxy.uid', { proxy: { uid: 0 } }),
	refused('a proxy that asks for more than its limit', 'spec.proxy.resources', {
		proxy: { resources: { requests: { cpu: 2 }, limits: { cpu: 1 } } },
	}),
	refused('an init container that asks for more than its limit', 'spec.proxy.initResources', {
		proxy: { initResources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } },
	}),

	// Pilot
	refused('no pods', 'spec.pilot.replicas', { pilot: { replicas: 0 } }),
	refused('replicas as a text', 'spec.pilot.replicas', { pilot: { replicas: '2' } }),
	refused('replicas and autoscaling', 'spec.pilot.replicas', {
		pilot: { replicas: 2, autoscaling: { maxReplicas: 3 } },
	}),
	refused('autoscaling without a most', 'spec.pilot.autoscaling.maxReplicas', {
		pilot: { autoscaling: { minReplicas: 2 } },
	}),
	refused('a least above the most', 'spec.pilot.autoscaling.minReplicas', {
		pilot: { autoscaling: { minReplicas: 4, maxReplicas: 3 } },
	}),
	refused('a target of no CPU use', 'spec.pilot.autoscaling.targetCPUUtilization', {
		pilot: { autoscaling: { maxReplicas: 3, targetCPUUtilization: 0 } },
	}),
	refused('an empty disruption budget', 'spec.pilot.disruptionBudget', { pilot: { disruptionBudget: {} } }),
	refused('a disruption budget with both fields', 'spec.pilot.disruptionBudget', {
		pilot: { replicas: 3, disruptionBudget: { minAvailable: 1, maxUnavailable: 1 } },
	}),
	refused('a budget that keeps the only pod', 'spec.pilot.disruptionBudget', {
		pilot: { disruptionBudget: { minAvailable: 1 } },
	}),
	refused('a budget that keeps all of two pods', 'spec.pilot.disruptionBudget', {
		pilot: { replicas: 2, disruptionBudget: { minAvailable: '51%' } },
	}),
	refused('a budget that keeps all of the least pods', 'spec.pilot.disruptionBudget', {
		pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 }, disruptionBudget: { minAvailable: 2 } },
	}),
	refused('a budget of 101 %', 'spec.pilot.disruptionBudget.maxUnavailable', {
		pilot: { disruptionBudget: { maxUnavailable: '101%' } },
	}),
	refused('a budget of none', 'spec.pilot.disruptionBudget.maxUnavailable', {
		pilot: { disruptionBudget: { maxUnavailable: 0 } },
	}),
	refused('a budget that is a truth', 'spec.pilot.disruptionBudget.maxUnavailable', {
		pilot: { disruptionBudget: { maxUnavailable: true } },
	}),
	refused('an amount of memory with a word', 'spec.pilot.resources.requests.memory', {
		pilot: { resources: { requests: { memory: 'much' } } },
	}),
	refused('an amount that is a fraction without quotes', 'spec.pilot.resources.requests.cpu', {
		pilot: { resources: { requests: { cpu: 0.5 } } },
	}),
	refused('a negative amount', 'spec.pilot.resources.requests.cpu', {
		pilot: { resources: { requests: { cpu: '-1' } } },
	}),
	refused('a request above the limit', 'spec.pilot.resources', {
		pilot: { resources: { requests: { cpu: 2 }, limits: { cpu: '1500m' } } },
	}),
	refused('a node selector with a bad key', 'spec.pilot.nodeSelector', { pilot: { nodeSelector: { 'a b': 'c' } } }),
	refused('a node selector with a bad value', 'spec.pilot.nodeSelector.disk', {
		pilot: { nodeSelector: { disk: 'a b' } },
	}),
	refused('a label value of 64 characters', 'spec.pilot.podLabels.team', {
		pilot: { podLabels: { team: 'x'.repeat(64) } },
	}),
	refused('an annotation that is a number', 'spec.pilot.podAnnotations.port', {
		pilot: { podAnnotations: { port: 80 } },
	}),
	refused('a toleration of nothing', 'spec.pilot.tolerations[0].operator', { pilot: { tolerations: [{}] } }),
	refused('a toleration that exists and equals', 'spec.pilot.tolerations[0].value', {
		pilot: { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] },
	}),
	refused('a toleration for some time without eviction', 'spec.pilot.tolerations[0].tolerationSeconds', {
		pilot: { tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 5 }] },
	}),
	refused('an affinity that is a list', 'spec.pilot.affinity', { pilot: { affinity: [] } }),
	refused('a spread constraint that is a text', 'spec.pilot.topologySpreadConstraints[0]', {
		pilot: { topologySpreadConstraints: ['zone'] },
	}),
	refused('a priority class in capitals', 'spec.pilot.priorityClassName', { pilot: { priorityClassName: 'High' } }),
	refused('a variable without name', 'spec.pilot.env[0].name', { pilot: { env: [{ value: 'x' }] } }),
	refused('a variable twice', 'spec.pilot.env[1]', { pilot: { env: [{ name: 'A' }, { name: 'A', value: 'b' }] } }),
	refused('a variable that starts with a digit', 'spec.pilot.env[0].name', { pilot: { env: [{ name: '1A' }] } }),
	refused('a variable with two values', 'spec.pilot.env[0].valueFrom', {
		pilot: { env: [{ name: 'A', value: 'b', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] },
	}),
	refused('a variable from nowhere', 'spec.pilot.env[0].valueFrom', { pilot: { env: [{ name: 'A', valueFrom: {} }] } }),
	refused('a variable from two places', 'spec.pilot.env[0].valueFrom', {
		pilot: {
			env: [
				{ name: 'A', valueFrom: { secretKeyRef: { name: 'a', key: 'b' }, configMapKeyRef: { name: 'a', key: 'b' } } },
			],
		},
	}),
	refused('an empty argument', 'spec.pilot.extraArgs[0]', { pilot: { extraArgs: [''] } }),
	refused('65 arguments', 'spec.pilot.extraArgs', { pilot: { extraArgs: Array.from({ length: 65 }, () => '--x') } }),

	// Sidecar injector
	refused('an unknown injection policy', 'spec.sidecarInjector.policy', { sidecarInjector: { policy: 'on' } }),
	refused('a namespace that is none', 'spec.sidecarInjector.namespaces[0]', {
		sidecarInjector: { namespaces: ['Shop'] },
	}),
	refused('a namespace twice', 'spec.sidecarInjector.namespaces[1]', {
		sidecarInjector: { namespaces: ['shop', 'shop'] },
	}),
	refused('a selector without values', 'spec.sidecarInjector.neverInject[0].matchExpressions[0].values', {
		sidecarInjector: { neverInject: [{ matchExpressions: [{ key: 'app', operator: 'In' }] }] },
	}),
	refused('replicas and autoscaling of the injector', 'spec.sidecarInjector.replicas', {
		sidecarInjector: { replicas: 2, autoscaling: { maxReplicas: 3 } },
	}),

	// Deletion
	refused('an unknown deletion policy', 'spec.deletion.policy', { deletion: { policy: 'Orphan' } }),
	refused('a deletion without time', 'spec.deletion.timeout', { deletion: { timeout: '0s' } }),
	refused('force as a number', 'spec.deletion.force', { deletion: { force: 1 } }),

	// Revisions
	refused('a revision that stays for a year', 'spec.upgrade.inactiveRevisionGracePeriod', {
		upgrade: { inactiveRevisionGracePeriod: '8760h' },
	}),
	refused('a tag that begins with a digit', 'spec.upgrade.tags[0].name', { upgrade: { tags: [{ name: '1-31-4' }] } }),
	refused('a budget that keeps the only Citadel', 'spec.citadel.disruptionBudget', {
		citadel: { enabled: true, disruptionBudget: { minAvailable: 1 } },
	}),
	refused('a CA for a Citadel that is not switched on', 'spec.citadel.enabled', {
		citadel: { caSecretName: 'cacerts' },
	}),
	refused('resources of a Citadel that is not switched on', 'spec.citadel.enabled', {
		citadel: { resources: { requests: { cpu: '1' } } },
	}),
	refused('certificates of 19 minutes', 'spec.citadel.workloadCertTTL', {
		citadel: { enabled: true, workloadCertTTL: '19m' },
	}),
	refused(
		'replicas of Citadel',
		'spec.citadel.replicas',
		{ citadel: { enabled: true, replicas: 2 } },
		{
			server: 'unknown field "spec.citadel.replicas"',
		},
	),
	refused('an adapter that is two', 'spec.mixer.adapters[0]', {
		mixer: { adapters: [{ stdio: {}, prometheus: {} }] },
	}),
	refused('an adapter that is none', 'spec.mixer.adapters[0]', { mixer: { adapters: [{}] } }),
	refused(
		'an adapter that nobody knows',
		'spec.mixer.adapters[0].newrelic',
		{ mixer: { adapters: [{ newrelic: {} }] } },
		{ server: 'unknown field "spec.mixer.adapters[0].newrelic"' },
	),
	refused('replicas and autoscaling of istio-policy', 'spec.mixer.policy.replicas', {
		mixer: { policy: { replicas: 1, autoscaling: { maxReplicas: 2 } } },
	}),
	refused('reports that wait for ever', 'spec.mixer.telemetry.reportBatch.maxTime', {
		mixer: { telemetry: { reportBatch: { maxTime: '0s' } } },
	}),
	refused('an adapter without templates', 'spec.mixer.adapters[0].custom.templates', {
		mixer: { adapters: [{ custom: { name: 'own', address: 'own:80', templates: [] } }] },
	}),
	...[0, 1.1].map((samplingRate) =>
		refused(`statsd with a sampling rate of ${samplingRate}`, 'spec.mixer.adapters[0].statsd.samplingRate', {
			mixer: { adapters: [{ statsd: { address: 's:1', samplingRate } }] },
		}),
	),
	refused('statsd with packets of 10 bytes', 'spec.mixer.adapters[0].statsd.flushBytes', {
		mixer: { adapters: [{ statsd: { address: 's:1', flushBytes: 10 } }] },
	}),
	refused('a type that statsd does not know', 'spec.mixer.adapters[0].statsd.metrics.requestcount.type', {
		mixer: { adapters: [{ statsd: { address: 's:1', metrics: { requestcount: { type: 'TIMER' } } } }] },
	}),
	...['{{reporter}}', '{{.reporter | upper}}', 'a b', 'a:b', '{{.reporter'].map((nameTemplate) =>
		refused(`the metric name ${nameTemplate}`, 'spec.mixer.adapters[0].statsd.metrics.requestcount.nameTemplate', {
			mixer: { adapters: [{ statsd: { address: 's:1', metrics: { requestcount: { nameTemplate } } } }] },
		}),
	),
	refused('a metric in capitals', 'spec.mixer.adapters[0].statsd.metrics', {
		mixer: { adapters: [{ statsd: { address: 's:1', metrics: { RequestCount: {} } } }] },
	}),
	refused('two clusters of one name', 'spec.multiCluster.clusters[1]', {
		multiCluster: {
			clusters: ['a', 'a'].map((name) => ({
				name,
				kubeconfigSecret: { name: 'kubeconfig', namespace: 'meshwright-system' },
			})),
		},
	}),
	refused('a data plane in a cluster with a control plane of its own', 'spec.multiCluster.clusters[0].dataPlane', {
		multiCluster: { clusters: [{ ...someCluster, role: 'Primary', dataPlane: { enabled: true } }] },
	}),
	...['http://a:6443', 'https://user@a', 'https://a?b', 'a:6443'].map((server) =>
		refused(`the API server ${server}`, 'spec.multiCluster.clusters[0].server', {
			multiCluster: { clusters: [{ ...someCluster, server }] },
		}),
	),
	refused(
		'a control plane address that is a name',
		'spec.multiCluster.clusters[0].dataPlane.controlPlaneAddresses[0]',
		{
			multiCluster: { clusters: [{ ...someCluster, dataPlane: { controlPlaneAddresses: ['pilot.example.com'] } }] },
		},
	),
	refused('tokens for less than an hour', 'spec.multiCluster.credentials.lifetime', {
		multiCluster: { credentials: { lifetime: '59m' } },
	}),
	refused('tokens that are renewed after their end', 'spec.multiCluster.credentials.renewAt', {
		multiCluster: { credentials: { renewAt: 1.5 } },
	}),
	refused('a cluster without a kubeconfig', 'spec.multiCluster.clusters[0].kubeconfigSecret', {
		multiCluster: { clusters: [{ name: 'a' }] },
	}),
	refused('a pod CIDR that is none', 'spec.multiCluster.podCIDRs[0]', { multiCluster: { podCIDRs: ['10.0.0.0/8/8'] } }),
	refused('an overlay without change', 'spec.overlays[0]', {
		overlays: [{ target: { kind: 'Service', name: 'istio-pilot' } }],
	}),
	refused('replicas and autoscaling of a gateway', 'spec.gateways.egress.replicas', {
		gateways: { egress: { enabled: true, replicas: 1, autoscaling: { maxReplicas: 2 } } },
	}),
	refused('settings of a gateway that nobody asked for', 'spec.gateways.ingress.enabled', {
		gateways: { ingress: { service: { type: 'NodePort' } } },
	}),
	refused(
		'a gateway between the two',
		'spec.gateways.mesh',
		{ gateways: { mesh: {} } },
		{
			server: 'unknown field "spec.gateways.mesh"',
		},
	),
	refused('a type of Service that leads elsewhere', 'spec.gateways.ingress.service.type', {
		gateways: { ingress: { enabled: true, service: { type: 'ExternalName' } } },
	}),
	refused(
		'a traffic policy for a Service inside of the cluster',
		'spec.gateways.ingress.service.externalTrafficPolicy',
		{
			gateways: { ingress: { enabled: true, service: { type: 'ClusterIP', externalTrafficPolicy: 'Local' } } },
		},
	),
	refused('a traffic policy for the egress gateway as it is', 'spec.gateways.egress.service.externalTrafficPolicy', {
		gateways: { egress: { enabled: true, service: { externalTrafficPolicy: 'Local' } } },
	}),
	refused('source ranges without a load balancer', 'spec.gateways.ingress.service.loadBalancerSourceRanges', {
		gateways: { ingress: { enabled: true, service: { type: 'NodePort', loadBalancerSourceRanges: ['10.0.0.0/8'] } } },
	}),
	refused('a node port without nodes', 'spec.gateways.egress.service.ports', {
		gateways: { egress: { enabled: true, service: { ports: [{ name: 'http', port: 80, nodePort: 30080 }] } } },
	}),
	refused('two ports of one number', 'spec.gateways.ingress.service.ports', {
		gateways: {
			ingress: {
				enabled: true,
				service: {
					ports: [
						{ name: 'http', port: 80 },
						{ name: 'http2', port: 80, protocol: 'TCP', targetPort: 8080 },
					],
				},
			},
		},
	}),
	refused('two ports of one name', 'spec.gateways.ingress.service.ports[1]', {
		gateways: {
			ingress: {
				enabled: true,
				service: {
					ports: [
						{ name: 'http', port: 80 },
						{ name: 'http', port: 81 },
					],
				},
			},
		},
	}),
	refused('a port without name', 'spec.gateways.ingress.service.ports[0].name', {
		gateways: { ingress: { enabled: true, service: { ports: [{ port: 80 }] } } },
	}),
	refused('an overlay for nothing', 'spec.overlays[0].target', { overlays: [{ mergePatch: {} }] }),
	refused('an overlay with two patches', 'spec.overlays[0]', {
		overlays: [
			{
				target: { kind: 'Service', name: 'istio-pilot' },
				patch: [{ op: 'remove', path: '/spec/type' }],
				mergePatch: {},
			},
		],
	}),
	refused('a patch without operations', 'spec.overlays[0].patch', {
		overlays: [{ target: { kind: 'Service', name: 'istio-pilot' }, patch: [] }],
	}),
	refused('an unknown operation', 'spec.overlays[0].patch[0].op', {
		overlays: [{ target: { kind: 'Service', name: 'istio-pilot' }, patch: [{ op: 'merge', path: '/spec' }] }],
	}),
	refused('a path that is no pointer', 'spec.overlays[0].patch[0].path', {
		overlays: [{ target: { kind: 'Service', name: 'istio-pilot' }, patch: [{ op: 'remove', path: 'spec.type' }] }],
	}),
	refused('a copy from nowhere', 'spec.overlays[0].patch[0].from', {
		overlays: [{ target: { kind: 'Service', name: 'istio-pilot' }, patch: [{ op: 'copy', path: '/spec/type' }] }],
	}),
	refused('a merge patch that is a list', 'spec.overlays[0].mergePatch', {
		overlays: [{ target: { kind: 'Service', name: 'istio-pilot' }, mergePatch: [] }],
	}),
	refused('65 overlays', 'spec.overlays', {
		overlays: Array.from({ length: 65 }, () => ({ target: { kind: 'Service', name: 'a' }, mergePatch: {} })),
	}),
];

export const acceptedCases: readonly Case[] = [
	accepted('the smallest', {}),
	accepted('a version that nobody knows', { version: '99.0.0' }),
	accepted('a version with zeros', { version: '1.0.0' }),
	accepted('a name of 63 characters', {}, { name: 'm'.repeat(63) }),
	accepted('a name that is a number', {}, { name: '1' }),
	accepted('profile minimal', { profile: 'minimal' }),
	accepted('profile default', { profile: 'default' }),
	accepted('profile production', { profile: 'production' }),
	accepted('another namespace', { namespace: 'mesh-2' }),
	accepted('paused', { paused: true }),
	accepted('null fields', { paused: null, images: { tag: null }, pilot: null, namespace: null }),
	accepted('empty objects', { images: {}, mesh: { tracing: {}, accessLog: {} }, proxy: {}, pilot: {}, deletion: {} }),
	accepted('empty lists and maps', {
		images: { pullSecrets: [], digests: {} },
		pilot: {
			tolerations: [],
			env: [],
			extraArgs: [],
			nodeSelector: {},
			podLabels: {},
			topologySpreadConstraints: [],
			affinity: {},
		},
	}),
	accepted('a mirror', { images: { registry: 'registry.example.com:5000/mirror/istio', tag: '1.4.10-distroless' } }),
	accepted('a registry without path', { images: { registry: 'localhost:5000' } }),
	accepted('all about images', {
		images: {
			pullPolicy: 'Always',
			pullSecrets: [{ name: 'regcred' }, { name: 'other.cred' }],
			digests: { pilot: digest },
		},
	}),
	accepted('tracing', {
		mesh: { tracing: { enabled: true, sampling: 0.5, zipkin: { address: 'tracing-collector.tracing:9411' } } },
	}),
	accepted('tracing of all requests', { mesh: { tracing: { sampling: 100 } } }),
	accepted('tracing of none', { mesh: { tracing: { sampling: 0 } } }),
	accepted('statsd at an IPv4 address', { mesh: { statsd: { address: '10.0.0.1:8126' } } }),
	accepted('statsd at an IPv6 address', { mesh: { statsd: { address: '[fd00::1]:65535' } } }),
	accepted('an access log', { mesh: { accessLog: { file: '/dev/stdout', encoding: 'JSON' } } }),
	accepted('outbound traffic', { mesh: { outboundTraffic: 'REGISTRY_ONLY', trustDomain: 'example.org' } }),
	accepted('any MeshConfig', {
		mesh: { config: { dnsRefreshRate: '5s', localityLbSetting: { enabled: true, failover: [null, 1] }, x: null } },
	}),
	accepted('the defaults of the proxy, written out', {
		proxy: {
			interceptionMode: 'TPROXY',
			concurrency: 0,
			adminPort: 15_000,
			drainDuration: '45s',
			parentShutdownDuration: '1m0s',
			discoveryRefreshDelay: '10s',
			connectTimeout: '300ms',
			serviceCluster: 'istio-proxy',
		},
	}),
	accepted('what is led through the proxy', {
		proxy: {
			includeIPRanges: ['*'],
			excludeIPRanges: ['10.0.0.0/8', 'fd00::/8'],
			includeInboundPorts: ['*'],
			excludeInboundPorts: [22, 65_535],
			uid: 2_147_483_647,
			resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2048Mi' } },
		},
	}),
	accepted('single ports and blocks through the proxy', {
		proxy: { includeIPRanges: ['10.0.0.0/8'], includeInboundPorts: [80, 443] },
	}),
	accepted('the sidecar injector', {
		sidecarInjector: {
			enabled: true,
			policy: 'disabled',
			namespaces: ['shop', 'billing'],
			neverInject: [{ matchLabels: { job: 'batch' } }],
			alwaysInject: [{ matchExpressions: [{ key: 'proxy', operator: 'In', values: ['yes'] }] }],
			replicas: 2,
			podAnnotations: { 'example.com/note': 'yes' },
			extraArgs: ['--log_output_level=default:debug'],
		},
	}),
	accepted('durations at their bounds', {
		proxy: {
			drainDuration: '59m59s',
			parentShutdownDuration: '1h',
			discoveryRefreshDelay: '10m',
			connectTimeout: '0.5m',
		},
	}),
	accepted('short durations', { proxy: { drainDuration: '1s', connectTimeout: '1ms', discoveryRefreshDelay: '1.5s' } }),
	accepted('joined clusters', {
		multiCluster: {
			clusterName: 'primary',
			network: 'network1',
			server: 'https://api.primary.example.com:6443',
			podCIDRs: ['10.0.0.0/16', 'fd00::/48'],
			serviceCIDRs: ['10.1.0.0/16'],
			credentials: { lifetime: '24h', renewAt: 0.5 },
			clusters: [
				{
					...someCluster,
					role: 'Remote',
					server: 'https://10.2.3.4:6443/k8s',
					network: 'network2',
					podCIDRs: ['10.2.0.0/16'],
					serviceCIDRs: ['10.3.0.0/16'],
					dataPlane: { enabled: true, controlPlaneAddresses: ['10.0.0.5', 'fd00::5'] },
				},
				{ ...someCluster, name: 'us', role: 'Primary', dataPlane: { enabled: false } },
			],
		},
	}),
	accepted('tokens for an hour', { multiCluster: { credentials: { lifetime: '1h' } } }),
	accepted('replicas', { pilot: { replicas: 2, disruptionBudget: { minAvailable: 1 } } }),
	accepted('a share of pods', { pilot: { replicas: 2, disruptionBudget: { minAvailable: '50%' } } }),
	accepted('a budget for one pod', { pilot: { disruptionBudget: { maxUnavailable: 1 } } }),
	accepted('a budget of any share', { pilot: { disruptionBudget: { maxUnavailable: '100%' } } }),
	accepted('autoscaling', {
		pilot: {
			autoscaling: { minReplicas: 2, maxReplicas: 10, targetCPUUtilization: 80 },
			disruptionBudget: { minAvailable: 1 },
		},
	}),
	accepted('autoscaling between equal bounds', { pilot: { autoscaling: { minReplicas: 3, maxReplicas: 3 } } }),
	accepted('resources', {
		pilot: {
			resources: {
				requests: { cpu: '500m', memory: '2Gi' },
				limits: { cpu: 1, memory: '2048Mi', 'example.com/gpu': '1' },
			},
		},
	}),
	accepted('where pods run', {
		pilot: {
			nodeSelector: { 'kubernetes.io/os': 'linux', empty: '' },
			tolerations: [
				{ operator: 'Exists' },
				{ key: 'dedicated', value: 'mesh', effect: 'NoSchedule' },
				{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 },
			],
			affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
			topologySpreadConstraints: [
				{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
			],
			priorityClassName: 'system-cluster-critical',
		},
	}),
	accepted('what pods carry', {
		pilot: {
			podAnnotations: { 'example.com/note': 'any text, also: this' },
			podLabels: { team: 'mesh', 'example.com/tier': '' },
		},
	}),
	accepted('variables and arguments', {
		pilot: {
			env: [
				{ name: 'PILOT_PUSH_THROTTLE', value: '10' },
				{ name: 'EMPTY' },
				{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'token', key: 'value', optional: true } } },
				{ name: 'SETTING', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a.b' } } },
				{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP', apiVersion: 'v1' } } },
			],
			extraArgs: ['--log_output_level=default:debug'],
		},
	}),
	accepted('Citadel', {
		citadel: {
			enabled: true,
			caSecretName: 'cacerts',
			workloadCertTTL: '20m',
			resources: { requests: { cpu: '100m' } },
			disruptionBudget: { maxUnavailable: 1 },
		},
		mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
		images: { digests: { citadel: digest } },
	}),
	accepted('settings of a Citadel that is switched off', {
		citadel: { enabled: false, caSecretName: 'cacerts' },
		mesh: { mtls: { mode: 'DISABLED', controlPlane: false } },
	}),
	accepted('an empty Citadel', { citadel: {} }),
	accepted('an empty Mixer', { mixer: { policy: {}, telemetry: {}, adapters: [] } }),
	accepted('Mixer with every backend', {
		mixer: {
			policy: { enabled: true, failOpen: true, autoscaling: { minReplicas: 2, maxReplicas: 5 } },
			telemetry: { enabled: true, replicas: 2, reportBatch: { maxEntries: 100, maxTime: '1s' } },
			adapters: [
				{ prometheus: { metricsExpiry: '10m' } },
				{ stdio: { json: true } },
				{
					statsd: {
						address: 'aggregator:8125',
						prefix: 'istio.',
						flushDuration: '300ms',
						flushBytes: 512,
						samplingRate: 0.1,
						metrics: {
							requestcount: { type: 'COUNTER', nameTemplate: '{{.reporter}}.{{.destination_service}}-requests' },
							'queue.instance.shop': {},
						},
					},
				},
				{
					custom: {
						name: 'newrelic',
						address: 'newrelic-adapter.monitoring:8080',
						templates: ['metric', 'logentry'],
						params: { license: { from: 'x' }, empty: {} },
					},
				},
			],
		},
	}),
	accepted('digests of all images', {
		images: {
			digests: {
				pilot: digest,
				mixer: digest,
				citadel: digest,
				sidecarInjector: digest,
				proxy: digest,
				proxyInit: digest,
			},
		},
	}),
	accepted('both gateways', { gateways: { ingress: { enabled: true }, egress: { enabled: true, replicas: 2 } } }),
	accepted('a gateway that is switched off for a while', {
		gateways: { ingress: { enabled: false, replicas: 2, service: { type: 'NodePort' } }, egress: {} },
	}),
	accepted('all about a Service', {
		gateways: {
			ingress: {
				enabled: true,
				autoscaling: { minReplicas: 2, maxReplicas: 4 },
				service: {
					type: 'LoadBalancer',
					ports: [
						{ name: 'status-port', port: 8020, targetPort: 15_020 },
						{ name: 'http2', port: 80, targetPort: 8080, nodePort: 30_080, protocol: 'TCP' },
						{ name: 'dns', port: 80, protocol: 'UDP' },
					],
					annotations: { 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb' },
					externalTrafficPolicy: 'Local',
					loadBalancerSourceRanges: ['10.0.0.0/8', 'fd00::/8'],
				},
			},
			egress: { enabled: true, service: { type: 'ClusterIP', loadBalancerSourceRanges: [], ports: [] } },
		},
	}),
	accepted('overlays', {
		overlays: [
			{
				target: { kind: 'Deployment', name: 'istio-pilot' },
				patch: [
					{ op: 'test', path: '/spec/template/spec/containers/0/name', value: 'discovery' },
					{
						op: 'add',
						path: '/spec/template/spec/dnsConfig',
						value: { nameservers: [], options: [{ name: 'ndots' }] },
					},
					{ op: 'copy', from: '/metadata/labels/app', path: '/metadata/labels/team' },
					{ op: 'remove', path: '/spec/strategy', value: 0 },
					{ op: 'replace', path: '/', value: false },
				],
			},
			{
				target: { kind: 'rule', name: 'promhttp' },
				mergePatch: { metadata: { annotations: { a: 'b', c: null } }, spec: {}, list: [null, { x: null }] },
			},
		],
	}),
	accepted('no overlays', { overlays: [] }),
	accepted('deletion', { deletion: { policy: 'Retain', force: true, timeout: '1h30m' } }),
];
