/** Decides which changes need a pass, and of which installations. All others wake nobody. */
import { isDeepStrictEqual } from 'node:util';
import { upgradeDespiteAnnotation } from '../../api/v1/index.ts';
import type { Child } from '../apply/child.ts';
import type { Exclusive } from '../plan/rivalry.ts';
import type { Change } from '../runtime/watch/store.ts';
import type { StoredInstallation } from './installation.ts';

/**
 * Whether a change of an installation needs a pass: of its spec, its finalizers, its deletion or what its owner insists on. We write the status
 * ourselves, so it wakes nobody, unless somebody else wrote it: then it is written again.
 */
export function installationNeedsPass({ type, old, current }: Change<StoredInstallation>): boolean {
	if (type !== 'updated') return true;
	return (
		old.metadata.uid !== current.metadata.uid ||
		old.metadata.generation !== current.metadata.generation ||
		old.metadata.deletionTimestamp !== current.metadata.deletionTimestamp ||
		!isDeepStrictEqual(old.metadata.finalizers, current.metadata.finalizers) ||
		old.metadata.annotations?.[upgradeDespiteAnnotation] !== current.metadata.annotations?.[upgradeDespiteAnnotation] ||
		!isDeepStrictEqual(old.status, current.status)
	);
}

/** Whether an installation gave up something that only one in a cluster can have. */
export function freesExclusive(
	{ type, old, current }: Change<StoredInstallation>,
	exclusives: readonly Exclusive[],
): boolean {
	return type === 'updated' && exclusives.some(({ asks }) => asks(old.spec) && !asks(current.spec));
}

/** Whether a change of a child needs a pass: of our fields, its ownership, its end, or what the status tells about it. */
export function childNeedsPass({ type, old, current }: Change<Child>): boolean {
	if (type !== 'updated') return true;
	return (
		old.fingerprint !== current.fingerprint ||
		old.partOf !== current.partOf ||
		old.instance !== current.instance ||
		old.awaitsAuthority !== current.awaitsAuthority ||
		old.metadata.uid !== current.metadata.uid ||
		old.metadata.deletionTimestamp !== current.metadata.deletionTimestamp ||
		!isDeepStrictEqual(old.workload, current.workload) ||
		!isDeepStrictEqual(old.crd, current.crd) ||
		!isDeepStrictEqual(old.service, current.service) ||
		!isDeepStrictEqual(old.injection, current.injection) ||
		!isDeepStrictEqual(old.clusterRecord, current.clusterRecord)
	);
}

/** The names of the installations that a child's change concerns. */
export function installationsOf(change: Change<Child>, installations: Iterable<StoredInstallation>): readonly string[] {
	const child = change.current ?? change.old;
	if (child.kind === 'CustomResourceDefinition') return [...installations].map(({ metadata }) => metadata.name);
	if (child.kind === 'Namespace') {
		const labelled = [change.old?.injection?.mesh, change.current?.injection?.mesh];
		return [...installations]
			.filter(
				({ spec, metadata, status }) =>
					usesNamespace(spec, child.metadata.name) ||
					labelled.includes(metadata.name) ||
					// Its labels say which revision its pods ask for.
					status?.revisions !== undefined,
			)
			.map(({ metadata }) => metadata.name);
	}
	return [...new Set([change.old?.instance, change.current?.instance])].filter((name) => name !== undefined);
}

/** Reads the spec without trust, because the installation may be invalid. */
function usesNamespace(spec: unknown, name: string): boolean {
	const { namespace, sidecarInjector } = (spec ?? {}) as {
		readonly namespace?: unknown;
		readonly sidecarInjector?: { readonly namespaces?: unknown } | null;
	};
	const injected = sidecarInjector?.namespaces;
	return namespace === name || (Array.isArray(injected) && injected.includes(name));
}
