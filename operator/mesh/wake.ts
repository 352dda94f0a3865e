/** Which changes call for a pass, and of which installations. Everything else is silence. */
import { isDeepStrictEqual } from 'node:util';
import type { Child } from '../apply/child.ts';
import type { Exclusive } from '../plan/rivalry.ts';
import type { Change } from '../runtime/watch/store.ts';
import type { StoredInstallation } from './installation.ts';

/**
 * A change of an installation: of its spec, its finalizers or its deletion. Its status is our own word and wakes nobody,
 * unless somebody else wrote it: then it is told again.
 */
export function installationNeedsPass({ type, old, current }: Change<StoredInstallation>): boolean {
	if (type !== 'updated') return true;
	return (
		old.metadata.uid !== current.metadata.uid ||
		old.metadata.generation !== current.metadata.generation ||
		old.metadata.deletionTimestamp !== current.metadata.deletionTimestamp ||
		!isDeepStrictEqual(old.metadata.finalizers, current.metadata.finalizers) ||
		!isDeepStrictEqual(old.status, current.status)
	);
}

/** Whether an installation gave up what only one of a cluster can have. */
export function freesExclusive(
	{ type, old, current }: Change<StoredInstallation>,
	exclusives: readonly Exclusive[],
): boolean {
	return type === 'updated' && exclusives.some(({ asks }) => asks(old.spec) && !asks(current.spec));
}

/** A change of a child: one of our fields, its ownership, its end, or what the status tells of it. */
export function childNeedsPass({ type, old, current }: Change<Child>): boolean {
	if (type !== 'updated') return true;
	return (
		old.fingerprint !== current.fingerprint ||
		old.partOf !== current.partOf ||
		old.instance !== current.instance ||
		old.metadata.uid !== current.metadata.uid ||
		old.metadata.deletionTimestamp !== current.metadata.deletionTimestamp ||
		!isDeepStrictEqual(old.workload, current.workload) ||
		!isDeepStrictEqual(old.crd, current.crd) ||
		!isDeepStrictEqual(old.service, current.service) ||
		!isDeepStrictEqual(old.injection, current.injection) ||
		!isDeepStrictEqual(old.clusterRecord, current.clusterRecord)
	);
}

/** The installations that a child's change concerns, by name. */
export function installationsOf(change: Change<Child>, installations: Iterable<StoredInstallation>): readonly string[] {
	const child = change.current ?? change.old;
	if (child.kind === 'CustomResourceDefinition') return [...installations].map(({ metadata }) => metadata.name);
	if (child.kind === 'Namespace') {
		const labelled = [change.old?.injection?.mesh, change.current?.injection?.mesh];
		return [...installations]
			.filter(({ spec, metadata }) => usesNamespace(spec, child.metadata.name) || labelled.includes(metadata.name))
			.map(({ metadata }) => metadata.name);
	}
	return [...new Set([change.old?.instance, change.current?.instance])].filter((name) => name !== undefined);
}

/** Read without trust: an invalid installation is not asked for more than it says. */
function usesNamespace(spec: unknown, name: string): boolean {
	const { namespace, sidecarInjector } = (spec ?? {}) as {
		readonly namespace?: unknown;
		readonly sidecarInjector?: { readonly namespaces?: unknown } | null;
	};
	const injected = sidecarInjector?.namespaces;
	return namespace === name || (Array.isArray(injected) && injected.includes(name));
}
