/** Which revisions of a mesh stand, as its status tells it, or as its Deployments show where a status was lost. Pure. */
import { defaultRevision, isObject, type ParsedStatus, parseStatus } from '../../../api/v1/index.ts';
import type { LiveObjects } from '../../apply/live.ts';
import type { Beside } from '../../plan/upgrade/path.ts';
import type { ResolvedMesh, StandingRevision } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import type { StoredInstallation } from '../installation.ts';

export function revisionNameOf({ revision = defaultRevision }: Pick<ResolvedMesh, 'revision'>): string {
	return revision;
}

/** What a status tells. Undefined when it tells nothing. */
export function standingInStatus(status: ParsedStatus | undefined): readonly StandingRevision[] | undefined {
	if (status?.revisions !== undefined)
		return status.revisions.map(({ name, version, state }) => ({ name, version, isActive: state === 'Active' }));
	return status?.version === undefined
		? undefined
		: [{ name: defaultRevision, version: status.version, isActive: true }];
}

/** The same of an object as it is stored or written. Undefined when it has no status that tells of any. */
export function standingOfObject(object: unknown): readonly StandingRevision[] | undefined {
	return isObject(object) ? standingInStatus(parseStatus(object.status).status) : undefined;
}

/**
 * What stands. Without a status, the version that the spec asks for is the active one if it stands, and otherwise the one
 * without a name is.
 */
export function standingRevisions(
	{ metadata, spec, status }: StoredInstallation,
	live: Pick<LiveObjects, 'ofApplySet'>,
): readonly StandingRevision[] {
	const told = standingInStatus(status);
	if (told !== undefined) return told;
	const seen = live.ofApplySet(applySetId(metadata.name)).flatMap(({ workload, component, revision }) => {
		const isControlPlane = component === 'pilot' && workload?.version !== undefined;
		return isControlPlane ? [{ name: revision ?? defaultRevision, version: workload.version ?? '' }] : [];
	});
	const wanted = isObject(spec) ? spec.version : undefined;
	const active =
		seen.find(({ version }) => version === wanted) ?? seen.find(({ name }) => name === defaultRevision) ?? seen[0];
	return seen.map((one) => ({ ...one, isActive: one === active }));
}

/** How a mesh comes beside the revision that is active as a status tells it. Undefined when it is that one. */
export function besideOf(status: ParsedStatus | undefined, mesh: Pick<ResolvedMesh, 'revision'>): Beside | undefined {
	const name = revisionNameOf(mesh);
	const active = standingInStatus(status)?.find(({ isActive }) => isActive);
	if (active === undefined || active.name === name) return undefined;
	const there = status?.revisions?.find((one) => one.name === name);
	return { stands: there !== undefined && there.state !== 'Coming' };
}
