/**
 * What istiod may do (istio 1.30.3 and 1.31.0-rc.0, `manifests/charts/istio-control/istio-discovery/templates/{clusterrole,
 * gateway-class-configmap,role}.yaml`; release notes of 1.32). It gets less than the charts give it:
 *
 * - Nothing on `*.istio.io/*` by wildcard, but the kinds that this line has. Groups of earlier lines have no kinds any more.
 * - No right to delete ConfigMaps, and to write Secrets only in its own namespace, as the charts have it.
 * - Nothing for the certificate signers of Kubernetes: no field of the installation asks for them.
 * - Every `…/status` by get, update and patch alone.
 */
import type { AccessRule } from '../component.ts';
import { isSince, type Minor } from './minors.ts';

const follow = ['get', 'list', 'watch'] as const;
/** What the status of an object needs. */
const tell = ['get', 'update', 'patch'] as const;
const keep = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] as const;

function rules(group: string, verbs: AccessRule['verbs'], ...resources: readonly string[]): readonly AccessRule[] {
	return resources.map((resource) => ({ group, resource, verbs }));
}

/** The kinds of Istio that people write, by group. */
export const istioResources = {
	'extensions.istio.io': ['trafficextensions', 'wasmplugins'],
	'networking.istio.io': [
		'destinationrules',
		'envoyfilters',
		'gateways',
		'proxyconfigs',
		'serviceentries',
		'sidecars',
		'virtualservices',
		'workloadgroups',
	],
	'security.istio.io': ['authorizationpolicies', 'peerauthentications', 'requestauthentications'],
	'telemetry.istio.io': ['telemetries'],
} as const;

const gateway = 'gateway.networking.k8s.io';
const gatewayResources = [
	'backendtlspolicies',
	'gateways',
	'grpcroutes',
	'httproutes',
	'listenersets',
	'referencegrants',
	'tcproutes',
	'tlsroutes',
	'udproutes',
] as const;
const experimental = 'gateway.networking.x-k8s.io';

/** In all namespaces. */
export function clusterRights(minor: Minor): readonly AccessRule[] {
	return [
		...Object.entries(istioResources).flatMap(([group, resources]) => rules(group, follow, ...resources)),
		// For workloads outside of Kubernetes, which announce themselves.
		...rules('networking.istio.io', keep, 'workloadentries'),
		...rules('networking.istio.io', tell, 'serviceentries/status', 'workloadentries/status'),
		...rules('security.istio.io', tell, 'authorizationpolicies/status'),
		...rules('', follow, 'endpoints', 'namespaces', 'nodes', 'pods', 'services'),
		// Certificates of gateways in any namespace. What a gateway gets is decided by what its own account may read.
		...rules('', follow, 'secrets'),
		...rules('', tell, 'services/status'),
		// ConfigMap istio-ca-root-cert of each namespace.
		...rules('', ['get', 'list', 'watch', 'create', 'update'], 'configmaps'),
		...rules('discovery.k8s.io', follow, 'endpointslices'),
		...rules('networking.k8s.io', follow, 'ingressclasses', 'ingresses'),
		...rules('networking.k8s.io', tell, 'ingresses/status'),
		...rules('apiextensions.k8s.io', follow, 'customresourcedefinitions'),
		// It writes its own authority into them.
		...rules(
			'admissionregistration.k8s.io',
			['get', 'list', 'watch', 'update', 'patch'],
			'mutatingwebhookconfigurations',
		),
		...rules('admissionregistration.k8s.io', ['get', 'list', 'watch', 'update'], 'validatingwebhookconfigurations'),
		...rules('authentication.k8s.io', ['create'], 'tokenreviews'),
		...rules('authorization.k8s.io', ['create'], 'subjectaccessreviews'),
		...rules(gateway, follow, ...gatewayResources),
		...rules(gateway, keep, 'gatewayclasses'),
		...rules(gateway, tell, ...['gatewayclasses', ...gatewayResources].map((resource) => `${resource}/status`)),
		...rules(experimental, follow, 'xbackendtrafficpolicies', ...(isSince(minor, '1.32') ? ['xbackends'] : [])),
		...rules(
			experimental,
			tell,
			'xbackendtrafficpolicies/status',
			...(isSince(minor, '1.32') ? ['xbackends/status'] : []),
		),
		...rules('inference.networking.k8s.io', follow, 'inferencepools'),
		...rules('inference.networking.k8s.io', tell, 'inferencepools/status'),
		...rules('multicluster.x-k8s.io', follow, 'serviceexports', 'serviceimports'),
		// What it makes for each Gateway of class istio.
		...rules('apps', keep, 'deployments'),
		...rules('autoscaling', keep, 'horizontalpodautoscalers'),
		...rules('policy', keep, 'poddisruptionbudgets'),
		...rules('', keep, 'services', 'serviceaccounts'),
	];
}

/** In its own namespace. */
export const namespaceRights: readonly AccessRule[] = [
	// It asks whether its own validation refuses a Gateway that is none, by a dry run.
	...rules('networking.istio.io', ['create'], 'gateways'),
	// Its own authority, where nobody gives it one.
	...rules('', ['get', 'list', 'watch', 'create', 'update', 'delete'], 'secrets'),
	...rules('coordination.k8s.io', ['get', 'create', 'update', 'patch'], 'leases'),
];
