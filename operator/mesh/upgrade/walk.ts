/**
 * A change of version, as a pass walks it: which course it is on, both versions of the mesh as one list of objects, and the
 * step that follows from what became of them. What decides is in `plan/upgrade`.
 */
import { defaultRevision, timeText, upgradeDespiteAnnotation, upgradeStages } from '../../../api/v1/index.ts';
import type { LiveObjects } from '../../apply/live.ts';
import type { Lines } from '../../lines/index.ts';
import type { VersionProxies } from '../../plan/proxies/told.ts';
import { type Composition, compose, type Rendering } from '../../plan/upgrade/compose.ts';
import { type Course, findCourse, sourceOf } from '../../plan/upgrade/course.ts';
import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import { readInsistence } from '../../plan/upgrade/insist.ts';
import { formerSpec, settingsHash, settingsOf } from '../../plan/upgrade/settings.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import type { Memory } from '../memory.ts';
import { earliest, type OwnViewOptions, type SharedLook, secretsOf, viewHere } from '../own-view.ts';
import type { PreparedMesh } from '../prepare.ts';
import { type PrepareOnceOptions, prepareOnce } from '../prepare-once.ts';
import { besideSpec } from '../revisions/beside.ts';
import { revisionNameOf } from '../revisions/standing.ts';
import { emptySide } from '../side.ts';
import type { MeshView } from '../view.ts';
import { standingOf } from './standing.ts';
import { targetOnce } from './target.ts';

export interface Walk {
	readonly course: Course;
	/** Whether the record has to be stored before anything else. */
	readonly isNew: boolean;
	/** What forbids this course whatever the checks find. */
	readonly blockers: readonly UpgradeFinding[];
	/** The mesh of the version before. Undefined when it can't be told. */
	readonly old: PreparedMesh | undefined;
	/**
	 * The present settings as the version before takes them, where the mesh before can't be told. Only roles are taken from it:
	 * pods of the version before need rights, whatever their settings were.
	 */
	readonly likely: ResolvedMesh | undefined;
	/** The mesh of the new version. Undefined when it can't be told. */
	readonly next: PreparedMesh | undefined;
	/** Why the version before does not take the present settings, when nothing else is known to go back to. */
	readonly noTarget: string | undefined;
	/** The one of both that decides what is not rendered: labels of namespaces, clusters, what the status tells. */
	readonly leading: PreparedMesh;
}

/** Both versions of a mesh as one. */
export interface WalkView extends MeshView {
	readonly composition: Composition;
}

export interface FindWalkOptions extends PrepareOnceOptions {
	readonly live: Pick<LiveObjects, 'ofApplySet'>;
	/** What is known of the proxies of a version that ask this mesh. */
	readonly proxiesOf: (version: string) => VersionProxies;
}

/** Finds the change of version that goes on, or is to begin. Undefined when there is none. */
export function findWalk(
	object: StoredInstallation,
	prepared: PreparedMesh,
	memory: Memory,
	options: FindWalkOptions,
	nowMs: number,
): Walk | undefined {
	const { spec, status } = object;
	const { version } = prepared.installation.spec;
	const settings = settingsHash(spec);
	const { release } = prepared.mesh;
	const stageOf = (child: KubeObject) => options.lines.of(prepared.mesh).stageOf(child, { from: release, to: release });
	const hasRevisions = options.lines.of(prepared.mesh).revisions !== undefined;
	const active = (options.revisions ?? []).find(({ isActive }) => isActive)?.name ?? defaultRevision;
	const wanted = hasRevisions ? revisionNameOf(prepared.mesh) : active;
	// Another revision stands beside it, and no change of version leads there or from there.
	const ofApplySet = (partOf: string) =>
		options.live.ofApplySet(partOf).filter(({ revision = defaultRevision }) => !hasRevisions || revision === active);
	const { running, record: known } = standingOf(object, { ofApplySet }, stageOf, timeText(nowMs));
	const found = findCourse({
		record: known,
		running,
		version,
		settings,
		former: formerSpec(status?.inventory, running, spec),
		proxiesOf: options.proxiesOf,
		revision: wanted === active ? undefined : wanted,
		insisted: new Set(readInsistence(object.metadata.annotations?.[upgradeDespiteAnnotation])),
		now: timeText(nowMs),
	});
	if (found.kind === 'none') {
		memory.other = undefined;
		return undefined;
	}
	const { course, isNew, blockers } = found;
	const { record } = course;
	const otherSpec = otherSpecOf(object, course, version, settings);
	memory.other ??= emptySide(memory.present.view);
	const side = memory.other;
	const prepareOther = (spec: object) => prepareOnce({ ...object, spec }, side, options);
	const other = otherSpec === undefined ? undefined : prepareOther(otherSpec);
	const otherMesh = other?.ok === true ? other : undefined;
	const isUnknown = otherSpec === undefined && version !== record.from;
	const alone = isUnknown ? { ...object, spec: versionAlone(object, record.from) } : undefined;
	const target = alone === undefined ? other : prepareOther(alone.spec);
	const noTarget = target?.ok === false ? target.problems.map(({ message }) => message).join('; ') : undefined;
	const likely = alone === undefined || target === undefined ? undefined : targetOnce(alone, target, options);
	const [old, next] = version === record.from ? [prepared, otherMesh] : [otherMesh, prepared];
	const isBefore = course.direction === 'back' || course.at < 0;
	return { course, isNew, blockers, old, likely, next, noTarget, leading: isBefore ? (old ?? prepared) : prepared };
}

/** The spec of the version that the present spec does not name. Undefined when it can't be told. */
function otherSpecOf(
	object: StoredInstallation,
	{ record, direction }: Course,
	version: string,
	settings: string,
): object | undefined {
	// The owner has set the version back: the new version is wanted no more, only known as long as nothing else has changed.
	if (version === record.from) return record.settings === settings ? versionAlone(object, record.to) : undefined;
	if (record.previous !== undefined) return { ...record.previous, ...besideSpec(object) };
	// What is held stands as it is. Only who goes back needs something to go back to.
	return direction === 'back' ? versionAlone(object, record.from) : undefined;
}

/** The present settings with another version. */
function versionAlone(object: StoredInstallation, version: string): object {
	return { ...settingsOf(object.spec), ...besideSpec(object), version };
}

/** Looks at both versions of the mesh and composes them. */
export async function viewWalk(
	object: StoredInstallation,
	walk: Walk,
	memory: Memory,
	options: OwnViewOptions,
	/** Secrets that views of revisions beside look at. */
	secrets: SharedLook['secrets'],
	signal: AbortSignal,
): Promise<WalkView> {
	const { old, next } = walk;
	const other = memory.other ?? emptySide();
	const sideOf = (mesh: PreparedMesh) =>
		mesh.installation.spec.version === presentVersion(object) ? memory.present : other;
	const shared: SharedLook = {
		secrets: [...secrets, ...[old, next].flatMap((mesh) => (mesh === undefined ? [] : secretsOf(mesh, options)))],
		certificates: new Map(),
	};
	const view = (mesh: PreparedMesh | undefined) =>
		mesh === undefined ? undefined : viewHere(object, mesh, sideOf(mesh), options, shared, signal);
	const before = await view(old);
	const after = await view(next);
	const composition = composeOnce(walk, before, after, memory, options);
	const { objects, held, kept, delayed } = composition;
	return {
		composition,
		objects,
		gates: [],
		held,
		kept,
		delayed,
		againInMs: earliest(before?.againInMs, after?.againInMs),
	};
}

function presentVersion({ spec }: StoredInstallation): unknown {
	return (spec as { readonly version?: unknown }).version;
}

function composeOnce(
	{ course, old: oldMesh, likely, next: nextMesh }: Walk,
	old: MeshView | undefined,
	next: MeshView | undefined,
	memory: Memory,
	{ lines }: Pick<OwnViewOptions, 'lines'>,
): Composition {
	const sources = upgradeStages.map((stage) => sourceOf(course, stage)).join();
	const { composed } = memory.walk;
	const isSame =
		composed?.sources === sources &&
		composed.likely === likely &&
		isSameView(composed.old, old) &&
		isSameView(composed.next, next);
	const mesh = (nextMesh ?? oldMesh)?.mesh;
	if (mesh === undefined) return nothing;
	if (isSame && composed !== undefined) return composed.value;
	const releaseOf = (version: string) => lines.releases.find((release) => release.version === version) ?? mesh.release;
	const hop = { from: releaseOf(course.record.from), to: releaseOf(course.record.to) };
	const value = compose({
		old: renderingOf(oldMesh, old),
		next: renderingOf(nextMesh, next),
		rights: likely === undefined ? [] : rolesOf(likely, lines),
		stageOf: (object: KubeObject) => lines.of(mesh).stageOf(object, hop),
		sourceOf: (stage) => sourceOf(course, stage),
	});
	const known = composed?.value.objects;
	const isSameList =
		known?.length === value.objects.length && known.every((object, index) => object === value.objects[index]);
	const result = isSameList && known !== undefined ? { ...value, objects: known } : value;
	memory.walk.composed = { old, likely, next, sources, value: result };
	return result;
}

/** The roles of a mesh. Nothing of a cluster is in them, so stand-ins do. */
function rolesOf(mesh: ResolvedMesh, lines: Lines): readonly KubeObject[] {
	const rendered = lines.renderMesh(mesh, lines.of(mesh).standIns);
	return rendered.ok ? rendered.objects.filter(({ kind }) => kind.endsWith('Role')) : [];
}

const nothing: Composition = {
	objects: [],
	standing: [],
	versionOf: new Map(),
	stages: new Map(),
	held: new Map(),
	kept: new Map(),
	delayed: new Map(),
};

/** Gates come and go while the objects stay the same list. */
function isSameView(a: MeshView | undefined, b: MeshView | undefined): boolean {
	return a === b || (a !== undefined && b !== undefined && a.objects === b.objects && sameGates(a, b));
}

function sameGates(a: MeshView, b: MeshView): boolean {
	const text = ({ held, kept, delayed }: MeshView) => JSON.stringify([[...held], [...kept], [...delayed]]);
	return text(a) === text(b);
}

function renderingOf(mesh: PreparedMesh | undefined, view: MeshView | undefined): Rendering | undefined {
	if (mesh === undefined || view === undefined) return undefined;
	const { objects, held, kept, delayed } = view;
	return { version: mesh.mesh.release.version, objects, held, kept, delayed };
}
