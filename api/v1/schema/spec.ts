/** `spec`: what users write. */
import { z } from 'zod';
import { defaultNamespace, profileNames } from '../constants.ts';
import { citadel, gateways, mixer, sidecarInjector } from './components.ts';
import { dnsLabel, list, optional, releaseVersion } from './fields.ts';
import { deletion, overlay, upgrade } from './lifecycle.ts';
import { images, mesh, proxy } from './mesh.ts';
import { multiCluster } from './multi-cluster.ts';
import { cni } from './nodes.ts';
import { withRules } from './rules.ts';
import { securityRules } from './security.ts';
import { pilot } from './workload.ts';

const namespace = withRules(
	dnsLabel,
	{
		rule: 'self == oldSelf',
		message: 'namespace is immutable: a control plane does not move',
		remedy: 'Create a second MeshInstallation for the new namespace, move the workloads, and delete the first.',
		transition: true,
		holds: () => true,
	},
	{
		rule: "!self.startsWith('kube-') && self != 'default'",
		message:
			'must not be a namespace of Kubernetes itself (kube-…), nor default: the control plane needs one of its own',
		remedy: 'Use a namespace of its own, such as istio-system.',
		holds: (value) => !value.startsWith('kube-') && value !== 'default',
	},
);

export const spec = withRules(
	z.strictObject({
		version: releaseVersion.describe(
			'Version of Istio, in full: 1.4.10. Nothing but this field ever changes the version that runs.',
		),
		profile: z
			.enum(profileNames)
			.default('minimal')
			.describe(
				'What is installed when nothing more is said. minimal: Pilot alone. default: Mixer and injection as well. production: replicas, autoscaling, disruption budgets and Citadel too.',
			),
		namespace: namespace
			.default(defaultNamespace)
			.describe('Namespace of the control plane. Made when it is missing, never deleted. Immutable.'),
		paused: optional(z.boolean()).describe(
			'true: the operator writes nothing but the status, not even repairs; deletion still works. false when not set.',
		),
		images: optional(images).describe('Where images come from.'),
		mesh: optional(mesh).describe('Settings of the whole mesh: ConfigMap istio, key mesh.'),
		proxy: optional(proxy).describe('Settings of every proxy beside a workload (sidecar).'),
		pilot: optional(pilot).describe('Pilot: tells every proxy about services, endpoints and routing rules.'),
		mixer: optional(mixer).describe('Mixer: policy checks and telemetry.'),
		citadel: optional(citadel).describe('Citadel: certificates for mutual TLS. Always one pod.'),
		sidecarInjector: optional(sidecarInjector).describe('The webhook that puts proxies into pods.'),
		cni: optional(cni).describe(
			'Istio’s CNI plugin, which redirects the traffic of pods when their network is made. In releases of istiod alone.',
		),
		gateways: optional(gateways).describe('Proxies at the edge of the mesh.'),
		upgrade: optional(upgrade).describe('How one version follows another.'),
		multiCluster: optional(multiCluster).describe('Other clusters in the same mesh.'),
		overlays: optional(list(overlay, 64)).describe(
			'The last word, for what has no field: changes of single rendered objects.',
		),
		deletion: optional(deletion).describe('What happens when this object is deleted.'),
	}),
	...securityRules(Object.keys(citadel.shape)),
).meta({ title: 'MeshInstallationSpec' });
