/** Reads nodes and pods for the checks before a change of version: what room there is, and which proxies run. */
import type { CountedMesh } from '../../plan/proxies/count.ts';
import { ProxyTally } from '../../plan/proxies/tally.ts';
import type { Amounts, SeenNode, SeenPods, SeenProxies } from '../../plan/upgrade/gathered.ts';
import { amountOf, fieldsAt, listAt, requestsOf } from '../../plan/upgrade/pods-of.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { readProxy } from '../proxies/read-proxy.ts';
import type { LookingAt } from './look.ts';

/** Kubernetes itself is built for as many nodes, and three times as many pods. */
const mostNodes = 5_000;
const mostPods = 500_000;

export async function gatherNodes({ api, signal }: LookingAt): Promise<readonly SeenNode[]> {
	const nodes: SeenNode[] = [];
	for await (const page of api.pages<SeenNode>(kinds.Node, { limit: 100, read: nodeOf, signal })) {
		nodes.push(...page.items);
		if (nodes.length >= mostNodes) break;
	}
	return nodes;
}

function nodeOf({ metadata, spec, status }: KubeObject): SeenNode {
	const fields = fieldsAt({ spec }, 'spec');
	const allocatable = fieldsAt(status, 'allocatable');
	return {
		name: metadata.name,
		labels: metadata.labels ?? {},
		taints: listAt(fields, 'taints').map(({ key = '', value = '', effect = '' }) => ({
			key: String(key),
			value: String(value),
			effect: String(effect),
		})),
		isSchedulable: fields.unschedulable !== true && isReady(status),
		allocatable: {
			cpu: amountOf(allocatable.cpu),
			memory: amountOf(allocatable.memory),
			pods: amountOf(allocatable.pods),
		},
	};
}

/** A node that nobody has judged yet may be ready soon. */
function isReady(status: unknown): boolean {
	const ready = listAt(fieldsAt({ status }, 'status'), 'conditions').find(({ type }) => type === 'Ready');
	return ready === undefined || ready.status === 'True';
}

/**
 * Pods that have ended take no room, and neither they nor those that are going have a proxy that matters.
 * @param indexed the proxies, where somebody knows them already
 */
export async function gatherPods(
	{ api, signal }: LookingAt,
	mesh: CountedMesh,
	indexed: readonly SeenProxies[] | undefined,
): Promise<SeenPods> {
	const used = new Map<string, Amounts>();
	const tally = new ProxyTally(mesh);
	let seen = 0;
	const read = (pod: KubeObject): undefined => {
		seen++;
		const spec = fieldsAt(pod, 'spec');
		const node = String(spec.nodeName ?? '');
		if (node !== '') used.set(node, plus(used.get(node), requestsOf(spec)));
		const proxy = indexed === undefined ? readProxy(pod) : undefined;
		if (proxy !== undefined) tally.add(proxy, `${pod.metadata.namespace}/${pod.metadata.name}`);
	};
	const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed';
	for await (const _ of api.pages<undefined>(kinds.Pod, { limit: 100, read, fieldSelector, signal })) {
		if (seen >= mostPods) break;
	}
	return { used, proxies: indexed ?? tally.seen };
}

function plus(a: Amounts = { cpu: 0, memory: 0, pods: 0 }, b: Amounts): Amounts {
	return { cpu: a.cpu + b.cpu, memory: a.memory + b.memory, pods: a.pods + b.pods };
}
