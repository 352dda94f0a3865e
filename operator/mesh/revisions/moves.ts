/** Webhooks that are about to lead to another revision: it is asked first whether it answers. Pure. */
import type { LiveObjects } from '../../apply/live.ts';
import type { RevisionSupport } from '../../lines/index.ts';
import { describeObject, type KubeObject, objectKey } from '../../runtime/object.ts';
import type { MeshView } from '../view.ts';
import type { Heard } from './revision-answers.ts';

/**
 * The webhooks by the revision to which they are about to lead.
 * @param hasOthers whether another revision stands, so that those who will ask a new webhook ask that one now
 */
export function movesOf(
	{ objects, held }: Pick<MeshView, 'objects' | 'held'>,
	support: Pick<RevisionSupport, 'leadsTo'>,
	live: Pick<LiveObjects, 'get'>,
	hasOthers: boolean,
): ReadonlyMap<string, readonly KubeObject[]> {
	const moves = objects.flatMap((object) => {
		const to = support.leadsTo(object);
		const key = objectKey(object);
		// What waits for something else asks nobody yet.
		if (to === undefined || held.has(key)) return [];
		const known = live.get(key);
		const isMove = known === undefined ? hasOthers : known.revision !== to;
		return isMove ? [{ object, to }] : [];
	});
	const byRevision = Map.groupBy(moves, ({ to }) => to);
	return new Map([...byRevision].map(([to, all]) => [to, all.map(({ object }) => object)]));
}

/** Why these webhooks do not lead to a revision yet. Undefined when they may. */
export function whyMoveWaits(revision: string, webhooks: readonly KubeObject[], heard: Heard): string | undefined {
	const lead = webhooks.length === 1 ? 'leads' : 'lead';
	return waits(revision, `${webhooks.map(describeObject).join(' and ')} ${lead} to it`, heard);
}

/** Why a revision that nobody uses stays for now. Undefined when nothing keeps it. */
export function whyRemovalWaits(successor: string, heard: Heard): string | undefined {
	return waits(successor, 'this one goes', heard);
}

function waits(revision: string, before: string, heard: Heard): string | undefined {
	if (heard.kind === 'fine') return undefined;
	const what = `waiting for revision ${revision} to answer API servers, before ${before}`;
	return heard.kind === 'against' ? `${what}: ${heard.sentence}. It is asked again` : what;
}
