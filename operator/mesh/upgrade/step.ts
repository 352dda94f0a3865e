/** From what a pass has done and seen to the next step of a change of version. */
import {
	type ClusterObservation,
	definedFields,
	timeText,
	type UpgradeStage,
	upgradeDespiteAnnotation,
	upgradeStages,
} from '../../../api/v1/index.ts';
import type { ApplyResult } from '../../apply/applier.ts';
import type { InstallationMemory } from '../../apply/installation-memory.ts';
import type { LiveObjects } from '../../apply/live.ts';
import type { VersionProxies } from '../../plan/proxies/told.ts';
import { advance, deadlineMsOf, type StagesSeen, type Step, type Trouble } from '../../plan/upgrade/advance.ts';
import {
	type Course,
	sourceOf,
	stageIndex,
	type UpgradeRecord,
	whyNotBack,
	whyNotPilotBack,
	withInsisted,
} from '../../plan/upgrade/course.ts';
import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import { alsoInsisted, describeFinding, findingsForStatus, judge, readInsistence } from '../../plan/upgrade/insist.ts';
import { type PodsKnown, unreadyBecause } from '../../plan/upgrade/readiness.ts';
import { isWorkload } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectKey } from '../../runtime/object.ts';
import type { Finding } from '../../status/finding.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PodsSeen } from '../pods.ts';
import type { PreparedMesh } from '../prepare.ts';
import type { RestartsSeen } from '../proxies/restart-step.ts';
import type { UpgradeChecks } from './checks.ts';
import { dataPlanesNow, dataPlanesOf } from './data-planes.ts';
import { looked, type Progress, type ProgressLook, recordedProgress } from './progress.ts';
import { rejected, remarkOf, type StageWord, type WordInput, waitingForWord, wordOf } from './stage-word.ts';
import type { Walk, WalkView } from './walk.ts';
import type { WalkMemory } from './walk-memory.ts';

/** A stage that goes on is looked at again after at most this time, since some waits end without an event. */
const longestPauseMs = 15_000;

export interface StepInput extends WordInput {
	readonly object: StoredInstallation;
	/** What the present spec asks for. */
	readonly prepared: PreparedMesh;
	readonly walk: Walk;
	readonly view: WalkView;
	readonly applied: ApplyResult;
	/** What keeps objects from being written. */
	readonly findings: readonly Finding[];
	readonly live: Pick<LiveObjects, 'get'>;
	readonly pods: PodsSeen | undefined;
	/** What is seen of the joined clusters. */
	readonly clusters: readonly ClusterObservation[];
	/** How far restarts of workloads are. Undefined when the spec does not ask for any. */
	readonly restarts: RestartsSeen | undefined;
	readonly memory: { readonly apply: InstallationMemory; readonly walk: WalkMemory };
	readonly checks: UpgradeChecks;
	/**
	 * What is known of the proxies of a version that ask this mesh.
	 * @param isNow joined clusters are looked at again where the last look is some time ago
	 */
	readonly proxiesOf: (version: string, isNow?: boolean) => VersionProxies;
	/** Wall clock, milliseconds since 1970. */
	readonly nowMs: number;
	/** Monotonic, milliseconds. */
	readonly ticksMs: number;
}

/** The next step. */
export function nextStep(input: StepInput): Step {
	const { prepared, walk, view, applied, findings, live, pods, restarts, nowMs } = input;
	const { course } = walk;
	const names = dataPlanesOf(walk.leading.mesh);
	const hasStage = (one: UpgradeStage) =>
		view.composition.stages.has(one) ||
		(one === 'DataPlanes' && names.length > 0) ||
		(one === 'Workloads' && restarts !== undefined);
	const stages = upgradeStages.filter(hasStage);
	const { from, to, dataPlanes = [] } = course.record;
	const there =
		course.direction === 'forward'
			? dataPlanesNow(names, dataPlanes, input.clusters, to)
			: dataPlanesNow(names, names, input.clusters, from);
	const workloads = new Map(stages.map((stage) => [stage, workloadsOf(stage, view.objects, view)]));
	const isReached = (stage: UpgradeStage) =>
		sourceOf(course, stage) === (course.direction === 'forward' ? 'new' : 'old');
	const known = podsKnown(pods);
	// On the way back workloads keep the proxies that they have.
	const unrestarted = course.direction === 'forward' ? restarts?.waitingFor : undefined;
	const waitingFor = (stage: UpgradeStage) => {
		if (stage === 'DataPlanes') return there.waitingFor;
		return stage === 'Workloads' ? unrestarted : (waitingHere(stage) ?? delayedIn(stage) ?? ofWord(stage));
	};
	// Of a revision beside, webhooks take over from others only as they are rendered.
	const delayedIn = (stage: UpgradeStage) =>
		course.record.revision === undefined
			? undefined
			: view.composition.stages.get(stage)?.flatMap((key) => view.delayed.get(key) ?? [])[0];
	const ofWord = (stage: UpgradeStage) => (stage === word?.stage ? waitingForWord(word) : undefined);
	const waitingHere = (stage: UpgradeStage) =>
		(workloads.get(stage) ?? [])
			.flatMap((object) => {
				const key = objectKey(object);
				const generation = input.memory.apply.applied.get(key)?.generation;
				return unreadyBecause(live.get(key), object, generation, known, nowMs) ?? [];
			})
			.join('; ') || undefined;
	const notWritten = unwritten(applied, findings);
	const current = upgradeStages[course.at];
	const isReady = notWritten === undefined && current !== undefined && waitingHere(current) === undefined;
	const word = isReady ? wordOf(input, current) : undefined;
	const reached = stages.filter(isReached).flatMap((stage) => workloads.get(stage) ?? []);
	const look = lookAt(reached, input, [applied.objects, dataPlanes, there]);
	const progress = progressOf(names, look, input);
	const seen: StagesSeen = {
		stages,
		unwritten: notWritten,
		waitingFor,
		remark: (stage) =>
			known.kind === 'refused' && (workloads.get(stage) ?? []).length > 0
				? 'the operator may not list and watch the pods of this namespace, so it goes by what the Deployments say'
				: remarkOf(input, stage, word),
		trouble: troubleOf(reached, live, pods, findings) ?? restartTrouble(input) ?? rejected(word),
		quietMs: progress === 'unknown' ? 0 : (progress?.quietMs ?? 0),
		findings: findingsOf(input, word),
		noWayBack: () => noWayBack(input),
		againstPilotBack: () => againstPilotBack(input),
		nowMs,
		now: timeText(nowMs),
	};
	const advanced = advance(course, prepared.installation.spec.upgrade ?? {}, seen);
	const turned = withTurn(course, withInsistedWay(input, advanced), there.next);
	const step = { ...turned, record: withProgress(turned.record, progress, look) };
	const state = step.record?.state;
	// What keeps it from going back may end without an event: a list of pods that is there at last.
	const mayTurn =
		walk.blockers.length > 0 || (state === 'Held' && prepared.installation.spec.upgrade?.onFailure === 'Rollback');
	const isGoing = state === 'Progressing' || state === 'RollingBack' || mayTurn;
	const againInMs = isGoing ? Math.min(step.againInMs ?? longestPauseMs, longestPauseMs) : step.againInMs;
	return { ...step, againInMs: step.isFurther || step.record === undefined ? 0 : againInMs };
}

/** Tells of a way back that begins although something forbids it: its owner insists. */
function withInsistedWay({ walk, proxiesOf }: StepInput, step: Step): Step {
	const { record, direction, at, reached } = walk.course;
	if (direction === 'back' || step.record?.state !== 'RollingBack') return step;
	return { ...step, record: withInsisted(step.record, whyNotBack(record, Math.max(at, reached), proxiesOf)) };
}

/** Lets the next cluster have its turn. It gets the new version when that is recorded. */
function withTurn({ record: { dataPlanes = [] }, direction, at }: Course, step: Step, next: string | undefined): Step {
	const isTurn = direction === 'forward' && at === stageIndex('DataPlanes') && step.record?.stage === 'DataPlanes';
	if (!isTurn || step.record === undefined || next === undefined) return step;
	const record = {
		...step.record,
		dataPlanes: [...dataPlanes, next],
		waitingFor: `cluster ${next} gets the new version`,
	};
	return { ...step, record, isFurther: true };
}

function podsKnown(pods: PodsSeen | undefined): PodsKnown {
	if (pods === undefined) return { kind: 'unknown' };
	if (pods.isRefused) return { kind: 'refused' };
	// One answer for all of them: either the list is there, or it is not.
	return pods.podsOf('') === undefined
		? { kind: 'unknown' }
		: { kind: 'seen', of: (workload) => pods.podsOf(workload) ?? [] };
}

function workloadsOf(stage: UpgradeStage, objects: readonly KubeObject[], { composition }: WalkView) {
	const keys = new Set(composition.stages.get(stage) ?? []);
	return objects.filter((object) => isWorkload(object) && keys.has(objectKey(object)));
}

function unwritten({ hash, gate, errors }: ApplyResult, findings: readonly Finding[]): string | undefined {
	if (hash !== undefined && errors.length === 0) return undefined;
	return findings[0]?.message ?? gate ?? 'not everything is written yet';
}

/** What is wrong with the reached stages: with their pods, or with writing them. */
function troubleOf(
	reached: readonly KubeObject[],
	live: Pick<LiveObjects, 'get'>,
	pods: PodsSeen | undefined,
	findings: readonly Finding[],
): Trouble | undefined {
	const [finding] = findings;
	if (finding !== undefined) return { reason: finding.reason, message: finding.message };
	return reached.flatMap((object): readonly Trouble[] => {
		const {
			kind,
			metadata: { name },
		} = object;
		const workload = live.get(objectKey(object))?.workload;
		if (workload === undefined) return [];
		const { podsRefused, desired, available, updated } = workload;
		if (podsRefused !== undefined)
			return [{ reason: 'PodsRefused', message: `${kind} ${name}: the cluster makes no more pods: ${podsRefused}` }];
		const trouble =
			available < desired || updated < desired || workload.total > updated ? pods?.troubleOf(name) : undefined;
		return trouble === undefined ? [] : [{ reason: trouble.reason, message: `${kind} ${name}: ${trouble.message}` }];
	})[0];
}

function restartTrouble({ restarts }: StepInput): Trouble | undefined {
	return restarts?.failed === undefined ? undefined : { reason: 'RestartFailed', message: restarts.failed };
}

/** A look at how far the reached stages are. */
function lookAt(
	reached: readonly KubeObject[],
	{ prepared, live, walk, restarts, nowMs, ticksMs }: StepInput,
	others: unknown,
): ProgressLook {
	const { record, direction } = walk.course;
	const numbers = [
		record.stage,
		direction,
		record.settings,
		others,
		restarts?.numbers,
		...reached.map((object) => {
			const { generation, observedGeneration, updated, available, total, ready } =
				live.get(objectKey(object))?.workload ?? {};
			return [generation, observedGeneration, updated, available, total, ready];
		}),
	];
	return { numbers, record, deadlineMs: deadlineMsOf(prepared.installation.spec.upgrade ?? {}), nowMs, ticksMs };
}

/**
 * The progress of the stage. Undefined while it is as it should be that nothing happens, `unknown` until each cluster has been
 * looked at.
 */
function progressOf(names: readonly string[], look: ProgressLook, input: StepInput): Progress | 'unknown' | undefined {
	const { clusters, memory, restarts } = input;
	if (names.some((name) => !clusters.some((one) => one.name === name))) return 'unknown';
	// Restarts may wait for a maintenance window.
	memory.walk.progress = restarts?.isPatient === true ? undefined : looked(memory.walk.progress, look);
	return memory.walk.progress;
}

/** The record with the progress of its stage. The next one begins without, and what goes on no more keeps what it had. */
function withProgress(
	record: UpgradeRecord | undefined,
	progress: Progress | 'unknown' | undefined,
	look: ProgressLook,
): UpgradeRecord | undefined {
	if (record === undefined) return undefined;
	const { progress: _, ...rest } = record;
	const isSame = record.stage === look.record.stage && isBack(record) === isBack(look.record);
	const isGoing = record.state === 'Progressing' || record.state === 'RollingBack';
	if (isSame && (!isGoing || progress === 'unknown')) return record;
	if (!isSame || progress === undefined || progress === 'unknown') return rest;
	return { ...rest, ...definedFields({ progress: recordedProgress(progress, look) }) };
}

function isBack({ state }: UpgradeRecord): boolean {
	return state === 'RollingBack' || state === 'RolledBack';
}

/** What the checks have found, as it is told. What is known stands once the first stage has begun. */
function findingsOf(input: StepInput, word: StageWord | undefined): NonNullable<UpgradeRecord['findings']> | undefined {
	const { object, walk, checks } = input;
	const { findings = [] } = walk.course.record;
	const told = (found: readonly UpgradeFinding[]) => findingsForStatus(judge(found, annotationOf(object)));
	if (walk.blockers.length > 0) return told(walk.blockers);
	if (word?.blocker !== undefined && word.isInsisted) return [...alsoInsisted(findings, word.blocker)];
	const found = lookBefore(object, walk, checks);
	if (found === undefined) return findings;
	return found === 'looking' ? undefined : told(found);
}

/**
 * What the checks before the first stage have found. The first call begins them. They read alone, so that they may look while
 * the record is being stored. Undefined when no first stage is ahead.
 */
export function lookBefore(
	object: StoredInstallation,
	{ course, old, next, blockers }: Walk,
	checks: UpgradeChecks,
): ReturnType<UpgradeChecks['of']> | undefined {
	const { from, to } = course.record;
	if (blockers.length > 0 || course.at >= 0 || course.direction === 'back' || next === undefined) return undefined;
	return checks.of(object, { from, to, former: old, next });
}

/** Why a failed stage can't be rolled back. */
function noWayBack({ object, walk, proxiesOf }: StepInput): string | undefined {
	const { course, noTarget } = walk;
	const blocker = whyNotBack(course.record, Math.max(course.at, course.reached), proxiesOf);
	if (blocker !== undefined && judge([blocker], annotationOf(object)).isBlocked)
		return `${describeFinding(blocker)} Whoever insists annotates the MeshInstallation with ${upgradeDespiteAnnotation}: "${blocker.name}"`;
	return noTarget === undefined ? undefined : `${course.record.from} does not take the settings: ${noTarget}`;
}

/** Proxies that came while the later stages went back. The injector of the version before makes no more of them. */
function againstPilotBack({ object, walk, proxiesOf }: StepInput): string | undefined {
	const { record } = walk.course;
	// Proxies that another revision made go on asking it.
	if (record.revision !== undefined || readInsistence(annotationOf(object)).includes('newer-proxies')) return undefined;
	return whyNotPilotBack(record, proxiesOf(record.to, true));
}

function annotationOf({ metadata }: StoredInstallation): string | undefined {
	return metadata.annotations?.[upgradeDespiteAnnotation];
}
