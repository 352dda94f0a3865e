/** What runs once on each node, in releases of istiod. */
import { z } from 'zod';
import { platformNames } from '../constants.ts';
import { countOrPercent, dnsLabel, optional, set, text } from './fields.ts';
import { podFields } from './workload.ts';

/** No part of it begins with a dot, so that it leads nowhere else. */
const folder = text(
	256,
	/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/,
	'an absolute path whose parts begin with no dot, such as /opt/cni/bin',
);

const { resources, nodeSelector, tolerations, affinity, podAnnotations, podLabels, env, extraArgs } = podFields;

const nodeFields = {
	maxUnavailable: optional(countOrPercent).describe(
		'On how many nodes (1) or which share of them ("10%") the pods may be replaced at a time. 1 when not set.',
	),
	resources,
	nodeSelector,
	tolerations: tolerations.describe('Taints of nodes that the pods put up with. All of them when not set.'),
	affinity,
	podAnnotations,
	podLabels,
	env,
	extraArgs,
};

export const cni = z
	.strictObject({
		enabled: optional(z.boolean()).describe(
			'Whether the plugin runs on each node: DaemonSet istio-cni-node. New pods then need no container of their own that may change their network (istio-init). Its pods have the network and folders of their nodes, so whoever may write this can get the rights of root there: the operator needs --with nodes. false when not set.',
		),
		platform: optional(z.enum(platformNames)).describe(
			'What the nodes are, where their plugins and configuration are not in /opt/cni/bin and /etc/cni/net.d, or pods of this priority need a quota. Nothing special when not set. openshift is refused: it needs security context constraints and Multus.',
		),
		binDir: optional(folder).describe('Folder of nodes with the plugins. As the platform says, when not set.'),
		confDir: optional(folder).describe(
			'Folder of nodes with the configuration of plugins. As the platform says, when not set.',
		),
		confFileName: optional(
			text(128, /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/, 'the name of a file, such as 10-calico.conflist'),
		).describe('File in confDir that the plugin is added to. The first one there, when not set.'),
		chained: optional(z.boolean()).describe(
			'Whether the plugin is one of a chain in the configuration that is there (true), or has a file of its own. true when not set.',
		),
		excludeNamespaces: optional(set(dnsLabel, 256)).describe(
			'Namespaces whose pods the plugin leaves alone. kube-system when not set.',
		),
		...nodeFields,
	})
	.meta({ title: 'CniPlugin' });
