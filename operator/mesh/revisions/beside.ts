/**
 * The revisions that stand beside those that the spec, or a change of version, is about: each goes on as its recorded settings
 * render it, until nobody uses it. What all revisions share is not theirs.
 */
import { isObject } from '../../../api/v1/index.ts';
import type { LiveObjects } from '../../apply/live.ts';
import type { RevisionSupport } from '../../lines/index.ts';
import type { RevisionStatus } from '../../plan/revisions/list.ts';
import type { KubeObject, ObjectName } from '../../runtime/object.ts';
import { objectKey } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import { earliest, type OwnViewOptions, secretsOf, viewHere } from '../own-view.ts';
import type { PreparedMesh } from '../prepare.ts';
import { type PrepareOnceOptions, prepareOnce } from '../prepare-once.ts';
import { emptySide, type Side } from '../side.ts';
import type { MeshView } from '../view.ts';
import type { BesideMemory } from './beside-memory.ts';

export interface Beside {
	readonly entry: RevisionStatus;
	/** Undefined when nobody can render it: then it is left as it stands. */
	readonly prepared: PreparedMesh | undefined;
	readonly side: Side;
}

/** The revisions to keep beside. Those that go are left out, and so is what is about to come for the first time. */
export function besidesOf(
	object: StoredInstallation,
	led: ReadonlySet<string>,
	memory: BesideMemory,
	options: PrepareOnceOptions,
): readonly Beside[] {
	const entries = (object.status?.revisions ?? []).filter(
		({ name, state }) => state === 'Standing' || (state !== 'Going' && !led.has(name)),
	);
	for (const name of memory.sides.keys()) if (!entries.some((entry) => entry.name === name)) memory.sides.delete(name);
	return entries.map((entry) => {
		const side = memory.sides.get(entry.name) ?? emptySide();
		memory.sides.set(entry.name, side);
		const spec = specOf(object, entry);
		const prepared = spec === undefined ? undefined : prepareOnce({ ...object, spec }, side, options);
		return { entry, prepared: prepared?.ok === true ? prepared : undefined, side };
	});
}

/** Clusters and tags are no settings of a revision: they are as the present spec has them. */
export function besideSpec({ spec }: StoredInstallation): Readonly<Record<string, unknown>> {
	const { multiCluster, upgrade } = isObject(spec) ? spec : {};
	const tags = isObject(upgrade) ? upgrade.tags : undefined;
	return {
		...(multiCluster === undefined ? {} : { multiCluster }),
		...(tags === undefined ? {} : { upgrade: { tags } }),
	};
}

function specOf(object: StoredInstallation, { spec, version }: RevisionStatus): object | undefined {
	try {
		const settings: unknown = JSON.parse(spec ?? '');
		return isObject(settings) ? { ...settings, ...besideSpec(object), version } : undefined;
	} catch {
		return undefined;
	}
}

export function secretsOfBesides(
	besides: readonly Beside[],
	options: Pick<OwnViewOptions, 'lines'>,
): readonly ObjectName[] {
	return besides.flatMap(({ prepared }) => (prepared === undefined ? [] : secretsOf(prepared, options)));
}

/** Looks at the revisions beside. */
export async function viewBesides(
	object: StoredInstallation,
	besides: readonly Beside[],
	secrets: readonly ObjectName[],
	options: OwnViewOptions,
	signal: AbortSignal,
): Promise<readonly (Beside & { readonly view: MeshView })[]> {
	const shared = { secrets, certificates: new Map() };
	const views: (Beside & { readonly view: MeshView })[] = [];
	for (const beside of besides) {
		if (beside.prepared === undefined) continue;
		views.push({ ...beside, view: await viewHere(object, beside.prepared, beside.side, options, shared, signal) });
	}
	return views;
}

export interface UniteContext {
	readonly support: RevisionSupport;
	/** Where those who name no revision go now. Undefined: to the one without a name. */
	readonly defaultTo: string | undefined;
	/** Whether the webhooks of those who name none are just being changed: then both revisions are asked for a moment. */
	readonly isMoving: boolean;
	readonly live: Pick<LiveObjects, 'get'>;
}

export interface UnitedView extends MeshView {
	/** The version of what stands beside, by key. */
	readonly besideVersions: ReadonlyMap<string, string>;
}

const authorityAwaited = (name: string) =>
	`waiting for istiod to write its authority into MutatingWebhookConfiguration ${name}, before API servers ask it`;

/** All revisions as one list of objects. It is the same list as before while nothing differs. */
export function unite<View extends MeshView>(
	main: View,
	besides: readonly { readonly prepared: PreparedMesh | undefined; readonly view: MeshView }[],
	context: UniteContext,
	memory: BesideMemory,
): View & UnitedView {
	const { support, live } = context;
	const known = new Set(main.objects.map(objectKey));
	const own = besides.map(({ prepared, view }) => ({
		view,
		version: prepared?.mesh.release.version ?? '',
		keys: new Set(
			view.objects.flatMap((object) => {
				const key = objectKey(object);
				return prepared !== undefined && support.isOwn(prepared.mesh, object) && !known.has(key) ? [key] : [];
			}),
		),
	}));
	const all = [
		...main.objects,
		...own.flatMap(({ view, keys }) => view.objects.filter((object) => keys.has(objectKey(object)))),
	];
	const tag = all.find((object) => support.isDefaultTag(object));
	const tagLive = tag === undefined ? undefined : live.get(objectKey(tag));
	const isTagReady = tagLive !== undefined && tagLive.awaitsAuthority !== true;
	const isTagAsked =
		tagLive !== undefined &&
		tagLive.isWithdrawn !== true &&
		tagLive.revision === context.defaultTo &&
		!context.isMoving;
	const withdraws = (object: KubeObject): boolean =>
		(object === tag && !isTagReady) || (context.defaultTo !== undefined && isTagAsked && support.isUnnamed(object));
	const marks = all.map(withdraws);
	const parts = [
		main.objects,
		...own.map(({ view }) => view.objects),
		JSON.stringify(marks),
		...own.map(({ keys }) => [...keys].join()),
	];
	const isSame =
		memory.united?.parts.length === parts.length && memory.united.parts.every((part, index) => part === parts[index]);
	const objects =
		isSame && memory.united !== undefined
			? memory.united.objects
			: Object.freeze(all.map((object, index) => (marks[index] === true ? support.withdrawn(object) : object)));
	memory.united = { parts, objects };
	const joined = (of: (view: MeshView) => ReadonlyMap<string, string>) =>
		new Map([...own.flatMap(({ view, keys }) => [...of(view)].filter(([key]) => keys.has(key))), ...of(main)]);
	const delayed = joined((view) => view.delayed);
	if (tag !== undefined && !isTagReady) delayed.set(objectKey(tag), authorityAwaited(tag.metadata.name));
	return {
		...main,
		objects,
		held: joined((view) => view.held),
		kept: joined((view) => view.kept),
		delayed,
		againInMs: earliest(main.againInMs, ...own.map(({ view }) => view.againInMs)),
		besideVersions: new Map(own.flatMap(({ keys, version }) => [...keys].map((key) => [key, version] as const))),
	};
}
