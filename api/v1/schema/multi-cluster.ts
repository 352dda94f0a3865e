/** Other clusters that join the mesh. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { isServerUrl, longestServerUrl, serverUrlForm, serverUrlPattern } from '../server-url.ts';
import { cidr, dnsLabel, duration, listMap, objectName, optional, set, text } from './fields.ts';
import { withRules } from './rules.ts';

const network = dnsLabel;

const serverUrl = withRules(text(longestServerUrl, serverUrlPattern, serverUrlForm), {
	rule: 'isURL(self)',
	message: `must be ${serverUrlForm}`,
	remedy: 'Write the address by which clients reach that API server.',
	holds: isServerUrl,
});

const ipAddress = withRules(text(45), {
	rule: 'isIP(self)',
	message: 'must be an IP address',
	remedy: 'Write an IPv4 or IPv6 address, such as 10.0.0.5.',
	holds: (value) => isIP(value) !== 0 && !value.includes('%'),
});

const cluster = withRules(
	z.strictObject({
		name: dnsLabel.describe('Name of the cluster, unique in the mesh.'),
		role: optional(z.enum(['Remote', 'Primary'])).describe(
			'Remote: only its services are read, and a remote data plane is kept there. Primary: it has a MeshInstallation of its own, and both join each other.',
		),
		kubeconfigSecret: z
			.strictObject({
				name: objectName.describe('Name of the Secret.'),
				namespace: dnsLabel.describe(
					'Namespace of the Secret. Outside of the namespace of the mesh the Secret needs the label meshwright.io/mesh-may-read with the name of the mesh, or any.',
				),
				key: optional(text(253, /^[-._a-zA-Z0-9]+$/, 'a key: letters, digits, -, _ and .')).describe(
					'Key of the Secret that holds the kubeconfig. kubeconfig when not set.',
				),
			})
			.meta({ title: 'KubeconfigSecret' })
			.describe('Where the operator finds a kubeconfig for the cluster.'),
		server: optional(serverUrl).describe(
			'URL of the API server as the mesh must dial it, where it is another than in the kubeconfig.',
		),
		network: optional(network).describe('Network of the cluster: pods in one network reach each other directly.'),
		podCIDRs: optional(set(cidr, 64)).describe('Address blocks of its pods. Discovered when not set.'),
		serviceCIDRs: optional(set(cidr, 64)).describe('Address blocks of its Services. Discovered when not set.'),
		dataPlane: optional(
			z
				.strictObject({
					enabled: optional(z.boolean()).describe(
						'true: namespace, injector, mesh configuration and the addresses of Pilot and Mixer are kept there. true when not set, with role Remote.',
					),
					controlPlaneAddresses: optional(set(ipAddress, 16)).describe(
						'Addresses by which that cluster reaches Pilot and Mixer, for example of an internal load balancer. The addresses of their pods when not set, which only pods of the same network reach.',
					),
				})
				.meta({ title: 'DataPlane' }),
		).describe('What a remote cluster needs to run workloads of the mesh.'),
	}),
	{
		rule: "!(has(self.role) && self.role == 'Primary' && has(self.dataPlane) && has(self.dataPlane.enabled) && self.dataPlane.enabled)",
		message: 'dataPlane can not be enabled in a cluster with role Primary: it has a control plane of its own',
		remedy: 'Remove dataPlane, or set role to Remote.',
		at: 'dataPlane',
		holds: ({ role, dataPlane }) => !(role === 'Primary' && dataPlane?.enabled === true),
	},
).meta({ title: 'Cluster' });

export const multiCluster = z
	.strictObject({
		clusterName: optional(dnsLabel).describe(
			'Name of this cluster in the mesh. The UID of its namespace kube-system when not set.',
		),
		network: optional(network).describe('Network of this cluster.'),
		exposeControlPlane: optional(z.boolean()).describe(
			'Whether istio-eastwestgateway also leads ports 15012 and 15017 to istiod, so that clusters of other networks whose entries have no dataPlane.controlPlaneAddresses reach it by the IP addresses of that gateway. Needs a cluster in another network. In releases of istiod alone.',
		),
		server: optional(serverUrl).describe(
			'URL of the API server of this cluster as other clusters must dial it. Needed where a cluster with role Primary does not list this one itself, and the operator runs inside this cluster.',
		),
		podCIDRs: optional(set(cidr, 64)).describe('Address blocks of the pods of this cluster. Discovered when not set.'),
		serviceCIDRs: optional(set(cidr, 64)).describe(
			'Address blocks of the Services of this cluster. Discovered when not set.',
		),
		credentials: optional(
			z
				.strictObject({
					lifetime: optional(duration('1h', '87600h')).describe(
						'How long a token for another cluster is valid. 720h when not set.',
					),
					renewAt: optional(z.number().min(0.1).max(0.95)).describe(
						'Share of the lifetime after which a token is renewed. 0.7 when not set.',
					),
				})
				.meta({ title: 'Credentials' }),
		).describe('The tokens by which Pilot reads other clusters.'),
		clusters: optional(listMap(cluster, 'name', 1_000)).describe('The clusters that join this one.'),
	})
	.meta({ title: 'MultiCluster' });
