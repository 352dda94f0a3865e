/** The stage of a change of version to which each object of a classic mesh belongs. */
import type { UpgradeStage } from '../../../../api/v1/index.ts';
import { componentLabel } from '../../../apply/identity.ts';
import type { ClassicRelease } from '../../../releases/classic/index.ts';
import type { Release } from '../../../releases/index.ts';
import { injectorName } from '../../../render/classic/injector-names.ts';
import { meshConfigMap } from '../../../render/classic/mesh-config.ts';
import { kinds } from '../../../runtime/kinds.ts';
import type { KubeObject } from '../../../runtime/object.ts';

/**
 * Kinds that come before all components: new pods need their rights before they start, and pods of the version before go on
 * with theirs, which are not taken away before the last stage is over.
 */
const before: ReadonlySet<string> = new Set([
	kinds.Namespace.kind,
	kinds.ServiceAccount.kind,
	kinds.Role.kind,
	kinds.RoleBinding.kind,
	kinds.ClusterRole.kind,
	kinds.ClusterRoleBinding.kind,
	kinds.Secret.kind,
]);

/** Mixer's handlers, instances and rules change with it: neither version reads those of the other without an error. */
const components: Readonly<Record<string, UpgradeStage>> = {
	citadel: 'CA',
	pilot: 'Pilot',
	mixer: 'Mixer',
	policy: 'Mixer',
	telemetry: 'Mixer',
	// The ConfigMap that its pods mount too: each version has its own.
	injector: 'Injector',
	ingressgateway: 'Gateways',
	egressgateway: 'Gateways',
};

export function classicStageOf(
	{ kind, metadata: { name, labels } }: KubeObject,
	hop: { readonly from: Release; readonly to: Release },
): UpgradeStage {
	if (kind === kinds.CustomResourceDefinition.kind) return 'CRDs';
	if (kind === kinds.MutatingWebhookConfiguration.kind) return 'Webhooks';
	if (before.has(kind)) return 'Configuration';
	if (kind === kinds.ConfigMap.kind && name === meshConfigMap) return meshConfigStage(hop);
	// The same for `istioctl`, which adds proxies of the new version once the injector does. By then no pod that an older
	// operator made, and that mounts this one, is left.
	if (kind === kinds.ConfigMap.kind && name === injectorName) return 'Webhooks';
	return components[labels?.[componentLabel] ?? ''] ?? 'Configuration';
}

/**
 * Pilot reads the mesh configuration at its start, and from 1.1 on again when it changes. A release that refuses fields it
 * does not know must not start with that of another one: so it stays until the last Pilot of the version before is gone, or
 * is there before the first one of the new version. Injectors have a copy of their own.
 */
function meshConfigStage({ from, to }: { readonly from: Release; readonly to: Release }): UpgradeStage {
	const [refusedBefore, refusedAfter] = [from, to].map(
		(release) => (release as ClassicRelease).mesh.refusesUnknownFields,
	);
	if (refusedBefore === refusedAfter) return 'Configuration';
	return refusedBefore === true ? 'Injector' : 'Pilot';
}
