/**
 * Istio's own labels of objects. By `istio.io/rev` istiod knows the webhooks that are its own, and istioctl its Service
 * (istio 1.30 `pkg/webhooks/webhookpatch.go`, `istioctl/pkg/tag`). Labels by which `istioctl uninstall` would delete objects
 * (`operator.istio.io/component`) are left out.
 */
import { defaultRevision, revisionLabel } from '../../../api/v1/index.ts';
import type { LabelRule } from '../label-rule.ts';

export const labelRules: readonly LabelRule[] = [
	{ components: ['pilot', 'mesh-config'], labels: { app: 'istiod', [revisionLabel]: defaultRevision } },
	{ components: ['pilot'], kinds: ['Service', 'Deployment', 'PodDisruptionBudget'], labels: { istio: 'pilot' } },
	...['ingressgateway', 'egressgateway', 'eastwestgateway'].map((component) => ({
		components: [component],
		labels: { app: `istio-${component}`, istio: component, [revisionLabel]: defaultRevision },
	})),
	{ components: ['cni'], labels: { app: 'istio-cni' } },
	{ components: ['cni'], kinds: ['DaemonSet'], labels: { 'k8s-app': 'istio-cni-node' } },
	{ components: ['injector'], labels: { app: 'sidecar-injector', [revisionLabel]: defaultRevision } },
	{ components: ['validation'], labels: { app: 'istiod', istio: 'istiod', [revisionLabel]: defaultRevision } },
];
