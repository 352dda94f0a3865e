/**
 * The course of a change of version: which objects stand in which rendering now. It is found anew by every pass, from the
 * record in `status.upgrade` and the spec. Pure.
 *
 * A course goes forward through the stages, or back through them in reverse order. What the record does not say follows from
 * the spec: a spec with the version before asks to go back, one with another version or other settings to begin anew with
 * what stands now.
 */
import { definedFields, type ParsedStatus, type UpgradeStage, upgradeStages } from '../../../api/v1/index.ts';
import type { VersionProxies } from '../proxies/told.ts';
import { found } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';
import { alsoInsisted } from './insist.ts';
import { triedHash } from './settings.ts';

/** What `status.upgrade` has recorded. */
export type UpgradeRecord = NonNullable<ParsedStatus['upgrade']>;

/** Whose rendering the objects of a stage follow. `held`: nobody's, they stay as they stand. */
export type Source = 'new' | 'old' | 'held';

export interface Course {
	readonly record: UpgradeRecord;
	readonly direction: 'forward' | 'back';
	/** Index in `upgradeStages`. -1: before the first stage or, on the way back, after the last. */
	readonly at: number;
	/** How far objects of another version than the one before may stand. On the way back: how far the new version stands. */
	readonly reached: number;
}

export interface CourseInput {
	readonly record: UpgradeRecord | undefined;
	/** What runs, as the status says. */
	readonly running: string | undefined;
	/** What the spec asks for. */
	readonly version: string;
	/** Hash of its settings. */
	readonly settings: string;
	/** The spec with which what runs was made, if only the version has changed since. */
	readonly former: Readonly<Record<string, unknown>> | undefined;
	/** What is known of the proxies of a version. It is asked only where that decides. */
	readonly proxiesOf: (version: string) => VersionProxies;
	/** The revision as which the version of the spec comes, beside what runs. Undefined when that is changed itself. */
	readonly revision?: string | undefined;
	/** On which blockers the owner insists. */
	readonly insisted: ReadonlySet<string>;
	/** Now, RFC 3339. */
	readonly now: string;
}

export type FoundCourse =
	/** There is no change of version. */
	| { readonly kind: 'none' }
	/** `isNew`: the record has to be stored before anything is written for this course. */
	| {
			readonly kind: 'course';
			readonly course: Course;
			readonly isNew: boolean;
			readonly blockers: readonly UpgradeFinding[];
	  };

/** Proxies of the new version are made from this stage on: then the injector has their template. */
const proxiesFrom = upgradeStages.indexOf('Injector');
/** From this stage on Pilot itself may be of the new version. Before it nobody loses one when it goes back. */
const pilotAt = upgradeStages.indexOf('Pilot');

const indexes: ReadonlyMap<string, number> = new Map(upgradeStages.map((stage, index) => [stage, index]));

const lastStage: UpgradeStage = 'Workloads';

/** The index of a stage by its name. -1 for what is none. */
export function stageIndex(stage: string | undefined): number {
	return indexes.get(stage ?? '') ?? -1;
}

/** Finds the course that record and spec ask for. */
export function findCourse(input: CourseInput): FoundCourse {
	const { record, running, version, settings, former, revision, now } = input;
	if (record === undefined) {
		if (running === undefined || running === version) return { kind: 'none' };
		return begun({
			from: running,
			to: version,
			state: 'Progressing',
			since: now,
			startedAt: now,
			settings,
			...definedFields({ previous: former, revision }),
		});
	}
	const before = courseOf(record);
	const extent = Math.max(before.at, before.reached);
	if (version === record.from) return wayBack(before, extent, input);
	const isOnTheWay =
		record.to === version &&
		(record.tried === undefined
			? before.direction === 'forward' && record.settings === settings
			: record.tried === triedHash(version, settings));
	if (isOnTheWay) return { kind: 'course', course: before, isNew: false, blockers: [] };
	const { from, previous } = record;
	const isKnown = before.direction === 'forward' || record.settings !== undefined;
	const reached = isKnown ? upgradeStages[before.direction === 'back' ? before.at : extent] : lastStage;
	return begun({
		from,
		to: version,
		state: 'Progressing',
		since: now,
		startedAt: now,
		settings,
		...definedFields({ reached, previous, revision }),
	});
}

function begun(record: UpgradeRecord): FoundCourse {
	return { kind: 'course', course: courseOf(record), isNew: true, blockers: [] };
}

/** The owner has set the version back. */
function wayBack(before: Course, extent: number, { insisted, proxiesOf, settings, now }: CourseInput): FoundCourse {
	// Nothing of the new version stands, so there is no way to go.
	if (extent < 0) return { kind: 'none' };
	if (before.direction === 'back') {
		// It may have gone back by itself. Now its owner asks for that too, so nothing is left to be said once it is back.
		const { tried, ...asked } = before.record;
		const told = ofSettings(asked, settings);
		// With other settings there may be objects again of a stage that was over without them. So all stages are walked anew.
		const { waitingFor: _, ...rest } = told;
		const record: UpgradeRecord = told === asked ? asked : { ...rest, stage: lastStage };
		return { kind: 'course', course: courseOf(record), isNew: tried !== undefined || record !== asked, blockers: [] };
	}
	const blocker = whyNotBack(before.record, extent, proxiesOf);
	if (blocker !== undefined && !insisted.has(blocker.name)) {
		const { stage: _, waitingFor: __, plan: ___, ...record } = before.record;
		const isKnown = record.state === 'Blocked' && before.at < 0;
		const blocked: UpgradeRecord = {
			...record,
			state: 'Blocked',
			...definedFields({ reached: upgradeStages[extent] }),
			since: isKnown ? (record.since ?? now) : now,
		};
		return { kind: 'course', course: courseOf(blocked), isNew: !isKnown, blockers: [blocker] };
	}
	const record = withInsisted(ofSettings(turnedBack(before, now), settings), blocker);
	return { kind: 'course', course: courseOf(record), isNew: true, blockers: [] };
}

/**
 * The record of a way back. With other settings than those of the new version nobody knows any more what stands of it: what
 * they leave out is neither taken back nor gone before the end.
 */
function ofSettings(record: UpgradeRecord, now: string): UpgradeRecord {
	const { settings, ...rest } = record;
	return settings === undefined || settings === now ? record : rest;
}

/** The record that tells of a blocker that is insisted on. */
export function withInsisted(record: UpgradeRecord, blocker: UpgradeFinding | undefined): UpgradeRecord {
	return blocker === undefined ? record : { ...record, findings: [...alsoInsisted(record.findings ?? [], blocker)] };
}

/**
 * Why it may not go back: proxies of the new version run, here or in a joined cluster, or nobody knows whether they do. Before
 * the injector is of the new version none can have come from it.
 * @param extent how far the new version may stand
 */
export function whyNotBack(
	{ from, to, revision }: UpgradeRecord,
	extent: number,
	proxiesOf: CourseInput['proxiesOf'],
): UpgradeFinding | undefined {
	// Proxies that another revision made go on asking it.
	if (revision !== undefined || extent < pilotAt) return undefined;
	const { running, unknown, isElsewhere = false } = proxiesOf(to);
	const doubt =
		unknown === undefined || (extent < proxiesFrom && !isElsewhere)
			? undefined
			: `it is not known whether pods have proxies of ${to}: ${unknown}`;
	const why = running ?? doubt;
	return why === undefined ? undefined : found('newer-proxies', 'spec.version', `leads back to ${from} while ${why}`);
}

/** The sentence of what keeps Pilot from going back although all later stages are back: proxies that came meanwhile. */
export function whyNotPilotBack({ from, to }: UpgradeRecord, { running, unknown }: VersionProxies): string | undefined {
	const doubt = unknown === undefined ? undefined : `it is not known whether pods have proxies of ${to}: ${unknown}`;
	const why = running ?? doubt;
	return why === undefined
		? undefined
		: `Pilot does not go back to ${from} while ${why}. New pods get proxies of ${from} again, so restart their workloads, or insist on newer-proxies`;
}

/** The record of the way back from where a course stands. */
export function turnedBack({ record, at, reached }: Course, now: string): UpgradeRecord {
	const { reached: _, stage: __, waitingFor: ___, ...rest } = record;
	// Of the stage that it is at perhaps nothing is written yet, so only those before it are of the new version.
	const [stage, before] = [upgradeStages[Math.max(at, reached)], upgradeStages[at - 1]];
	return { ...rest, state: 'RollingBack', since: now, ...definedFields({ stage, reached: before }) };
}

/**
 * What a record says. Another version of the operator may have written it and know other stages. Then nobody knows what
 * stands, so all of it stays as it stands until the stages have been walked again.
 */
export function courseOf(record: UpgradeRecord): Course {
	const isBack = record.state === 'RollingBack' || record.state === 'RolledBack';
	const [at, reached] = [stageIndex(record.stage), stageIndex(record.reached)];
	const isUnknown = (record.stage !== undefined && at < 0) || (record.reached !== undefined && reached < 0);
	if (!isUnknown) return { record, direction: isBack ? 'back' : 'forward', at, reached };
	const { stage: _, reached: __, ...rest } = record;
	return courseOf(isBack ? { ...rest, stage: lastStage } : { ...rest, reached: lastStage });
}

/** Whose rendering the objects of this stage follow. */
export function sourceOf({ direction, at, reached }: Course, stage: UpgradeStage): Source {
	const index = stageIndex(stage);
	if (direction === 'forward') {
		if (index <= at) return 'new';
		return index <= reached ? 'held' : 'old';
	}
	if (index >= at) return 'old';
	return index <= reached ? 'new' : 'held';
}
