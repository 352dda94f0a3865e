/** A stored MeshInstallation, read without trust: what can be said about an invalid one, too. */
import { namespaceOf, type ParsedStatus, type Problem, parseStatus } from '../../api/v1/index.ts';
import type { Exclusive } from '../plan/rivalry.ts';
import type { KubeObject } from '../runtime/object.ts';
import { type Finding, findingOfProblem } from '../status/finding.ts';

/** A MeshInstallation as the cache keeps it: its spec whole and not yet trusted, its status as the operator wrote it. */
export interface StoredInstallation extends KubeObject {
	readonly spec?: unknown;
	/** Undefined when there is none, and when it is malformed. */
	readonly status?: ParsedStatus;
}

/**
 * Parses the status. No other code does that for a status that was read.
 * @param onMalformed is called with the problems of a malformed status, which then counts as absent
 */
export function toInstallation(
	object: KubeObject,
	onMalformed: (object: KubeObject, problems: readonly Problem[]) => void,
): StoredInstallation {
	const { status: stored, ...rest } = object;
	const { status, problems } = parseStatus(stored);
	if (problems.length > 0) onMalformed(object, problems);
	// Drops what nobody here reads.
	const { managedFields: _, ...metadata } = object.metadata;
	return { ...rest, metadata, ...(status === undefined ? {} : { status }) } as StoredInstallation;
}

export interface InstallationCache {
	get(name: string): StoredInstallation | undefined;
	all(): Iterable<StoredInstallation>;
	/** As in `LiveCache`. */
	expectWrite(object: KubeObject): (answer?: KubeObject) => void;
}

/**
 * What the installation asks for and only one can have: the oldest wins, the others say so and write nothing.
 * @param all every installation of the cluster, including the one in question
 */
export function rivalriesOf(
	object: StoredInstallation,
	all: readonly StoredInstallation[],
	exclusives: readonly Exclusive[],
): readonly Finding[] {
	const namespace = namespaceOf(object);
	const host = oldest(object, all, (other) => namespaceOf(other) === namespace);
	const taken = exclusives.flatMap((exclusive) => {
		const winner = exclusive.asks(object.spec) ? oldest(object, all, ({ spec }) => exclusive.asks(spec)) : undefined;
		return winner === undefined ? [] : [findingOfProblem(exclusive.taken(winner))];
	});
	return [
		...(host === undefined
			? []
			: [
					findingOfProblem({
						path: 'spec.namespace',
						reason: 'NamespaceTaken',
						message: `namespace ${namespace} belongs to the older MeshInstallation ${host}`,
						remedy:
							'Delete one of the two, or make this one anew with another spec.namespace; when the older one goes, this one takes over.',
					}),
				]),
		...taken,
	];
}

/** Name of the oldest installation that asks for the same. Undefined when that is the object itself. */
function oldest(
	object: StoredInstallation,
	all: readonly StoredInstallation[],
	asks: (other: StoredInstallation) => boolean,
): string | undefined {
	const winner = all.filter(asks).reduce((first, other) => (isOlder(other, first) ? other : first), object);
	return winner.metadata.name === object.metadata.name ? undefined : winner.metadata.name;
}

/** Compares creation times, then uids, so that the order is the same for everybody. */
function isOlder(a: StoredInstallation, b: StoredInstallation): boolean {
	const [left, right] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.uid ?? ''}`);
	return (left ?? '') < (right ?? '');
}
