/** The revisions beside those that a pass is about: what it looks at of them, and what it tells of all. */
import { defaultRevision, tryDuration } from '../../../api/v1/index.ts';
import type { RevisionSupport } from '../../lines/index.ts';
import { type Listed, listRevisions } from '../../plan/revisions/list.ts';
import { usageOf } from '../../plan/revisions/usage.ts';
import type { Step } from '../../plan/upgrade/advance.ts';
import { sourceOf, stageIndex } from '../../plan/upgrade/course.ts';
import { applySetId } from '../../render/index.ts';
import { type ObjectName, objectKey } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import type { Memory } from '../memory.ts';
import { earliest } from '../own-view.ts';
import type { PreparedMesh } from '../prepare.ts';
import type { PrepareOnceOptions } from '../prepare-once.ts';
import type { ReconcilerOptions } from '../reconciler-options.ts';
import type { Walk } from '../upgrade/walk.ts';
import type { MeshView } from '../view.ts';
import { type Beside, besidesOf, secretsOfBesides, type UnitedView, unite, viewBesides } from './beside.ts';
import { ledRevisions } from './led.ts';
import { movesOf, whyMoveWaits, whyRemovalWaits } from './moves.ts';
import type { Heard } from './revision-answers.ts';

/** How long a revision that nobody uses stays, when the spec does not say it. */
const defaultGraceMs = 30 * 60_000;

/** The stage in which the webhooks of those who name no revision change. */
const webhooksStage = 'Webhooks';

export class SideBySide {
	readonly #object: StoredInstallation;
	readonly #prepared: PreparedMesh;
	readonly #walk: Walk | undefined;
	readonly #memory: Memory;
	readonly #options: ReconcilerOptions;
	readonly #besides: readonly Beside[];
	#versions: ReadonlyMap<string, string> = new Map();

	constructor(
		object: StoredInstallation,
		prepared: PreparedMesh,
		walk: Walk | undefined,
		memory: Memory,
		prepareOptions: PrepareOnceOptions,
		options: ReconcilerOptions,
	) {
		this.#object = object;
		this.#prepared = prepared;
		this.#walk = walk;
		this.#memory = memory;
		this.#options = options;
		const led = new Set(ledRevisions(object, prepared, walk, false, undefined).map(({ name }) => name));
		this.#besides = besidesOf(object, led, memory.beside, prepareOptions);
	}

	/** Secrets that revisions beside look at. */
	get secrets(): readonly ObjectName[] {
		return secretsOfBesides(this.#besides, this.#options);
	}

	/** Names of the revisions beside. */
	get names(): ReadonlySet<string> {
		return new Set(this.#besides.map(({ entry }) => entry.name));
	}

	/** Whether one of them can't be rendered: then nothing goes, since nobody can tell what is its. */
	get isPartial(): boolean {
		return this.#besides.some(({ prepared }) => prepared === undefined);
	}

	/** The version of an object of a revision beside. */
	versionOf(key: string): string | undefined {
		return this.#versions.get(key);
	}

	/** A view of what the pass is about, with all that stands beside. A webhook leads to another revision only when that answers. */
	async with<View extends MeshView>(view: View, signal: AbortSignal): Promise<View> {
		const united = await this.#unite(view, signal);
		const { lines, applier } = this.#options;
		const support = lines.of(this.#prepared.mesh).revisions;
		if (support === undefined) return united;
		const hasOthers = this.#besides.length > 0 || this.#walk?.course.record.revision !== undefined;
		const moves = movesOf(united, support, applier.live, hasOthers);
		const waiting = [...moves].flatMap(([revision, webhooks]) => {
			const heard = this.#ask(revision, support);
			const sentence = whyMoveWaits(revision, webhooks, heard);
			return sentence === undefined ? [] : webhooks.map((webhook) => ({ key: objectKey(webhook), sentence, heard }));
		});
		if (waiting.length === 0) return united;
		return {
			...united,
			held: new Map([...united.held, ...waiting.map(({ key, sentence }) => [key, sentence] as const)]),
			againInMs: earliest(united.againInMs, ...waiting.map(({ heard }) => againInMsOf(heard))),
		};
	}

	#ask(revision: string, support: RevisionSupport): Heard {
		const { revisionAnswers, applier } = this.#options;
		const { mesh } = this.#prepared;
		return revisionAnswers.of(
			mesh.name,
			revision,
			support.questions(mesh, revision, (key) => applier.live.get(key)),
		);
	}

	async #unite<View extends MeshView>(view: View, signal: AbortSignal): Promise<View> {
		const { lines, applier } = this.#options;
		const { mesh } = this.#prepared;
		const support = lines.of(mesh).revisions;
		const hasTag = support !== undefined && view.objects.some((object) => support.isDefaultTag(object));
		if (support === undefined || (this.#besides.length === 0 && !hasTag)) return view;
		const views = await viewBesides(this.#object, this.#besides, this.#ownSecrets(), this.#options, signal);
		const context = { support, defaultTo: this.#defaultTo(), isMoving: this.#isMoving(), live: applier.live };
		const united: View & UnitedView = unite(view, views, context, this.#memory.beside);
		this.#versions = united.besideVersions;
		return united;
	}

	/** What is told of all revisions after a pass. Undefined while there is but one without a name. */
	listed(isWhole: boolean, step: Step | undefined): Listed | undefined {
		const { lines, applier, namespaces, proxies, wallClock } = this.#options;
		const { mesh, installation } = this.#prepared;
		const support = lines.of(mesh).revisions;
		const object = this.#object;
		const led = ledRevisions(object, this.#prepared, this.#walk, isWhole, step);
		const previous = object.status?.revisions ?? [];
		if (support === undefined || (previous.length === 0 && led.every(({ name }) => name === defaultRevision)))
			return undefined;
		const tags = support.tagsOf(mesh);
		const using = proxies.users(object, mesh);
		const names = [...new Set([...led, ...previous].map(({ name }) => name))];
		const usage =
			using.proxies === undefined && using.unknown === undefined
				? undefined
				: usageOf({
						revisions: names,
						tags,
						namespaces: namespaces.labels(),
						proxies: using.proxies ?? [],
					});
		const { inactiveRevisionGracePeriod: grace, tags: named = [] } = installation.spec.upgrade ?? {};
		const children = applier.live.ofApplySet(applySetId(mesh.name));
		const placeOf = (name: string) => ({
			namespace: mesh.namespace,
			...(name === defaultRevision ? {} : { revision: name }),
		});
		const tagged = new Set(named.flatMap(({ revision }) => revision ?? []));
		const successors = new Set([...led.map(({ name }) => name), ...tags.values()]);
		let askedAgainInMs: number | undefined;
		const list = listRevisions({
			previous,
			led,
			// Nobody comes back to one that is gone.
			mayNotGo: () =>
				[...successors].flatMap((name) => {
					const heard = this.#ask(name, support);
					askedAgainInMs = earliest(askedAgainInMs, againInMsOf(heard));
					return whyRemovalWaits(name, heard) ?? [];
				})[0],
			dropped: new Set(droppedBy(step)),
			stands: (name) => children.some((child) => support.isOwn(placeOf(name), child)),
			tagged,
			usage,
			unknown: using.unknown,
			graceMs: grace === undefined ? defaultGraceMs : (tryDuration(grace) ?? defaultGraceMs),
			nowMs: wallClock(),
		});
		return { ...list, againInMs: earliest(list.againInMs, askedAgainInMs) };
	}

	#ownSecrets(): readonly ObjectName[] {
		const { lines } = this.#options;
		const meshes = [
			this.#prepared,
			this.#walk?.old,
			this.#walk?.next,
			...this.#besides.map(({ prepared }) => prepared),
		];
		return meshes.flatMap((one) =>
			one === undefined
				? []
				: lines
						.of(one.mesh)
						.sees(one.mesh)
						.secrets.map((name) => ({ namespace: one.mesh.namespace, name })),
		);
	}

	#defaultTo(): string | undefined {
		const { mesh } = this.#prepared;
		const { old, next, course } = this.#walk ?? {};
		const leads = course === undefined ? mesh : (sourceOf(course, webhooksStage) === 'new' ? next : old)?.mesh;
		return this.#options.lines.of(mesh).revisions?.defaultOf(leads ?? mesh);
	}

	#isMoving(): boolean {
		return this.#walk?.course.at === stageIndex(webhooksStage);
	}
}

function againInMsOf(heard: Heard): number | undefined {
	return heard.kind === 'against' ? heard.againInMs : undefined;
}

/** The revision of a change of version that was rolled back. */
function droppedBy(step: Step | undefined): readonly string[] {
	const { state, revision } = step?.record ?? {};
	return state === 'RolledBack' && revision !== undefined ? [revision] : [];
}
