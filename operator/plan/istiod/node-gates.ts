/** What in a mesh of istiod has to wait for what runs on each node. */
import { defaultRevision, revisionLabel } from '../../../api/v1/index.ts';
import { isRolledOutAndAvailable } from '../../apply/child.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import { cniDaemonSet, type IstiodFacts, injectorConfigName } from '../../render/istiod/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import type { Gate, GateContext } from '../gate.ts';
import { istiodKey } from './facts.ts';

type Rule = (context: GateContext<ResolvedIstiodMesh, IstiodFacts>) => readonly Gate[];

/** Key of the DaemonSet of the CNI plugin's agent. */
export function cniKey({ namespace }: Pick<ResolvedIstiodMesh, 'namespace'>): string {
	return objectKey({ ...kinds.DaemonSet, namespace, name: cniDaemonSet });
}

/**
 * Pods whose traffic the plugin redirects do not start on a node without it. So pods go on redirecting it themselves until it is on
 * each node. A webhook that is made or that asks another revision waits for one node alone: a node that is gone must not keep a
 * deleted webhook from being repaired, and the agent mends pods that came too early.
 */
const pluginBeforePods: Rule = ({ mesh, objects, sight }) => {
	if (mesh.cni === undefined) return [];
	const agent = sight.child(cniKey(mesh))?.workload;
	const config = objectKey({ ...kinds.ConfigMap, namespace: mesh.namespace, name: injectorConfigName(mesh) });
	const standing = sight.child(config);
	const sentence = 'waiting for the CNI plugin to be on the nodes, before new pods need it there';
	if (standing !== undefined && standing.isByCni !== true) {
		if (agent !== undefined && isRolledOutAndAvailable(agent)) return [];
		// An istiod of another version needs templates of its own version.
		const isOther = sight.child(istiodKey(mesh))?.workload?.version !== mesh.release.version;
		return [
			{
				name: 'plugin-before-pods',
				effect: 'held',
				objects: [config, ...(isOther ? [istiodKey(mesh)] : [])],
				sentence,
			},
		];
	}
	if ((agent?.available ?? 0) > 0) return [];
	const waiting = objects.filter(
		(object) =>
			object.kind === kinds.MutatingWebhookConfiguration.kind &&
			sight.child(objectKey(object))?.revision !== (object.metadata.labels?.[revisionLabel] ?? defaultRevision),
	);
	return waiting.length === 0
		? []
		: [{ name: 'plugin-before-pods', effect: 'held', objects: waiting.map(objectKey), sentence }];
};

/** Istio's own order of a change of version: first istiod, then what is on the nodes (istio.io, upgrade of ambient). */
const istiodBeforeNodes: Rule = ({ mesh, sight }) => {
	const agent = mesh.cni === undefined ? undefined : sight.child(cniKey(mesh))?.workload;
	if (agent?.version === undefined || agent.version === mesh.release.version) return [];
	const istiod = sight.child(istiodKey(mesh))?.workload;
	const isReady = istiod?.version === mesh.release.version && isRolledOutAndAvailable(istiod);
	return isReady
		? []
		: [
				{
					name: 'istiod-before-nodes',
					effect: 'held',
					objects: [cniKey(mesh)],
					sentence: `waiting for istiod ${mesh.release.version} to be ready, before the CNI plugin follows on the nodes`,
				},
			];
};

export const nodeGates: readonly Rule[] = [pluginBeforePods, istiodBeforeNodes];
