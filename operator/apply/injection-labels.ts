/**
 * Keeps the labels that make injection work in users' namespaces. They have a field manager of their own. So when it gives
 * a label up, the label goes, unless somebody else has put it there too. Nothing else of a namespace is ever touched.
 */
import { ConflictError, InvalidError } from '../runtime/errors.ts';
import { describeObject, type KubeObject, referenceOf } from '../runtime/object.ts';
import type { Child, InjectionLabels } from './child.ts';
import { injectionFieldManager, meshLabel } from './identity.ts';
import { namespaceIn } from './live.ts';
import { Writer, type WriterOptions } from './writer.ts';

/** Reads all namespaces. */
export interface LiveNamespaces {
	get(key: string): Child | undefined;
	/** The namespaces with labels for a mesh of this name, whichever operator put them there. */
	labelledFor(mesh: string): readonly Child[];
}

/** The mesh whose labels an operator has put on a namespace. This is the index behind `LiveNamespaces.labelledFor`. */
export function labelledFor({ injection }: Child): string | undefined {
	return injection !== undefined && injection.keepers.length > 0 ? injection.mesh : undefined;
}

/** The labels, and whose they are. */
export interface InjectionTarget {
	/** Name of the MeshInstallation. */
	readonly mesh: string;
	/** The label that switches injection on. */
	readonly label: { readonly name: string; readonly value: string };
	/** The field manager by which we own the labels. Labels of a mesh of the same name under other managers are not ours. */
	readonly manager?: string;
}

export interface InjectionPlan {
	/** Namespaces to put the labels on. */
	readonly label: readonly Child[];
	/** Namespaces to take them from. */
	readonly release: readonly Child[];
	/** Names of wanted namespaces that do not exist yet. */
	readonly missing: readonly string[];
	/** Why some namespaces are not touched. */
	readonly refused: readonly InvalidError[];
}

/** Plans how exactly the `wanted` namespaces get the labels of a mesh. */
export function planInjectionLabels(
	target: InjectionTarget,
	wanted: readonly string[],
	live: LiveNamespaces,
): InjectionPlan {
	const label: Child[] = [];
	const missing: string[] = [];
	const refused: InvalidError[] = [];
	for (const name of wanted) {
		const namespace = namespaceIn(live, name);
		if (namespace?.injection === undefined) missing.push(name);
		else if (namespace.metadata.deletionTimestamp === undefined) {
			const refusal = refusalOf(namespace, namespace.injection, target);
			if (refusal !== undefined) refused.push(refusal);
			else if (!isLabelled(namespace.injection, target)) label.push(namespace);
		}
	}
	const release = labelledBy(target, live).filter(({ metadata: { name } }) => !wanted.includes(name));
	return { label, release, missing, refused };
}

/** The namespaces with our labels, except those that are being deleted. */
function labelledBy(
	{ mesh, manager = injectionFieldManager }: Pick<InjectionTarget, 'mesh' | 'manager'>,
	live: Pick<LiveNamespaces, 'labelledFor'>,
): readonly Child[] {
	return live
		.labelledFor(mesh)
		.filter(({ injection }) => injection?.keepers.includes(manager) === true)
		.filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp === undefined);
}

function isLabelled(
	{ switches, mesh: labelled, keepers }: InjectionLabels,
	{ mesh, label, manager = injectionFieldManager }: InjectionTarget,
): boolean {
	return switches[label.name] === label.value && labelled === mesh && keepers.includes(manager);
}

/** Why the labels are not put on this namespace: somebody else has decided otherwise. */
function refusalOf(
	namespace: KubeObject,
	{ switches, mesh: labelled, keepers }: InjectionLabels,
	{ mesh, label, manager = injectionFieldManager }: InjectionTarget,
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
	const value = switches[label.name];
	return value !== undefined && value !== label.value && !keepers.includes(manager)
		? new InvalidError(
				'InjectionDisabled',
				`${found} has label ${label.name}=${value}, which is not overruled. Remove the label, or take the namespace off spec.sidecarInjector.namespaces`,
				details,
			)
		: undefined;
}

/** Puts the labels on and takes them off. Returns the failures. Throws only when `signal` aborts. */
export async function applyInjectionLabels(
	options: WriterOptions,
	{ mesh, label: { name, value }, manager = injectionFieldManager }: InjectionTarget,
	{ label, release }: Pick<InjectionPlan, 'label' | 'release'>,
	signal: AbortSignal,
): Promise<readonly unknown[]> {
	const writer = new Writer(options, signal);
	const labels = { [name]: value, [meshLabel]: mesh };
	await writer.all(release, (namespace) => own(namespace, undefined, manager, writer));
	await writer.all(label, (namespace) => own(namespace, labels, manager, writer));
	return writer.errors;
}

/** Removes all our labels of a mesh. Returns the failures. Throws only when `signal` aborts. */
export async function releaseInjectionLabels(
	options: WriterOptions,
	of: Pick<InjectionTarget, 'mesh' | 'manager'>,
	live: Pick<LiveNamespaces, 'labelledFor'>,
	signal: AbortSignal,
): Promise<readonly unknown[]> {
	const writer = new Writer(options, signal);
	const { manager = injectionFieldManager } = of;
	await writer.all(labelledBy(of, live), (namespace) => own(namespace, undefined, manager, writer));
	return writer.errors;
}

/**
 * Owns these labels of a namespace and gives up the others. Never forces: when somebody else has set one meanwhile, that
 * stays.
 */
async function own(
	{ apiVersion, kind, metadata: { name, uid } }: Child,
	labels: Readonly<Record<string, string>> | undefined,
	manager: string,
	writer: Writer,
): Promise<void> {
	// The uid prevents that a namespace that has just gone is made again.
	const namespace = {
		apiVersion,
		kind,
		metadata: { name, ...(uid === undefined ? {} : { uid }), ...(labels === undefined ? {} : { labels }) },
	};
	try {
		await writer.shareFields(manager, namespace);
	} catch (error) {
		if (!(error instanceof ConflictError) || error.causes.length === 0) throw error;
		// A stranger's words are withheld, and a field that we did not set has no name.
		const owners = error.causes
			.map(
				({ field, message }) =>
					`${field === '' ? 'a label' : field}: ${message === '' ? 'set by another manager' : message}`,
			)
			.join('; ');
		throw new InvalidError('InjectionDisabled', `${describeObject(namespace)} is not labelled: ${owners}`, {
			cause: error,
			object: referenceOf(namespace),
		});
	}
}
