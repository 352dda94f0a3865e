/** Reads users' objects for the checks before a change of version. Of each nothing is kept but what was found. */
import type { Gathered, Looked } from '../../plan/upgrade/gathered.ts';
import { known } from '../../plan/upgrade/gathered.ts';
import type { Hop, UpgradeRules } from '../../plan/upgrade/rules.ts';
import { FindingTally } from '../../plan/upgrade/tally.ts';
import type { ObjectKind } from '../../releases/index.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { groupOf, type KubeObject } from '../../runtime/object.ts';
import { isOutOfTime, type LookingAt } from './look.ts';

/** A page is in memory as a whole, and whoever writes objects makes them as large as an API server lets him. */
const pageSize = 20;
/** More objects of a kind are not looked at. */
const mostOfAKind = 5_000;
/** So many kinds are named in a gap. */
const mostNamed = 5;

type Objects = Pick<Gathered, 'objects' | 'objectGaps'>;

/** @param definitions those of the cluster, if they are known: kinds without one are not asked for */
export async function gatherObjects(
	{ api, signal }: LookingAt,
	rules: UpgradeRules,
	hop: Hop,
	definitions: Looked<readonly KubeObject[]>,
): Promise<Objects> {
	const tally = new FindingTally();
	const forbidden: string[] = [];
	const gaps: { what: string; why: string }[] = [];
	for (const kind of rules.kinds(hop).filter((one) => mayExist(one, definitions))) {
		let seen = 0;
		const read = (object: KubeObject): undefined => {
			seen++;
			tally.add(rules.object(hop, object));
		};
		try {
			for await (const _ of api.pages<undefined>(kind, {
				limit: pageSize,
				read,
				signal,
				most: mostOfAKind + pageSize,
			})) {
				if (seen < mostOfAKind) continue;
				gaps.push({ what: nameOf(kind), why: `there are more than ${mostOfAKind}` });
				break;
			}
		} catch (error) {
			if (isForbidden(error)) forbidden.push(nameOf(kind));
			else if (isOutOfTime(signal))
				gaps.push({ what: `objects of ${nameOf(kind)} and others`, why: 'it takes too long' });
			else if (!isNotFound(error)) throw error;
			if (signal.aborted) break;
		}
	}
	if (forbidden.length > 0) {
		const more = forbidden.length - mostNamed;
		const names = `${forbidden.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
		gaps.push({ what: `objects of ${names}`, why: 'the right to list them is missing' });
	}
	return { objects: known(tally), objectGaps: gaps };
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
