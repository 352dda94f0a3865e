/**
 * Istio's own labels of objects: `app`, `istio`, `istio-mixer-type`. Those of pods stand with the components, because
 * selectors are made of them. Sources: the charts in `install/kubernetes/helm/istio` of each tag; `e2e/charts` compares.
 *
 * A label that charts have since a later release is there in every release. Where two releases have different values, each
 * has its own.
 */
import type { LabelRule } from '../label-rule.ts';
import type { Minor } from './minors.ts';

const accounts = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'] as const;
const workload = ['Service', 'Endpoints', 'Deployment', 'PodDisruptionBudget'] as const;

/** Both services of Mixer, whose objects have different names for the same application. */
function mixerService(component: 'policy' | 'telemetry'): readonly LabelRule[] {
	const components = [component];
	return [
		{ components, labels: { app: 'mixer' } },
		{ components, kinds: ['Service', 'Endpoints', 'Deployment'], labels: { istio: 'mixer' } },
		{ components, kinds: ['Deployment'], labels: { app: 'istio-mixer' } },
		{
			components,
			kinds: ['PodDisruptionBudget'],
			labels: { app: component, istio: 'mixer', 'istio-mixer-type': component },
		},
	];
}

function gateway(component: 'ingressgateway' | 'egressgateway'): readonly LabelRule[] {
	const components = [component];
	return [
		{ components, labels: { app: `istio-${component}` } },
		{ components, kinds: [...workload, 'HorizontalPodAutoscaler'], labels: { istio: component } },
	];
}

/** The article "What is Istio" has `service` too. */
const meshConfig: LabelRule = { components: ['mesh-config'], labels: { app: 'istio', service: 'istio' } };

/** As since 1.2. */
const ofAll: readonly LabelRule[] = [
	meshConfig,
	{ components: ['pilot'], labels: { app: 'pilot' } },
	{ components: ['pilot'], kinds: workload, labels: { istio: 'pilot' } },
	{ components: ['mixer'], labels: { app: 'mixer' } },
	...mixerService('policy'),
	...mixerService('telemetry'),
	{ components: ['citadel', 'mutual-tls'], labels: { app: 'security' } },
	{ components: ['citadel'], kinds: workload, labels: { istio: 'citadel' } },
	{ components: ['injector'], labels: { app: 'sidecarInjectorWebhook' } },
	{
		components: ['injector'],
		kinds: [...accounts, ...workload, 'ConfigMap', 'Secret'],
		labels: { istio: 'sidecar-injector' },
	},
	{ components: ['injector'], kinds: ['ConfigMap'], labels: { app: 'istio' } },
	...gateway('ingressgateway'),
	...gateway('egressgateway'),
];

const of10: readonly LabelRule[] = [
	...ofAll,
	{ components: ['pilot'], kinds: [...accounts, 'Service', 'Deployment'], labels: { app: 'istio-pilot' } },
	{ components: ['citadel'], kinds: ['Service'], labels: { app: 'istio-citadel' } },
	{
		components: ['injector'],
		kinds: [...accounts, 'MutatingWebhookConfiguration'],
		labels: { app: 'istio-sidecar-injector' },
	},
	{ components: ['ingressgateway'], kinds: ['ServiceAccount'], labels: { app: 'ingressgateway' } },
	{ components: ['egressgateway'], kinds: ['ServiceAccount'], labels: { app: 'egressgateway' } },
];

const of11: readonly LabelRule[] = [
	...ofAll,
	{ components: ['ingressgateway'], kinds: ['HorizontalPodAutoscaler'], labels: { app: 'ingressgateway' } },
	{ components: ['egressgateway'], kinds: ['HorizontalPodAutoscaler'], labels: { app: 'egressgateway' } },
];

export const labelRules: Readonly<Record<Minor, readonly LabelRule[]>> = {
	'1.0': of10,
	'1.1': of11,
	'1.2': ofAll,
	'1.3': ofAll,
	'1.4': ofAll,
};
