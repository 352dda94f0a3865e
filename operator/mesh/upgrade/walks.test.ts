/**
 * Random walks: whatever owners, pods and crashes do in the middle of a change of version, no stage is skipped, nothing that is reached
 * is taken back without a cause, and as soon as all is well everything ends as rendered. Records, settings and both renderings
 * are the real ones; the cluster is a map.
 */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import {
	type ParsedStatus,
	type UpgradeStage,
	upgradeDespiteAnnotation,
	upgradeStages,
} from '../../../api/v1/index.ts';
import { type Child, toChild } from '../../apply/child.ts';
import { lines } from '../../lines/index.ts';
import type { VersionProxies } from '../../plan/proxies/told.ts';
import { advance, type Step } from '../../plan/upgrade/advance.ts';
import { type Composition, compose, type Rendering } from '../../plan/upgrade/compose.ts';
import { courseOf, sourceOf, whyNotBack, whyNotPilotBack } from '../../plan/upgrade/course.ts';
import { recordSettings, settingsHash } from '../../plan/upgrade/settings.ts';
import { installation } from '../../render/testing.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import { Memories, type Memory } from '../memory.ts';
import { type PreparedMesh, prepare } from '../prepare.ts';
import { findWalk, type Walk } from './walk.ts';

type Spec = Readonly<Record<string, unknown>>;

const settings = {
	first: { profile: 'default', gateways: { ingress: { enabled: true } } },
	traced: { profile: 'default', gateways: { ingress: { enabled: true } }, mesh: { tracing: { sampling: 50 } } },
	bare: { profile: 'minimal' },
} as const;

type Settings = keyof typeof settings;

/** The mesh of a spec. Rendered once. */
const meshes = new Map<string, { readonly prepared: PreparedMesh; readonly rendering: Rendering }>();

function meshOf(spec: object) {
	const { upgrade: _, ...rest } = spec as { readonly upgrade?: unknown };
	const key = JSON.stringify(rest);
	const known = meshes.get(key);
	if (known !== undefined) return known;
	const prepared = prepare(installation(rest), { lines });
	if (!prepared.ok) throw new Error(JSON.stringify(prepared.problems));
	const { mesh } = prepared;
	const none = new Map<string, string>();
	const objects = [...lines.renderCrds(mesh), ...lines.render(mesh, {})];
	const made = {
		prepared,
		rendering: { version: mesh.release.version, objects, held: none, kept: none, delayed: none },
	};
	meshes.set(key, made);
	return made;
}

function renderingOf(prepared: PreparedMesh | undefined): Rendering | undefined {
	return prepared === undefined ? undefined : meshOf({ ...prepared.installation.spec }).rendering;
}

function stageOf(object: KubeObject, { mesh }: PreparedMesh): UpgradeStage {
	return lines.of(mesh).stageOf(object, { from: mesh.release, to: mesh.release });
}

function must(holds: boolean, what: string): void {
	if (!holds) throw new Error(what);
}

const known: Readonly<Record<'none' | 'running' | 'unknown', VersionProxies>> = {
	none: { running: undefined, unknown: undefined },
	running: { running: '1 pod has a proxy of it', unknown: undefined },
	unknown: { running: undefined, unknown: 'they are not listed yet' },
};

interface Happening {
	readonly version: string;
	readonly settings: Settings;
	readonly onFailure: 'Hold' | 'Rollback';
	readonly insists: boolean;
	readonly approves: boolean;
	/** What is known of proxies of the newer version. */
	readonly proxies: 'none' | 'running' | 'unknown';
	/** A stage whose pods are not ready. */
	readonly unready: UpgradeStage | undefined;
	/** Whether the deadline is over. */
	readonly isLate: boolean;
	/** Whether the status is gone before the pass, and with it all that was recorded. */
	readonly losesStatus: boolean;
	/** Somebody else changes an object before the pass: the one with this number. */
	readonly drifts: number | undefined;
	/** Whether the process ends before it has written this many objects. */
	readonly diesAfter: number | undefined;
	/** Whether it ends before it has written the status. */
	readonly diesBeforeStatus: boolean;
}

/** A cluster with one mesh, and the passes over it. */
class World {
	/** What stands. */
	readonly cluster = new Map<string, KubeObject>();
	status: ParsedStatus = { observedGeneration: 1 };
	memory: Memory;
	spec: Spec = { version: '1.3.8', ...settings.first };
	settings: Settings = 'first';
	/** Whether the spec of the version before is recorded nowhere any more. */
	isForgotten = false;
	/** Settings that change on the way back are taken up at once by all that is back, as they are where no version changes. */
	isBackAnew = false;

	constructor() {
		this.memory = new Memories().of(this.object(false));
		this.pass(calm('1.3.8', 'first'));
	}

	object(insists: boolean): StoredInstallation {
		const base = installation(this.spec) as KubeObject;
		const annotations = insists ? { [upgradeDespiteAnnotation]: 'newer-proxies' } : {};
		return {
			...base,
			metadata: { ...base.metadata, uid: 'one', annotations },
			status: this.status,
		} as StoredInstallation;
	}

	/** What stands, as the caches have it: all of its pods run. */
	ofApplySet(): readonly Child[] {
		return [...this.cluster.values()].map((object) => {
			const { workload, ...child } = toChild(object);
			return workload === undefined ? child : { ...child, workload: { ...workload, isRolledOut: true } };
		});
	}

	/** The versions of the Deployments that stand. */
	get versions(): ReadonlyMap<string, string> {
		return new Map(
			[...this.cluster]
				.filter(([, { kind }]) => kind === 'Deployment')
				.map(([key, { metadata }]) => [key, metadata.labels?.['app.kubernetes.io/version'] ?? '']),
		);
	}

	/** One pass. Returns whether its process has lived through it. */
	pass(event: Happening): void {
		const approved = event.approves ? { approved: { version: event.version, stage: 'Workloads' } } : {};
		this.spec = {
			version: event.version,
			...settings[event.settings],
			upgrade: { onFailure: event.onFailure, pauseBefore: ['Gateways'], ...approved },
		};
		this.drift(event.drifts);
		if (event.losesStatus) {
			this.status = { observedGeneration: -1 };
			this.isForgotten = true;
			this.die();
		}
		const object = this.object(event.insists);
		const { prepared } = meshOf(this.spec);
		const asked: PreparedMesh = {
			...prepared,
			installation: { ...prepared.installation, spec: { ...prepared.installation.spec } },
		};
		const hadRecord = this.status.upgrade !== undefined;
		const before = this.status.upgrade;
		const walk = findWalk(
			object,
			asked,
			this.memory,
			{ lines, serverVersion: 'v1.36.0', live: this, proxiesOf: () => known[event.proxies] },
			0,
		);
		this.turns(before, walk, event);
		if (walk?.isNew === true) this.status = { ...this.status, upgrade: walk.course.record };
		if (walk === undefined) {
			this.steady(prepared, hadRecord, event);
			return;
		}
		const composition = compose({
			old: renderingOf(walk.old),
			next: renderingOf(walk.next),
			stageOf: (one) => stageOf(one, prepared),
			sourceOf: (stage) => sourceOf(walk.course, stage),
		});
		const isChanged = event.settings !== this.settings;
		this.settings = event.settings;
		const isBack = walk.course.direction === 'back' && !walk.isNew;
		this.isBackAnew = isBack && (this.isBackAnew || isChanged);
		const isWhole = this.write(composition.objects, event, walk);
		if (isWhole) this.keeps(walk, composition);
		if (!isWhole || event.diesBeforeStatus) this.die();
		else this.follow(walk, event, composition.stages);
		must(new Set(composition.objects.map(objectKey)).size === composition.objects.length, 'an object is there twice');
	}

	/** Nothing is walked: all is as the spec asks for, and what is no longer rendered goes. */
	steady({ installation: { spec }, mesh }: PreparedMesh, hadRecord: boolean, event: Happening): void {
		const isFirst = this.cluster.size === 0;
		for (const [key, version] of this.versions) {
			const isGoing = !meshOf(this.spec).rendering.objects.some((object) => objectKey(object) === key);
			must(isGoing || version === spec.version, `${key} of ${version} changes outside of all stages`);
		}
		const { objects } = meshOf(this.spec).rendering;
		if (!this.write(objects, event, undefined) || event.diesBeforeStatus) {
			this.die();
			return;
		}
		this.prune(objects);
		const { upgrade: _, ...rest } = this.status;
		this.status = {
			...rest,
			version: isFirst || hadRecord ? mesh.release.version : (rest.version ?? mesh.release.version),
			inventory: this.inventory(objects, spec.version),
		};
	}

	inventory(objects: readonly KubeObject[], version: string): NonNullable<ParsedStatus['inventory']> {
		this.isForgotten = false;
		const spec = recordSettings(this.spec) ?? '';
		return { objects: objects.length, hash: 'all', settings: settingsHash(this.spec), spec, version };
	}

	drift(which: number | undefined): void {
		const [key, object] = [...this.cluster][(which ?? 0) % Math.max(this.cluster.size, 1)] ?? [];
		if (which === undefined || key === undefined || object === undefined) return;
		this.cluster.set(key, { ...object, drifted: true });
	}

	/** Stages that are not reached are as the version before renders them, with the settings that it had. */
	keeps({ course, old }: Walk, { stages }: Composition): void {
		must(old !== undefined || this.isForgotten, 'the spec to go back to is forgotten');
		const former = new Map(renderingOf(old)?.objects.map((object) => [objectKey(object), object]));
		for (const [stage, keys] of stages) {
			if (sourceOf(course, stage) !== 'old') continue;
			for (const key of keys)
				must(!former.has(key) || isDeepStrictEqual(this.cluster.get(key), former.get(key)), `${key} is not repaired`);
		}
		if (course.record.state === 'RolledBack') this.prune([...former.values()]);
	}

	/** Writes what differs. Returns whether all of it was written. */
	write(objects: readonly KubeObject[], { diesAfter }: Happening, walk: Walk | undefined): boolean {
		let left = diesAfter ?? Number.POSITIVE_INFINITY;
		const changed = new Set<UpgradeStage>();
		for (const object of objects) {
			const key = objectKey(object);
			const standing = this.cluster.get(key);
			if (standing === object || JSON.stringify(standing) === JSON.stringify(object)) continue;
			if (left-- <= 0) return false;
			const [was, is] = [standing, object].map((one) => one?.metadata.labels?.['app.kubernetes.io/version']);
			if (object.kind === 'Deployment' && was !== undefined && was !== is)
				changed.add(stageOf(object, meshOf(this.spec).prepared));
			must(
				walk === undefined ||
					walk.course.at >= 0 ||
					walk.course.direction === 'back' ||
					was === undefined ||
					was === is ||
					(is === walk.course.record.from && this.isRestOf(walk.course, object)),
				`${key}: ${was} → ${is} before the first stage`,
			);
			this.cluster.set(key, object);
		}
		must(changed.size <= 1 || this.isBackAnew, `at once: ${[...changed].join()}`);
		return true;
	}

	/**
	 * Once the status is lost, nobody remembers whether a stage was on its way there or back. Where its Deployments and those of all later
	 * stages are of the version before, its other objects become so too. No Deployment changes by that.
	 */
	isRestOf(course: Walk['course'], object: KubeObject): boolean {
		const { prepared } = meshOf(this.spec);
		const indexOf = (one: KubeObject) => upgradeStages.indexOf(stageOf(one, prepared));
		const from = indexOf(object);
		const later = [...this.cluster.values()].filter((one) => one.kind === 'Deployment' && indexOf(one) >= from);
		const areBefore = later.every(
			({ metadata }) => metadata.labels?.['app.kubernetes.io/version'] === course.record.from,
		);
		return this.isForgotten && object.kind !== 'Deployment' && areBefore;
	}

	follow(walk: Walk, event: Happening, members: ReadonlyMap<UpgradeStage, readonly string[]>): void {
		const { course } = walk;
		const extent = Math.max(course.at, course.reached);
		const { record } = course;
		const proxies = known[event.proxies];
		const isFree = event.insists || whyNotBack(record, extent, () => proxies) === undefined;
		const step: Step = advance(course, this.spec.upgrade as object, {
			stages: upgradeStages.filter((stage) => members.has(stage)),
			unwritten: undefined,
			waitingFor: (stage) => (stage === event.unready ? 'pods' : undefined),
			trouble: undefined,
			quietMs: event.isLate ? 600_000 : 0,
			findings: walk.blockers.map(({ name }) => ({ name, severity: 'Blocker', message: name })),
			noWayBack: () => (isFree ? walk.noTarget : 'newer proxies'),
			againstPilotBack: () => (event.insists ? undefined : whyNotPilotBack(record, proxies)),
			nowMs: 0,
			now: '2026-12-05T02:00:00Z',
		});
		this.goesBack(course, step, event);
		const versions = new Set(this.versions.values());
		const [only] = versions;
		const { upgrade: _, ...rest } = this.status;
		const version = step.record === undefined ? event.version : versions.size === 1 ? only : rest.version;
		const inventory =
			step.record === undefined
				? this.inventory(meshOf(this.spec).rendering.objects, event.version)
				: { objects: 1, hash: 'middle' };
		const isBegun = Math.max(course.at, course.reached) >= 0;
		this.status = {
			...rest,
			...(isBegun || step.record === undefined ? { inventory } : {}),
			...(version === undefined ? {} : { version }),
			...(step.record === undefined ? {} : { upgrade: step.record }),
		};
		if (step.record !== undefined) return;
		const { objects } = meshOf(this.spec).rendering;
		for (const object of objects) if (object.kind === 'Deployment') this.is(objectKey(object), event.version);
		// The next pass comes at once.
		this.prune(objects);
	}

	/** The owner goes back where no newer proxy runs as far as is known, or insists. */
	turns(before: ParsedStatus['upgrade'], walk: Walk | undefined, { insists, proxies }: Happening): void {
		if (before === undefined || walk?.isNew !== true || walk.course.record.state !== 'RollingBack') return;
		const { direction, at, reached } = courseOf(before);
		if (direction === 'forward') this.mayTurn(Math.max(at, reached), insists, proxies);
	}

	mayTurn(extent: number, insists: boolean, proxies: Happening['proxies']): void {
		const isUnseen = proxies === 'none' || (proxies === 'unknown' && extent < upgradeStages.indexOf('Injector'));
		must(
			insists || isUnseen || extent < upgradeStages.indexOf('Pilot'),
			`${proxies}: back from ${upgradeStages[extent]}`,
		);
	}

	/** Neither does a stage turn back, nor Pilot go back at last, while newer proxies run. */
	goesBack({ direction, at, reached }: Walk['course'], { record }: Step, { insists, proxies }: Happening): void {
		if (record?.state !== 'RollingBack') return;
		if (direction === 'forward') this.mayTurn(Math.max(at, reached), insists, proxies);
		else if (record.stage === 'Pilot' && at > upgradeStages.indexOf('Pilot'))
			must(insists || proxies === 'none', `${proxies}: Pilot goes back`);
	}

	/** What is no longer rendered goes. */
	prune(objects: readonly KubeObject[]): void {
		const keys = new Set(objects.map(objectKey));
		for (const key of this.cluster.keys()) if (!keys.has(key)) this.cluster.delete(key);
	}

	/** The process ends. The next one remembers nothing. */
	die(): void {
		this.memory = new Memories().of(this.object(false));
	}

	/** Passes while all goes well, until nothing more is to be done. */
	settle(event: Happening): void {
		for (let passes = 0; passes < 60; passes++) {
			this.pass(event);
			const { upgrade } = this.status;
			if (upgrade === undefined || upgrade.state === 'RolledBack') break;
		}
		this.pass(event);
		const { upgrade } = this.status;
		const ended = upgrade?.state === 'RolledBack' ? upgrade.from : event.version;
		must(upgrade === undefined || upgrade.state === 'RolledBack', JSON.stringify({ ...upgrade, previous: undefined }));
		for (const key of this.versions.keys()) this.is(key, ended);
		const { objects } = meshOf(upgrade?.previous ?? this.spec).rendering;
		const text = (all: Iterable<KubeObject>) =>
			[...all].map((object) => `${objectKey(object)} ${JSON.stringify(object)}`).sort();
		must(isDeepStrictEqual(text(this.cluster.values()), text(objects)), 'not as rendered');
	}

	is(key: string, version: string): void {
		const found = this.versions.get(key);
		must(found === version, `${key} is of ${found}, not of ${version}`);
	}
}

function calm(version: string, name: Settings): Happening {
	return {
		version,
		settings: name,
		onFailure: 'Hold',
		insists: true,
		approves: true,
		proxies: 'none',
		unready: undefined,
		isLate: false,
		losesStatus: false,
		drifts: undefined,
		diesAfter: undefined,
		diesBeforeStatus: false,
	};
}

/** An owner keeps a spec for some passes. */
const phase = fc.record({
	version: fc.constantFrom('1.3.8', '1.4.10', '1.4.10', '1.4.10', '1.2.10'),
	settings: fc.constantFrom<Settings>('first', 'first', 'first', 'traced', 'bare'),
	onFailure: fc.constantFrom('Hold' as const, 'Rollback' as const),
	insists: fc.boolean(),
	approves: fc.boolean(),
	passes: fc.array(
		fc.record({
			unready: fc.option(fc.constantFrom(...upgradeStages), { nil: undefined, freq: 1 }),
			isLate: fc.boolean(),
			proxies: fc.constantFrom<Happening['proxies']>('none', 'none', 'running', 'unknown'),
			losesStatus: fc.constantFrom(...Array.from({ length: 20 }, () => false), true),
			drifts: fc.option(fc.nat(200), { nil: undefined, freq: 2 }),
			diesAfter: fc.option(fc.nat(6), { nil: undefined, freq: 3 }),
			diesBeforeStatus: fc.constantFrom(false, false, false, true),
		}),
		{ minLength: 1, maxLength: 12 },
	),
});

test('whatever happens, stage by stage, and at the end as rendered', (t) => {
	fc.assert(
		fc.property(fc.array(phase, { minLength: 1, maxLength: 6 }), (phases) => {
			const world = new World();
			for (const { passes, ...owner } of phases) for (const one of passes) world.pass({ ...owner, ...one });
			const last = phases.at(-1);
			world.settle(calm(last?.version ?? '1.3.8', last?.settings ?? 'first'));
		}),
		{ numRuns: 60, includeErrorInReport: true },
	);
	t.pass();
});
