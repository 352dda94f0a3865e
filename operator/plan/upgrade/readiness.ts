/**
 * Whether a workload is really ready: every pod that it has is of what was written, and available. Pure.
 */
import type { Child, Workload } from '../../apply/child.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isSameImage } from '../../status/components.ts';

/** What is looked at of a pod. */
export interface PodSeen {
	readonly name: string;
	/** Images of its containers, as they were asked for. */
	readonly images: readonly string[];
	/** Hash of the template that it was made from. */
	readonly template: string | undefined;
	/** Whether it has ended and stays only to be read. */
	readonly isOver: boolean;
	/** When the time to end is over that it was given, RFC 3339. Undefined when nobody has ended it. */
	readonly endsAt: string | undefined;
}

/** What can be known of the pods of a mesh. */
export type PodsKnown =
	| { readonly kind: 'seen'; readonly of: (workload: string) => readonly PodSeen[] }
	/** Nobody has given the right to see them. */
	| { readonly kind: 'refused' }
	/** They have not been listed yet. */
	| { readonly kind: 'unknown' };

/**
 * What a workload waits for, in a sentence. Undefined when it is really ready.
 * @param object what was rendered
 * @param appliedGeneration the generation that the operator's last write made, if it is known
 * @param nowMs milliseconds since 1970
 */
export function unreadyBecause(
	child: Child | undefined,
	{ kind, metadata: { name } }: Pick<KubeObject, 'kind' | 'metadata'>,
	appliedGeneration: number | undefined,
	pods: PodsKnown,
	nowMs: number,
): string | undefined {
	const workload = child?.workload;
	const about = `${kind} ${name}`;
	if (workload === undefined) return `${about} is not there`;
	const { observedGeneration, generation, desired, total, updated, available } = workload;
	if (observedGeneration < Math.max(generation, appliedGeneration ?? 0))
		return `${about}: the change is not yet seen by the cluster's ${kind} controller`;
	if (updated < desired || available < desired || total > updated)
		return `${about}: ${updated} of ${desired} pods updated, ${available} available${total > updated ? `, ${total - updated} of the version before left` : ''}`;
	if (pods.kind === 'refused') return undefined;
	if (pods.kind === 'unknown') return `${about}: its pods are being listed`;
	return podsAgainst(about, kind === kinds.DaemonSet.kind ? 'template' : 'ReplicaSet', workload, pods.of(name), nowMs);
}

/** A pod that is not of what was written. One that only waits for its end on a node that is gone counts until its grace is over. */
function podsAgainst(
	about: string,
	set: string,
	{ images, updated }: Workload,
	pods: readonly PodSeen[],
	nowMs: number,
): string | undefined {
	const living = pods.filter(({ isOver, endsAt }) => !isOver && (endsAt === undefined || Date.parse(endsAt) > nowMs));
	const staying = living.filter(({ endsAt }) => endsAt === undefined);
	const other = staying.find((pod) => !images.every((image) => runsImage(pod, image)));
	if (other !== undefined)
		return `${about}: pod ${other.name} runs ${other.images.join(', ')} instead of ${images.join(', ')}`;
	const templates = new Set(staying.map(({ template }) => template));
	if (templates.size > 1) return `${about}: pods of an older ${set} are left`;
	const [template] = templates;
	const going = living.find((pod) => pod.endsAt !== undefined && pod.template !== template);
	if (going !== undefined) return `${about}: pod ${going.name} of an older ${set} is about to end`;
	return staying.length < updated ? `${about}: not all of its pods are seen yet` : undefined;
}

/** A mirror may stand before the name of an image, and a digest may stand for its tag. */
function runsImage({ images }: PodSeen, asked: string): boolean {
	return images.some((image) => isSameImage(image, asked) || (image.includes('@') && !asked.includes('@')));
}
