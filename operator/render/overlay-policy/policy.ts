/**
 * What overlays may change, by kind, unless whoever runs the operator has lifted it (`--overlays=unrestricted`). Whoever may
 * write a MeshInstallation writes overlays, so they must give nobody rights that the operator's administrator did not mean
 * to give: not on the cluster, not on its nodes, not in other people's pods. A kind that is not named here stays as it is.
 */
import type { OverlayPolicy } from '../../releases/index.ts';
import { isGrantingKey } from '../../releases/pod-keys.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { Forbidden } from '../overlay-limits.ts';
import { type Allowance, anything, entries, fields, keys, when } from './allowance.ts';
import { podTemplate } from './pods.ts';
import { narrowed } from './roles.ts';

const isFreeKey = (key: string): boolean => !isGrantingKey(key);
const freeMetadata = fields({ labels: keys(isFreeKey), annotations: keys(isFreeKey) });

/**
 * Labels and annotations that others act on: cert-manager writes a webhook's `caBundle` at the word of one, and by labels a
 * ClusterRole becomes part of others.
 */
const metadataStays = fields({});

const disruptionBudget = fields({
	metadata: freeMetadata,
	spec: fields({ maxUnavailable: anything, minAvailable: anything, unhealthyPodEvictionPolicy: anything }),
});

/** It may not lead elsewhere, claim addresses (`externalIPs`) or be opened to others. */
const service: Allowance = (before, after, path) => {
	const isLoadBalancer =
		(before as { readonly spec?: { readonly type?: unknown } } | undefined)?.spec?.type === 'LoadBalancer';
	const ofLoadBalancer = when(() => isLoadBalancer);
	return fields({
		metadata: freeMetadata,
		spec: fields({
			allocateLoadBalancerNodePorts: when((now) => now === false),
			externalTrafficPolicy: anything,
			internalTrafficPolicy: anything,
			ipFamilies: anything,
			ipFamilyPolicy: anything,
			loadBalancerClass: ofLoadBalancer,
			loadBalancerIP: ofLoadBalancer,
			publishNotReadyAddresses: anything,
			sessionAffinity: anything,
			sessionAffinityConfig: anything,
			trafficDistribution: anything,
		}),
	})(before, after, path);
};

/** As many pods as the fields of the spec allow. */
const podCount = when((count) => Number.isInteger(count) && Number(count) <= 1000);

const role = fields({ metadata: metadataStays, rules: narrowed });

const byKind: Readonly<Record<string, Allowance>> = {
	ClusterRole: role,
	ConfigMap: fields({ metadata: freeMetadata }),
	DaemonSet: fields({
		metadata: freeMetadata,
		spec: fields({
			minReadySeconds: anything,
			revisionHistoryLimit: anything,
			updateStrategy: anything,
			template: podTemplate,
		}),
	}),
	Deployment: fields({
		metadata: freeMetadata,
		spec: fields({
			minReadySeconds: anything,
			paused: anything,
			progressDeadlineSeconds: anything,
			revisionHistoryLimit: anything,
			strategy: anything,
			template: podTemplate,
		}),
	}),
	HorizontalPodAutoscaler: fields({
		metadata: freeMetadata,
		spec: fields({ behavior: anything, maxReplicas: podCount, metrics: anything, minReplicas: podCount }),
	}),
	MutatingWebhookConfiguration: fields({
		metadata: metadataStays,
		webhooks: entries('name', { entry: fields({ timeoutSeconds: anything }) }),
	}),
	PodDisruptionBudget: disruptionBudget,
	Role: role,
	Service: service,
	ServiceAccount: fields({ metadata: fields({ labels: keys(isFreeKey) }) }),
};

/** Kinds of Istio's own: their labels and annotations say nothing to anybody. */
const custom = fields({ metadata: freeMetadata });

/** A user needs to be told this many of the changes of one overlay. */
const toldChanges = 8;

/** What to use instead, by a part of the path. The first that fits. */
const insteads: readonly (readonly [path: RegExp, remedy: string])[] = [
	[/\.args$|\.args\[/, 'Use extraArgs of the component in the spec.'],
	[/\.env$|\.env\[/, 'Use env of the component in the spec.'],
	[/imagePullSecrets/, 'Use spec.images.pullSecrets.'],
	[/priorityClassName/, 'Use priorityClassName of the component in the spec.'],
	[/^change spec\.(type|ports)/, "Use spec.gateways, for a gateway's Service."],
	[/^(change|add|take away) data/, 'Use the fields of spec.mesh, spec.proxy and spec.sidecarInjector.'],
];

/**
 * Every change that the policy does not allow. Empty when it is lifted.
 * @param before the object without overlays, after `finish`
 * @param after the same object with them, after `finish`
 */
export function findRefused(policy: OverlayPolicy, before: KubeObject, after: KubeObject): readonly Forbidden[] {
	if (policy === 'unrestricted') return [];
	const allowance = byKind[before.kind] ?? (/\.istio\.io\//.test(before.apiVersion) ? custom : fields({}));
	return allowance(before, after, '')
		.slice(0, toldChanges)
		.map(({ what, remedy }) => ({ what, remedy: [remedy, insteadOf(what), lifted].filter(Boolean).join(' ') }));
}

const lifted =
	'Take it out of the overlay; or whoever runs the operator lets overlays change anything with its flag --overlays=unrestricted.';

function insteadOf(what: string): string {
	return insteads.find(([path]) => path.test(what))?.[1] ?? '';
}
