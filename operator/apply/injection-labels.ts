/**
 * The labels that make injection work in users' namespaces. They are put on under a field manager of their own: giving
 * them up takes away exactly what nobody else has put there too, and nothing else of a namespace is ever touched.
 */
import { ConflictError, InvalidError } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import type { Child, InjectionLabels } from './child.ts';
import { injectionFieldManager, injectionLabel, meshLabel } from './identity.ts';
import { Writer, type WriterOptions } from './writer.ts';

/** Reads the namespaces, all of them. */
export interface LiveNamespaces {
	get(key: string): Child | undefined;
	/** Those that carry labels for a mesh of this name, by whichever operator. */
	labelledFor(mesh: string): readonly Child[];
}

/** The mesh whose labels an operator has put on a namespace: the index behind `LiveNamespaces.labelledFor`. */
export function labelledFor({ injection }: Child): string | undefined {
	return injection !== undefined && injection.keepers.length > 0 ? injection.mesh : undefined;
}

export interface InjectionPlan {
	/** Namespaces to put the labels on. */
	readonly label: readonly Child[];
	/** Namespaces to take them from. */
	readonly release: readonly Child[];
	/** Names of namespaces that are asked for and do not exist yet. */
	readonly missing: readonly string[];
	/** Why some namespaces are left as they are. */
	readonly refused: readonly InvalidError[];
}

/**
 * What has to be done so that exactly `wanted` have the labels of a mesh.
 * @param mesh name of the MeshInstallation
 * @param manager by which we own the labels: what others have put on for a mesh of the same name is theirs
 */
export function planInjectionLabels(
	mesh: string,
	wanted: readonly string[],
	live: LiveNamespaces,
	manager: string = injectionFieldManager,
): InjectionPlan {
	const label: Child[] = [];
	const missing: string[] = [];
	const refused: InvalidError[] = [];
	for (const name of wanted) {
		const namespace = live.get(objectKey({ ...kinds.Namespace, name }));
		if (namespace?.injection === undefined) missing.push(name);
		else if (namespace.metadata.deletionTimestamp === undefined) {
			const refusal = refusalOf(namespace, namespace.injection, mesh, manager);
			if (refusal !== undefined) refused.push(refusal);
			else if (!isLabelled(namespace.injection, mesh, manager)) label.push(namespace);
		}
	}
	const release = live
		.labelledFor(mesh)
		.filter(({ injection }) => injection?.keepers.includes(manager) === true)
		.filter(({ metadata: { name, deletionTimestamp } }) => deletionTimestamp === undefined && !wanted.includes(name));
	return { label, release, missing, refused };
}

function isLabelled({ injection, mesh: labelled, keepers }: InjectionLabels, mesh: string, manager: string): boolean {
	return injection === 'enabled' && labelled === mesh && keepers.includes(manager);
}

/** Somebody has said something else about this namespace: that is not overruled. */
function refusalOf(
	namespace: KubeObject,
	{ injection, mesh: labelled, keepers }: InjectionLabels,
	mesh: string,
	manager: string,
): InvalidError | undefined {
	const found = describeObject(namespace);
	const details = { object: referenceOf(namespace) };
	if (labelled !== undefined && labelled !== mesh) {
		return new InvalidError(
			'NamespaceInOtherMesh',
			`${found} has label ${meshLabel}=${labelled}: its pods get proxies of that mesh. Take it off one of the two lists spec.sidecarInjector.namespaces`,
			details,
		);
	}
	return injection !== undefined && injection !== 'enabled' && !keepers.includes(manager)
		? new InvalidError(
				'InjectionDisabled',
				`${found} has label ${injectionLabel}=${injection}, which is not overruled. Remove the label, or take the namespace off spec.sidecarInjector.namespaces`,
				details,
			)
		: undefined;
}

/** Puts the labels on and takes them off. Returns the failures; throws only when `signal` aborts. */
export async function applyInjectionLabels(
	options: WriterOptions,
	mesh: string,
	{ label, release }: Pick<InjectionPlan, 'label' | 'release'>,
	signal: AbortSignal,
	manager: string = injectionFieldManager,
): Promise<readonly unknown[]> {
	const writer = new Writer(options, signal);
	const labels = { [injectionLabel]: 'enabled', [meshLabel]: mesh };
	await writer.all(release, (namespace) => own(namespace, undefined, manager, writer));
	await writer.all(label, (namespace) => own(namespace, labels, manager, writer));
	return writer.errors;
}

/** Owns these labels of a namespace and gives up the others. Without force: what somebody else says meanwhile stays. */
async function own(
	{ apiVersion, kind, metadata: { name, uid } }: Child,
	labels: Readonly<Record<string, string>> | undefined,
	manager: string,
	writer: Writer,
): Promise<void> {
	// The uid makes sure that a namespace that has just gone is not made again.
	const namespace = {
		apiVersion,
		kind,
		metadata: { name, ...(uid === undefined ? {} : { uid }), ...(labels === undefined ? {} : { labels }) },
	};
	try {
		await writer.shareFields(manager, namespace);
	} catch (error) {
		if (!(error instanceof ConflictError) || error.causes.length === 0) throw error;
		const owners = error.causes.map(({ field, message }) => `${field}: ${message}`).join('; ');
		throw new InvalidError('InjectionDisabled', `${describeObject(namespace)} is not labelled: ${owners}`, {
			cause: error,
			object: referenceOf(namespace),
		});
	}
}
