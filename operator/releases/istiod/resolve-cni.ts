/** Istio's CNI plugin: what of a spec decides about it. */
import { definedFields, type ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import { resolveNodeWorkload } from '../resolve-workload.ts';
import { checkWorkload, podEnv, type WorkloadRules } from '../workload-check.ts';
import { anyPlatform, platforms } from './platforms.ts';
import type { IstiodRelease } from './release.ts';
import type { ResolvedCni } from './resolved.ts';

/** The charts' value (istio 1.30 `istio-cni/values.yaml`). */
const leftAlone = ['kube-system'] as const;

export function resolveCni(release: IstiodRelease, { cni }: ParsedSpec): ResolvedCni | undefined {
	if (cni?.enabled !== true) return undefined;
	const platform = cni.platform === undefined || cni.platform === 'openshift' ? anyPlatform : platforms[cni.platform];
	return {
		pods: resolveNodeWorkload(cni, release.cni.resources),
		binDir: cni.binDir ?? platform.binDir,
		confDir: cni.confDir ?? platform.confDir,
		...definedFields({ confFileName: cni.confFileName }),
		isChained: cni.chained ?? true,
		excludeNamespaces: [...(cni.excludeNamespaces ?? leftAlone)].sort(),
		needsQuota: platform.needsQuota,
	};
}

export function checkCni(release: IstiodRelease, spec: ParsedSpec): readonly ReleaseProblem[] {
	const { cni } = spec;
	return [
		...checkWorkload(release, cni, cniRules(release)),
		...(cni?.enabled === true ? [...checkPlatform(release, cni.platform), ...checkClusters(release, spec)] : []),
	];
}

function checkPlatform({ version }: IstiodRelease, platform: string | undefined): readonly ReleaseProblem[] {
	const path = 'spec.cni.platform';
	return platform === 'openshift'
		? [
				{
					path,
					reason: 'FieldNotInRelease',
					message: `${path} is openshift, which is not supported yet for Istio ${version}: its pods there need the use of security context constraints, and Multus a NetworkAttachmentDefinition, neither of which the operator makes`,
					remedy:
						'Set spec.cni.enabled to false. Pods then get istio-init, whose rights on OpenShift the project of each pod has to allow.',
				},
			]
		: [];
}

/** istiod injects the pods of such a cluster as those of its own, and they would wait for a plugin that is not there. */
function checkClusters({ version }: IstiodRelease, { multiCluster }: ParsedSpec): readonly ReleaseProblem[] {
	const remote = multiCluster?.clusters?.find(({ role }) => role !== 'Primary');
	const path = 'spec.cni.enabled';
	return remote === undefined
		? []
		: [
				{
					path,
					reason: 'FieldNotInRelease',
					message: `${path} is true, which is not supported yet for Istio ${version} with clusters that have no control plane of their own, such as ${remote.name}: the plugin would be missing there`,
					remedy: `Set ${path} to false, or give the cluster a control plane of its own (role: Primary).`,
				},
			];
}

const fromFields = (field: string) => `Set spec.cni.${field} instead.`;
const follows = 'It follows from the installation.';

/** Variables are flags as well: `chained-cni-plugin` is CHAINED_CNI_PLUGIN (istio 1.30 `cni/pkg/cmd/root.go`). */
function cniRules(release: IstiodRelease): WorkloadRules {
	return {
		path: 'spec.cni',
		title: 'install-cni',
		flags: release.cni.flags,
		shortFlags: {},
		ownedFlags: release.cni.ownedFlags,
		guardedFlags: { ctrlz_address: 'open its debugging interface to the network' },
		ownedEnv: {
			...podEnv,
			...Object.fromEntries(
				release.cni.ownedFlags.map((flag) => [flag.toUpperCase().replaceAll('-', '_'), follows] as const),
			),
			ALLOW_SWITCH_TO_HOST_NS: follows,
			CHAINED_CNI_PLUGIN: fromFields('chained'),
			CNI_CONF_NAME: fromFields('confFileName'),
			EXCLUDE_NAMESPACES: fromFields('excludeNamespaces'),
			NODE_NAME: 'The pod itself gives it.',
		},
	};
}
