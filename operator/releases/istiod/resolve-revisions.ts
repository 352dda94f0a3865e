/**
 * Which revision a spec is about, and what its tags name. The name of a revision says its version, `1-31-4`, as Istio's own
 * guides have it. One mesh of this line is in a cluster, so no two of them have revisions of one name. Pure.
 */
import { defaultRevision, definedFields, type ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { StandingRevision } from '../revisions.ts';
import type { ResolvedTag } from './resolved.ts';

/** The name of the revision of a version: `1-31-4`. */
export function revisionOfVersion(version: string): string {
	return version.replaceAll('.', '-');
}

/** What a mesh says of revisions. */
export interface ResolvedRevisions {
	readonly revision?: string;
	readonly tags: readonly ResolvedTag[];
	readonly defaultTo?: string;
}

/** A name as a mesh has it: undefined for the revision without one. */
function asRevision(name: string): string | undefined {
	return name === defaultRevision ? undefined : name;
}

/**
 * The revision that has the version of the spec already, whatever the strategy is now. Otherwise the strategy says it: with
 * Canary a new one beside, with InPlace the one without a name.
 */
export function revisionOf(
	{ version, upgrade }: ParsedSpec,
	standing: readonly StandingRevision[],
): string | undefined {
	const there =
		standing.find((one) => one.version === version && one.isActive) ?? standing.find((one) => one.version === version);
	if (there !== undefined) return asRevision(there.name);
	return upgrade?.strategy === 'Canary' ? revisionOfVersion(version) : undefined;
}

/** Tags without a revision of their own follow the one that the spec is about. */
export function resolveRevisions(spec: ParsedSpec, standing: readonly StandingRevision[]): ResolvedRevisions {
	const revision = revisionOf(spec, standing);
	const all = (spec.upgrade?.tags ?? []).map((tag): ResolvedTag => {
		const to = tag.revision === undefined ? revision : asRevision(tag.revision);
		return { name: tag.name, ...definedFields({ revision: to }) };
	});
	const ofDefault = all.find(({ name }) => name === defaultRevision);
	return {
		...definedFields({ revision, defaultTo: ofDefault === undefined ? revision : ofDefault.revision }),
		tags: all.filter((tag) => tag !== ofDefault),
	};
}

/**
 * @param standing undefined where nobody has looked at a cluster
 * @param injects whether the mesh puts proxies into pods
 */
export function checkRevisions(
	spec: ParsedSpec,
	standing: readonly StandingRevision[] | undefined,
	injects: boolean,
): readonly ReleaseProblem[] {
	const { version, upgrade } = spec;
	const own = revisionOf(spec, standing ?? []) ?? defaultRevision;
	const known = new Set([own, ...(standing ?? []).map(({ name }) => name)]);
	const named = known.has(revisionOfVersion(version)) ? known : new Set([...known, revisionOfVersion(version)]);
	const problems = (upgrade?.tags ?? []).flatMap(({ name, revision }, index): readonly ReleaseProblem[] => {
		const path = `spec.upgrade.tags[${index}]`;
		if (!injects) {
			const message = `${path} has no effect: this mesh puts no proxies into pods`;
			return [
				{ path, reason: 'FieldNotInRelease', message, remedy: 'Remove it, or set spec.sidecarInjector.enabled.' },
			];
		}
		if (name !== defaultRevision && (named.has(name) || /^\d+-\d+-\d+$/.test(name))) {
			const message = `${path}.name is ${name}, which is the name of a revision`;
			return [
				{ path: `${path}.name`, reason: 'NameAlreadyExists', message, remedy: 'Choose another name for the tag.' },
			];
		}
		if (revision === undefined || standing === undefined || known.has(revision)) return [];
		return [
			{
				path: `${path}.revision`,
				reason: 'RefNotFound',
				message: `${path}.revision is ${revision}, and there is no revision of that name: there is ${[...known].join(', ')}`,
				remedy: 'Name one of these, or none, so that the tag follows the version of the spec.',
			},
		];
	});
	return [...problems, ...checkInPlace(spec, standing ?? []), ...checkDataPlanes(spec)];
}

/** What a joined cluster has of a mesh is that of one revision. */
function checkDataPlanes({ upgrade, multiCluster, version }: ParsedSpec): readonly ReleaseProblem[] {
	const remote = multiCluster?.clusters?.find(({ role }) => role !== 'Primary');
	if (upgrade?.strategy !== 'Canary' || remote === undefined) return [];
	const path = 'spec.upgrade.strategy';
	return [
		{
			path,
			reason: 'FieldNotInRelease',
			message: `${path} is Canary, which is not supported yet for Istio ${version} with clusters that have no control plane of their own, such as ${remote.name}`,
			remedy: `Set ${path} to InPlace.`,
		},
	];
}

/** The revision without a name can't run two versions: as the old one beside another, and as what the spec asks for. */
function checkInPlace(spec: ParsedSpec, standing: readonly StandingRevision[]): readonly ReleaseProblem[] {
	const { version } = spec;
	const beside = standing.find(({ name, isActive }) => name === defaultRevision && !isActive);
	if (beside === undefined || beside.version === version || revisionOf(spec, standing) !== undefined) return [];
	return [
		{
			path: 'spec.upgrade.strategy',
			reason: 'NameAlreadyExists',
			message: `spec.upgrade.strategy is InPlace, and the revision without a name still runs ${beside.version} beside the one in use`,
			remedy: 'Wait until nobody uses that revision any more and it is gone, or set the strategy to Canary.',
		},
	];
}
