/**
 * The next step of a course: whether its stage is over, what it waits for, and what becomes of one that does not get on.
 * Pure.
 */
import { definedFields, timeText, tryDuration, type UpgradeStage, upgradeStages } from '../../../api/v1/index.ts';
import { type Course, courseOf, stageIndex, turnedBack, type UpgradeRecord } from './course.ts';
import { triedHash } from './settings.ts';
import { windowsAt } from './windows.ts';

type Windows = NonNullable<Parameters<typeof windowsAt>[0]>;

/** `spec.upgrade`, as far as stages ask for it. */
export interface StageSettings {
	readonly progressDeadline?: string | undefined;
	readonly onFailure?: 'Hold' | 'Rollback' | undefined;
	readonly pauseBefore?: readonly UpgradeStage[] | undefined;
	readonly approved?: { readonly version?: string | undefined; readonly stage?: UpgradeStage | undefined } | undefined;
	readonly windows?: Windows | undefined;
}

/** Why a stage does not get on, in the words of a condition. */
export interface Trouble {
	/** CamelCase word of `api/v1/reasons.ts`. */
	readonly reason: string;
	readonly message: string;
}

/** What a pass has found out about the stages. */
export interface StagesSeen {
	/** The stages in which this mesh has something to do, in order. */
	readonly stages: readonly UpgradeStage[];
	/** Why not everything stands as this course renders it. Undefined when it does. */
	readonly unwritten: string | undefined;
	/** What a stage waits for, in a sentence. Undefined when it is really ready. */
	readonly waitingFor: (stage: UpgradeStage) => string | undefined;
	/** What a person may want to know about a stage although it waits for nothing. */
	readonly remark?: (stage: UpgradeStage) => string | undefined;
	/** What is wrong, as far as anything is known to be. */
	readonly trouble: Trouble | undefined;
	/** How long nothing has changed about the pods of the stage, milliseconds. */
	readonly quietMs: number;
	/** What the checks before the first write have found. Undefined while they still look. */
	readonly findings: NonNullable<UpgradeRecord['findings']> | undefined;
	/** Why it can't be rolled back. Undefined when it can. Asked only when it is to be. */
	readonly noWayBack: () => string | undefined;
	/** What keeps Pilot from going back, in a sentence. Asked when all later stages are back. */
	readonly againstPilotBack?: () => string | undefined;
	/** Milliseconds since 1970. */
	readonly nowMs: number;
	/** The same, RFC 3339. */
	readonly now: string;
}

export interface Step {
	/** The record to store. Undefined when the change of version is over. */
	readonly record: UpgradeRecord | undefined;
	/** Whether it has come to another stage, so that there is more to write at once. */
	readonly isFurther: boolean;
	/** Look again after this time, when nothing else brings a pass. */
	readonly againInMs: number | undefined;
	/** Why a stage does not get on, as far as that is known. On the way back only once the deadline has passed. */
	readonly trouble: Trouble | undefined;
}

/** A stage that makes no progress for this long has failed, when the spec says nothing else. */
const defaultDeadlineMs = 10 * 60_000;

/** How long a stage may make no progress. */
export function deadlineMsOf({ progressDeadline }: Pick<StageSettings, 'progressDeadline'>): number {
	return tryDuration(progressDeadline ?? '') ?? defaultDeadlineMs;
}

/**
 * Blockers that are told in one sentence. All of them are in the findings, and a condition takes 32 KiB: a longer one could
 * not be stored, and nothing of the status with it.
 */
const mostTold = 8;

/** Stages that disturb workloads: they begin while a maintenance window is open. */
const disturbing: ReadonlySet<UpgradeStage> = new Set(['Gateways', 'DataPlanes', 'Workloads']);

/** Makes the next step. */
export function advance(course: Course, settings: StageSettings, seen: StagesSeen): Step {
	return course.direction === 'forward' ? forward(course, settings, seen) : back(course, settings, seen);
}

function forward(course: Course, settings: StageSettings, seen: StagesSeen): Step {
	const { record, at } = course;
	if (at < 0) {
		const before = beforeFirst(course, seen);
		if (before !== undefined) return before;
	}
	const unready = unreadyOf(course, seen);
	if (unready !== undefined) return waiting(course, unready, settings, seen);
	const next = seen.stages.find((stage) => stageIndex(stage) > at);
	if (next === undefined) return { record: undefined, isFurther: false, againInMs: undefined, trouble: undefined };
	const closed = closedBefore(next, record, settings, seen.nowMs);
	if (closed !== undefined) {
		const { state, sentence, againInMs } = closed;
		return step(course, { state, waitingFor: sentence }, seen, { againInMs });
	}
	return entered(course, next, 'Progressing', seen);
}

/** What keeps the first stage from beginning. */
function beforeFirst(course: Course, seen: StagesSeen): Step | undefined {
	if (seen.findings === undefined)
		return step(course, { state: 'Progressing', waitingFor: 'looking at what the new version may break' }, seen);
	const blockers = seen.findings.filter(({ severity }) => severity === 'Blocker');
	if (blockers.length === 0) return undefined;
	const names = [...new Set(blockers.map(({ name }) => name))].join(',');
	const told = blockers.slice(0, mostTold).map(({ message }) => message);
	const more = blockers.length > mostTold ? ` And ${blockers.length - mostTold} more, in status.upgrade.findings.` : '';
	const waitingFor = `${told.join(' ')}${more} Whoever insists annotates the MeshInstallation with meshwright.io/upgrade-despite: "${names}"`;
	return step(course, { state: 'Blocked', waitingFor }, seen);
}

function back(course: Course, settings: StageSettings, seen: StagesSeen): Step {
	const { record, at } = course;
	if (record.state === 'RolledBack') return step(course, { state: 'RolledBack', waitingFor: record.waitingFor }, seen);
	const unready = unreadyOf(course, seen);
	if (unready !== undefined) return waiting(course, unready, settings, seen);
	// Definitions are never taken back: the newest ones serve every release.
	const next = seen.stages.findLast((stage) => stageIndex(stage) < at && stage !== 'CRDs');
	const against = next === 'Pilot' ? seen.againstPilotBack?.() : undefined;
	if (against !== undefined) return waiting(course, against, settings, seen);
	if (next !== undefined) return entered(course, next, 'RollingBack', seen);
	if (record.tried === undefined)
		return { record: undefined, isFurther: false, againInMs: undefined, trouble: undefined };
	const { stage: _, reached: __, ...rest } = record;
	const waitingFor = `runs ${record.from} again: ${record.failure ?? `the upgrade to ${record.to} failed`}; another spec.version or other settings are tried anew`;
	const ended = courseOf({ ...rest, state: 'RolledBack', since: seen.now });
	return step(ended, { state: 'RolledBack', waitingFor }, seen);
}

/** What the reached stages wait for. */
function unreadyOf({ direction, at }: Course, seen: StagesSeen): string | undefined {
	const isReached = (stage: UpgradeStage) =>
		direction === 'forward' ? stageIndex(stage) <= at : stageIndex(stage) >= at;
	const sentence = seen.stages.filter(isReached).flatMap((stage) => seen.waitingFor(stage) ?? [])[0];
	return seen.unwritten ?? sentence;
}

/** A stage that is not over: it goes on, is held, or goes back. */
function waiting(course: Course, unready: string, settings: StageSettings, seen: StagesSeen): Step {
	const { record, direction, at } = course;
	const leftMs = deadlineMsOf(settings) - seen.quietMs;
	const going = direction === 'forward' ? 'Progressing' : 'RollingBack';
	if (leftMs > 0) {
		// What is known to be wrong is told at once, long before the deadline.
		const isTold = seen.trouble === undefined || unready.includes(seen.trouble.message);
		const waitingFor = isTold ? unready : `${unready}; ${seen.trouble.message}`;
		const trouble = direction === 'forward' ? seen.trouble : undefined;
		return step(course, { state: going, waitingFor }, seen, { againInMs: leftMs, trouble });
	}
	const failure = `stage ${record.stage ?? upgradeStages[at] ?? ''} made no progress for ${settings.progressDeadline ?? '10m'}: ${seen.trouble?.message ?? unready}`;
	const trouble = { reason: seen.trouble?.reason ?? 'UpgradeHeld', message: failure };
	if (direction === 'back') return step(course, { state: 'RollingBack', waitingFor: failure }, seen, { trouble });
	const noWayBack = settings.onFailure === 'Rollback' ? seen.noWayBack() : undefined;
	if (settings.onFailure === 'Rollback' && noWayBack === undefined) {
		const turned = turnedBack(course, seen.now);
		const tried = triedHash(record.to, record.settings ?? '');
		const began = courseOf({ ...turned, tried, failure });
		return { ...step(began, { state: 'RollingBack', waitingFor: failure }, seen), isFurther: true };
	}
	const why = settings.onFailure === 'Rollback' ? `; it does not roll back: ${noWayBack}` : '';
	return step(course, { state: 'Held', waitingFor: `${failure}${why}` }, seen, {
		trouble: { ...trouble, message: `${failure}${why}` },
	});
}

/** Begins a stage. Its objects are written by the next pass, when the record is stored. */
function entered(course: Course, stage: UpgradeStage, state: UpgradeRecord['state'], seen: StagesSeen): Step {
	const next = courseOf({ ...course.record, stage, since: seen.now });
	return { ...step(next, { state, waitingFor: `stage ${stage} is written` }, seen), isFurther: true };
}

interface Closed {
	readonly state: UpgradeRecord['state'];
	readonly sentence: string;
	readonly againInMs: number | undefined;
}

/** What keeps a stage from beginning although the one before is over. */
function closedBefore(
	stage: UpgradeStage,
	{ to }: UpgradeRecord,
	{ pauseBefore = [], approved, windows }: StageSettings,
	nowMs: number,
): Closed | undefined {
	if (pauseBefore.includes(stage) && !isApproved(stage, to, approved)) {
		const other =
			approved?.version !== undefined && approved.version !== to
				? `; spec.upgrade.approved is for ${approved.version}, not for ${to}`
				: '';
		return {
			state: 'WaitingForApproval',
			sentence: `stage ${stage} waits for approval: set spec.upgrade.approved to {version: ${to}, stage: ${stage}}${other}`,
			againInMs: undefined,
		};
	}
	const window = disturbing.has(stage) ? windowsAt(windows, nowMs) : undefined;
	if (window === undefined || window.isOpen) return undefined;
	return {
		state: 'WaitingForWindow',
		sentence: `stage ${stage} waits for a maintenance window: the next one opens at ${timeText(window.untilMs)}`,
		againInMs: window.untilMs - nowMs,
	};
}

function isApproved(stage: UpgradeStage, to: string, approved: StageSettings['approved']): boolean {
	return approved?.version === to && stageIndex(approved.stage) >= stageIndex(stage);
}

function step(
	course: Course,
	{ state, waitingFor }: { readonly state: UpgradeRecord['state']; readonly waitingFor: string | undefined },
	seen: StagesSeen,
	rest: Partial<Pick<Step, 'againInMs' | 'trouble'>> = {},
): Step {
	const { waitingFor: _, plan: __, findings: ___, ...record } = course.record;
	const findings = seen.findings ?? course.record.findings ?? [];
	return {
		record: {
			...record,
			state,
			since: record.since ?? seen.now,
			...definedFields({ waitingFor }),
			...(state === 'RolledBack' ? {} : { plan: planOf(course, state, seen) }),
			...(findings.length === 0 ? {} : { findings: [...findings] }),
		},
		isFurther: false,
		againInMs: rest.againInMs,
		trouble: rest.trouble,
	};
}

/** The stages, as the status lists them. */
function planOf({ direction, at }: Course, state: UpgradeRecord['state'], { stages, remark }: StagesSeen) {
	const isOver = (index: number) => (direction === 'forward' ? index < at : index > at || at < 0);
	const isWaiting = state === 'WaitingForApproval' || state === 'WaitingForWindow';
	return stages.map((stage) => {
		const index = stageIndex(stage);
		const isDone = isOver(index) || (isWaiting && index === at);
		const message = remark?.(stage);
		return {
			stage,
			state: isDone ? ('Done' as const) : index === at ? ('Current' as const) : ('Next' as const),
			...definedFields({ message }),
		};
	});
}
