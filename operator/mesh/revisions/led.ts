/** The revisions that the spec of a mesh, or its change of version, is about. Pure. */
import { defaultRevision } from '../../../api/v1/index.ts';
import { type LedRevision, listRevisions, type RevisionStatus } from '../../plan/revisions/list.ts';
import type { Step } from '../../plan/upgrade/advance.ts';
import { recordSettings } from '../../plan/upgrade/settings.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PreparedMesh } from '../prepare.ts';
import type { Walk } from '../upgrade/walk.ts';
import { revisionNameOf } from './standing.ts';

/** The revision that a change of version leads away from. */
function activeName({ status }: StoredInstallation): string {
	return status?.revisions?.find(({ state }) => state === 'Active')?.name ?? defaultRevision;
}

/**
 * @param isWhole whether everything stands as the spec asks for
 * @param step what became of the change of version
 */
export function ledRevisions(
	object: StoredInstallation,
	{ mesh }: Pick<PreparedMesh, 'mesh'>,
	walk: Pick<Walk, 'course'> | undefined,
	isWhole: boolean,
	step: Pick<Step, 'record'> | undefined,
): readonly LedRevision[] {
	const present = recordSettings(object.spec);
	const name = revisionNameOf(mesh);
	const { version } = mesh.release;
	const asAsked: LedRevision = { name, version, state: 'Active', spec: isWhole ? present : undefined };
	if (walk === undefined) return [asAsked];
	const { from, to, revision, previous } = walk.course.record;
	const former: LedRevision = {
		name: activeName(object),
		version: from,
		state: 'Active',
		spec: previous === undefined ? undefined : recordSettings(previous),
	};
	const isOver = step !== undefined && step.record === undefined;
	if (revision === undefined) return [isOver ? { ...former, version, spec: undefined } : former];
	const isBack = walk.course.direction === 'back';
	if (isOver) return [isBack ? former : asAsked];
	const isUndone = (step?.record ?? walk.course.record).state === 'RolledBack';
	return isUndone
		? [former]
		: [former, { name: revision, version: to, state: 'Coming', spec: isBack ? undefined : present }];
}

/** The list as a change of version begins, to be stored with its record. Undefined when no revision comes beside. */
export function revisionsAtFirst(
	object: StoredInstallation,
	walk: Pick<Walk, 'course' | 'leading'>,
	nowMs: number,
): readonly RevisionStatus[] | undefined {
	const { revision } = walk.course.record;
	const previous = object.status?.revisions ?? [];
	if (revision === undefined) return object.status?.revisions;
	const led = ledRevisions(object, walk.leading, walk, false, undefined);
	// One that stands already does so until its stage is reached.
	const isThere = previous.some(({ name, state }) => name === revision && state !== 'Coming');
	const before = previous.filter(({ name }) => name === revision);
	const { revisions = [] } = listRevisions({
		previous,
		led: isThere ? led.slice(0, 1) : led,
		stands: () => true,
		tagged: new Set(),
		usage: undefined,
		unknown: undefined,
		graceMs: 0,
		nowMs,
	});
	return isThere ? [...revisions.filter(({ name }) => name !== revision), ...before] : revisions;
}
