/** Reads users' objects for the checks before a change of version: what meshes render changes with them. Of each nothing is kept but what was found. */
import { othersSelector } from '../../apply/identity.ts';
import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import type { Gathered, Looked } from '../../plan/upgrade/gathered.ts';
import { known } from '../../plan/upgrade/gathered.ts';
import type { Hop, UpgradeRules } from '../../plan/upgrade/rules.ts';
import { FindingTally } from '../../plan/upgrade/tally.ts';
import type { ObjectKind } from '../../releases/index.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { groupOf, type KubeObject } from '../../runtime/object.ts';
import { isOutOfTime, type LookingAt } from './look.ts';

/** A page is in memory as a whole, and whoever writes objects makes them as large as an API server lets him: so many at a time. */
const pageSize = 20;
/**
 * Of most kinds there are none or few: the first of so many kinds are read side by side, and what is left of each by itself. An API
 * server makes a list wait until its cache has heard of the newest revision, some 100 ms; those that are asked together wait together.
 */
const kindsAtATime = 20;
const firstPageSize = pageSize / kindsAtATime;
/** More objects of a kind are not looked at. */
const mostOfAKind = 5_000;
/** So many kinds are named in a gap. */
const mostNamed = 5;

type Objects = Pick<Gathered, 'objects' | 'objectGaps'>;

/** @param definitions those of the cluster, if they are known: nothing is told of kinds without one */
export async function gatherObjects(
	{ api, signal }: LookingAt,
	rules: UpgradeRules,
	hop: Hop,
	definitions: Promise<Looked<readonly KubeObject[]>>,
): Promise<Objects> {
	const asked = rules
		.kinds(hop)
		.map((kind): KindLook => ({ kind, found: new FindingTally(), seen: 0, next: undefined, end: undefined }));
	const read = (look: KindLook, limit: number) =>
		readPage({ api, signal }, look, limit, (object) => rules.object(hop, object));
	const beginning = asked.values();
	const lane = async () => {
		for (const look of beginning) await read(look, firstPageSize);
	};
	await Promise.all(Array.from({ length: kindsAtATime }, lane));
	const there = await definitions;
	const looks = asked.filter(({ kind }) => mayExist(kind, there));
	for (const look of looks) while (look.end === undefined) await read(look, pageSize);
	// In the order of the kinds, so that the same is told in the same order each time.
	const tally = new FindingTally();
	for (const { found } of looks) tally.take(found);
	return { objects: known(tally), objectGaps: gapsOf(looks) };
}

/** What has been seen of one kind. */
interface KindLook {
	readonly kind: ObjectKind;
	readonly found: FindingTally;
	seen: number;
	/** Where the next page begins. */
	next: string | undefined;
	/** How it ended: all were seen, only the first of them, none for want of the right, or the time was over. */
	end: 'all' | 'first' | 'forbidden' | 'late' | undefined;
}

async function readPage(
	{ api, signal }: LookingAt,
	look: KindLook,
	limit: number,
	judge: (object: KubeObject) => readonly UpgradeFinding[],
): Promise<void> {
	const read = (object: KubeObject): undefined => {
		look.seen++;
		look.found.add(judge(object));
	};
	try {
		const options = { limit, labelSelector: othersSelector, continue: look.next, read, signal };
		const page = await api.listPage<undefined>(look.kind, options);
		look.next = page.continue;
		if (page.continue === undefined) look.end = 'all';
		else if (look.seen >= mostOfAKind) look.end = 'first';
	} catch (error) {
		if (isForbidden(error)) look.end = 'forbidden';
		else if (isOutOfTime(signal)) look.end = 'late';
		else if (isNotFound(error)) look.end = 'all';
		else throw error;
	}
}

function gapsOf(looks: readonly KindLook[]): Objects['objectGaps'] {
	const namesOf = (end: KindLook['end']) => looks.filter((look) => look.end === end).map(({ kind }) => nameOf(kind));
	const [firstLate] = namesOf('late');
	const forbidden = namesOf('forbidden');
	const more = forbidden.length - mostNamed;
	const names = `${forbidden.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
	return [
		...namesOf('first').map((what) => ({ what, why: `there are more than ${mostOfAKind}` })),
		...(firstLate === undefined ? [] : [{ what: `objects of ${firstLate} and others`, why: 'it takes too long' }]),
		...(forbidden.length === 0 ? [] : [{ what: `objects of ${names}`, why: 'the right to list them is missing' }]),
	];
}

function nameOf({ plural, apiVersion }: ObjectKind): string {
	const group = groupOf(apiVersion);
	return group === '' ? plural : `${plural}.${group}`;
}

function mayExist(kind: ObjectKind, definitions: Looked<readonly KubeObject[]>): boolean {
	if (groupOf(kind.apiVersion) === '' || !definitions.isKnown) return true;
	const found = definitions.value.find(({ metadata }) => metadata.name === nameOf(kind));
	return found !== undefined;
}
