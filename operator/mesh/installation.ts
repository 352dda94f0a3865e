/** A MeshInstallation as it is stored, read without trust: what holds of one that is invalid, too. */
import { namespaceOf } from '../../api/v1/index.ts';
import { citadelTaken, servesAllNamespaces } from '../plan/classic/citadel-rivalry.ts';
import type { KubeObject } from '../runtime/object.ts';
import { type Finding, findingOfProblem } from '../status/finding.ts';

/** A MeshInstallation as the cache keeps it: whole, and not yet trusted. */
export interface StoredInstallation extends KubeObject {
	readonly spec?: unknown;
	readonly status?: unknown;
}

export interface InstallationCache {
	get(name: string): StoredInstallation | undefined;
	all(): Iterable<StoredInstallation>;
	/** As in `LiveCache`. */
	expectWrite(object: KubeObject): (answer?: KubeObject) => void;
}

/**
 * What only one installation can have: the oldest wins, the others say so and write nothing.
 * @param all every installation of the cluster, the one in question among them
 */
export function rivalriesOf(object: StoredInstallation, all: readonly StoredInstallation[]): readonly Finding[] {
	const namespace = namespaceOf(object);
	const host = oldest(object, all, (other) => namespaceOf(other) === namespace);
	const authority = servesAllNamespaces(object.spec)
		? oldest(object, all, ({ spec }) => servesAllNamespaces(spec))
		: undefined;
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
		...(authority === undefined ? [] : [findingOfProblem(citadelTaken(authority))]),
	];
}

/** Name of the oldest of those who ask for the same; undefined when that is the object itself. */
function oldest(
	object: StoredInstallation,
	all: readonly StoredInstallation[],
	asks: (other: StoredInstallation) => boolean,
): string | undefined {
	const winner = all.filter(asks).reduce((first, other) => (isOlder(other, first) ? other : first), object);
	return winner.metadata.name === object.metadata.name ? undefined : winner.metadata.name;
}

/** By creation time, then by uid, so that the order is the same for everybody. */
function isOlder(a: StoredInstallation, b: StoredInstallation): boolean {
	const [left, right] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.uid ?? ''}`);
	return (left ?? '') < (right ?? '');
}
