/** Keeps the labels for injection in users' namespaces, in the mesh's own cluster and in joined ones. */
import {
	applyInjectionLabels,
	type LiveNamespaces,
	planInjectionLabels,
	releaseInjectionLabels,
} from '../apply/injection-labels.ts';
import type { LiveObjects } from '../apply/live.ts';
import type { WriterOptions } from '../apply/writer.ts';
import type { NamespaceInjection } from '../lines/index.ts';

/** Where the namespaces are, and whose labels they get. */
export interface InjectionPlace {
	/** Name of the MeshInstallation. */
	readonly mesh: string;
	readonly namespaces: LiveNamespaces;
	readonly live: Pick<LiveObjects, 'get'>;
	readonly writer: WriterOptions;
	/** The field manager of the labels. Default: that of the operator's own cluster. */
	readonly manager?: string;
}

export interface InjectionResult {
	readonly errors: readonly unknown[];
	readonly notes: readonly string[];
}

/**
 * Puts the labels on when the webhook exists, so that nobody counts on it before, and removes them as soon as they are not
 * wanted.
 * @param wanted undefined when the mesh injects nothing
 * @param isApplied whether everything that was rendered is written
 */
export async function labelNamespaces(
	place: InjectionPlace,
	wanted: NamespaceInjection | undefined,
	isApplied: boolean,
	signal: AbortSignal,
): Promise<InjectionResult> {
	if (wanted === undefined) return { errors: await releaseNamespaces(place, signal), notes: [] };
	const { mesh, namespaces, live, writer, manager } = place;
	const target = { mesh, label: wanted.label, ...(manager === undefined ? {} : { manager }) };
	const { label, release, missing, refused } = planInjectionLabels(target, wanted.namespaces, namespaces);
	const isServed = isApplied && live.get(wanted.webhook) !== undefined;
	const errors = await applyInjectionLabels(writer, target, { label: isServed ? label : [], release }, signal);
	return {
		errors: [...errors, ...refused],
		notes:
			missing.length === 0 ? [] : [`not there yet, and labelled as soon as they are: namespaces ${missing.join(', ')}`],
	};
}

/** Removes our labels from all namespaces of a mesh. Returns the failures. */
export function releaseNamespaces(
	{ mesh, namespaces, writer, manager }: Omit<InjectionPlace, 'live'>,
	signal: AbortSignal,
): Promise<readonly unknown[]> {
	const of = { mesh, ...(manager === undefined ? {} : { manager }) };
	return releaseInjectionLabels(writer, of, namespaces, signal);
}
