/** What only this line knows of changes of version. */
import { defaultRevision, revisionLabel, tagLabel, type UpgradeStage } from '../../../api/v1/index.ts';
import { componentLabel } from '../../apply/identity.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import { defaultValidator, injectionWebhookName, istiodName } from '../../render/istiod/index.ts';
import { isWebhook, kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { type OwnWord, rejected, reviewOfPod } from '../upgrade/own-word.ts';
import type { UpgradeRules } from '../upgrade/rules.ts';
import { knownOfIstiod } from './known-issues.ts';

export const istiodUpgradeRules: UpgradeRules<ResolvedIstiodMesh> = {
	kinds: () => [],
	object: () => [],
	mesh: ({ from, to }) => knownOfIstiod(from.version, to),
	release: (mesh) => knownOfIstiod(undefined, mesh),
};

/** Whether a webhook is that of a revision with a name alone: it changes nothing for those who do not name it. */
function isOfNamed(labels: KubeObject['metadata']['labels'], name: string): boolean {
	const revision = labels?.[revisionLabel] ?? defaultRevision;
	return revision !== defaultRevision && labels?.[tagLabel] === undefined && name !== defaultValidator;
}

/**
 * The templates change with istiod: an older one may lack functions that a newer template calls. The mesh configuration comes
 * before, since istiod follows it and leaves out what it does not know. What workloads demand of each other comes last: istiod's
 * webhook is asked about it, and must not keep istiod itself from being replaced. A revision that comes
 * beside can be asked by its name before those who name none ask it. What is on the nodes follows istiod in its stage, by a gate.
 */
export function istiodStageOf({ kind, metadata: { name, labels } }: KubeObject): UpgradeStage {
	if (kind === kinds.CustomResourceDefinition.kind) return 'CRDs';
	if (isWebhook({ kind })) return isOfNamed(labels, name) ? 'Injector' : 'Webhooks';
	if (kind === kinds.PeerAuthentication.kind) return 'Webhooks';
	const component = labels?.[componentLabel];
	if (component === 'injector') return 'Pilot';
	const isWorkload = [
		kinds.Deployment,
		kinds.DaemonSet,
		kinds.Service,
		kinds.HorizontalPodAutoscaler,
		kinds.PodDisruptionBudget,
	].some((one) => one.kind === kind);
	if (!isWorkload) return 'Configuration';
	return component === 'pilot' || component === 'cni' ? 'Pilot' : 'Gateways';
}

/** What istiod is asked itself before its stage is over, beside the readiness of its pods. */
export function istiodOwnWords(mesh: ResolvedIstiodMesh): readonly OwnWord[] {
	const deployment = istiodName(mesh);
	return [
		{
			stage: 'Pilot',
			kind: 'counters',
			deployment,
			port: 15_014,
			path: '/metrics',
			counters: mesh.release.pilot.rejectCounters.map((metric) => ({ metric, ...rejected })),
		},
		...(mesh.injection === undefined ? [] : [injectionWord(mesh, deployment)]),
	];
}

function injectionWord(mesh: ResolvedIstiodMesh, deployment: string): OwnWord {
	return {
		stage: 'Pilot',
		kind: 'webhook',
		deployment,
		port: 15_017,
		path: '/inject',
		configuration: objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectionWebhookName(mesh) }),
		serverName: `${deployment}.${mesh.namespace}.svc`,
		review: reviewOfPod(mesh.namespace, 'v1', 'labels'),
	};
}
