import test from 'ava';
import fc from 'fast-check';
import type { UpgradeStage } from '../../../api/v1/index.ts';
import type { VersionProxies } from '../proxies/told.ts';
import { advance, type StageSettings, type StagesSeen, type Step } from './advance.ts';
import {
	type CourseInput,
	courseOf,
	findCourse,
	type Source,
	sourceOf,
	type UpgradeRecord,
	whyNotPilotBack,
} from './course.ts';
import { triedHash } from './settings.ts';

const now = '2026-12-05T02:00:00Z';
const stages: readonly UpgradeStage[] = ['CRDs', 'Configuration', 'Pilot', 'Injector', 'Webhooks', 'Gateways'];

const none = { running: undefined, unknown: undefined };
const unknown = { running: undefined, unknown: 'they are not listed yet' };

function input(fields: Partial<CourseInput>): CourseInput {
	return {
		record: undefined,
		running: '1.3.8',
		version: '1.4.10',
		settings: 'same',
		former: { profile: 'default', version: '1.3.8' },
		insisted: new Set(),
		proxiesOf: () => none,
		now,
		...fields,
	};
}

function seen(fields: Partial<StagesSeen> = {}): StagesSeen {
	return {
		stages,
		unwritten: undefined,
		waitingFor: () => undefined,
		trouble: undefined,
		quietMs: 0,
		findings: [],
		noWayBack: () => undefined,
		nowMs: Date.parse(now),
		now,
		...fields,
	};
}

const recorded: UpgradeRecord = {
	from: '1.3.8',
	to: '1.4.10',
	state: 'Progressing',
	stage: 'Pilot',
	since: now,
	settings: 'same',
	previous: { profile: 'default', version: '1.3.8' },
};

/** The course that must have been found. */
function found(fields: Partial<CourseInput>) {
	const result = findCourse(input(fields));
	if (result.kind === 'none') throw new Error('there is no course');
	return result;
}

function sources(course: Parameters<typeof sourceOf>[0]): string {
	return stages.map((stage) => sourceOf(course, stage)).join(' ');
}

test('no change of version: nothing runs yet, or what runs is what is asked for', (t) => {
	t.is(findCourse(input({ running: undefined })).kind, 'none');
	t.is(findCourse(input({ running: '1.4.10' })).kind, 'none');
});

test('a new one is recorded with the spec to go back to, before its first stage', (t) => {
	const { course, isNew } = found({});
	t.true(isNew);
	t.like(course.record, { from: '1.3.8', to: '1.4.10', state: 'Progressing', previous: { version: '1.3.8' } });
	t.is(course.record.stage, undefined);
	t.is(sources(course), 'old old old old old old');
	t.false('previous' in found({ former: undefined }).course.record);
});

test('one that goes on is taken up from its record', (t) => {
	const { course, isNew } = found({ record: recorded });
	t.false(isNew);
	t.is(sources(course), 'new new new old old old');
});

test('other settings, or another version, in the middle: it begins anew, and what was reached stays as it stands', (t) => {
	for (const change of [{ settings: 'others' }, { version: '1.4.9' }]) {
		const { course, isNew } = found({ record: recorded, ...change });
		t.true(isNew);
		t.is(sources(course), 'held held held old old old');
		t.like(course.record, { from: '1.3.8', reached: 'Pilot', previous: recorded.previous });
		const further = courseOf({ ...course.record, stage: 'Configuration' });
		t.is(sources(further), 'new new held old old old');
	}
});

test('back to the version before: the same stages in reverse order, from where it stands', (t) => {
	const { course, isNew } = found({ record: recorded, version: '1.3.8' });
	t.true(isNew);
	t.like(course, { direction: 'back', record: { state: 'RollingBack', stage: 'Pilot', reached: 'CA' } });
	t.is(sources(course), 'new new old old old old');
	const step = advance(course, {}, seen());
	t.like(step, { isFurther: true, record: { state: 'RollingBack', stage: 'Configuration' } });
	// Definitions are never taken back.
	const last = advance(courseOf(step.record ?? recorded), {}, seen());
	t.is(last.record, undefined);
});

test('back by itself, and then its owner asks for that too: it ends as any other, and nothing is left to be told', (t) => {
	const record = { ...recorded, state: 'RollingBack' as const, stage: 'Configuration', tried: 'failed' };
	const { course, isNew } = found({ record, version: '1.3.8' });
	t.true(isNew);
	t.like(course, { direction: 'back', record: { stage: 'Configuration', tried: undefined } });
	t.is(advance(course, {}, seen()).record, undefined);
	t.false(found({ record: course.record, version: '1.3.8' }).isNew);
});

test('a stage that nobody knows, of another version of the operator: all stays as it stands until the stages have been walked again', (t) => {
	for (const strange of [{ stage: 'Waypoints' }, { stage: 'Pilot', reached: 'Waypoints' }]) {
		const forward = found({ record: { ...recorded, ...strange } }).course;
		t.is(sources(forward), 'held held held held held held');
		t.like(advance(forward, {}, seen()).record, { stage: 'CRDs', reached: 'Workloads' });
		const back = courseOf({ ...recorded, ...strange, state: 'RollingBack' });
		t.is(sources(back), 'held held held held held held');
		t.like(advance(back, {}, seen()).record, { state: 'RollingBack', stage: 'Gateways' });
	}
});

test('back before anything was written: there is nothing to do', (t) => {
	const { stage: _, ...unbegun } = recorded;
	t.is(findCourse(input({ record: { ...unbegun, state: 'Blocked' }, version: '1.3.8' })).kind, 'none');
	t.is(findCourse(input({ record: { ...unbegun, state: 'RolledBack' }, version: '1.3.8' })).kind, 'none');
});

test('back when nobody knows whether pods have newer proxies: refused by name, until the owner insists', (t) => {
	const record = { ...recorded, stage: 'Webhooks' };
	const refused = found({ record, version: '1.3.8', proxiesOf: () => unknown });
	t.deepEqual(
		refused.blockers.map(({ name }) => name),
		['newer-proxies'],
	);
	t.is(sources(refused.course), 'held held held held held old');
	const again = found({ record: refused.course.record, version: '1.3.8', proxiesOf: () => unknown });
	t.false(again.isNew);
	const seen = found({ record: refused.course.record, version: '1.3.8' });
	t.like(seen.course.record, { state: 'RollingBack', stage: 'Webhooks' }, 'there are none');
	const insisted = new Set(['newer-proxies']);
	const findings = [{ name: 'newer-proxies', severity: 'Blocker' as const, message: 'pods may have proxies' }];
	const back = found({
		record: { ...refused.course.record, findings },
		version: '1.3.8',
		insisted,
		proxiesOf: () => unknown,
	});
	t.like(back.course.record, { state: 'RollingBack', stage: 'Webhooks' });
	// That is told, in the status and by an Event.
	t.like(back.course.record.findings, { 0: { name: 'newer-proxies', severity: 'Insisted' }, length: 1 });
});

test('back when proxies of the new version are counted: refused from Pilot on, with their number', (t) => {
	const asked: string[] = [];
	const back = (stage: string, proxies: VersionProxies) => {
		const proxiesOf = (version: string) => {
			asked.push(version);
			return proxies;
		};
		return found({ record: { ...recorded, stage }, version: '1.3.8', proxiesOf }).blockers;
	};
	const running = { ...none, running: '2 pods have proxies of 1.4.10, of them 2 in cluster eu' };
	t.deepEqual(back('CA', running), []);
	t.deepEqual(asked, [], 'Pilot is of the version before');
	t.regex(
		back('Pilot', running)[0]?.message ?? '',
		/back to 1\.3\.8 while 2 pods have proxies of 1\.4\.10, of them 2 in cluster eu/,
	);
	t.deepEqual(asked, ['1.4.10']);
	t.deepEqual(back('Gateways', none), []);
});

test('what nobody knows of proxies counts once the injector may have made them, or where another one makes them', (t) => {
	const back = (stage: string, proxies: VersionProxies) =>
		found({ record: { ...recorded, stage }, version: '1.3.8', proxiesOf: () => proxies }).blockers;
	t.deepEqual(back('Mixer', unknown), []);
	t.regex(
		back('Injector', unknown)[0]?.message ?? '',
		/while it is not known whether .* 1\.4\.10: they are not listed/,
	);
	t.is(back('Pilot', { ...unknown, isElsewhere: true }).length, 1);
	t.is(back('CA', { ...unknown, isElsewhere: true }).length, 0);
});

test('proxies that came while the later stages went back: Pilot waits for them, and says what to do', (t) => {
	const course = courseOf({ ...recorded, state: 'RollingBack', stage: 'Injector', reached: 'Pilot' });
	const why = (proxies: VersionProxies) => whyNotPilotBack(recorded, proxies);
	const running = why({ ...none, running: '1 pod has a proxy of 1.4.10' });
	const step = advance(course, {}, seen({ againstPilotBack: () => running }));
	t.like(step, { isFurther: false, record: { state: 'RollingBack', stage: 'Injector' } });
	t.regex(step.record?.waitingFor ?? '', /^Pilot does not go back to 1\.3\.8 while 1 pod .* restart .* newer-proxies/);
	const late = advance(course, {}, seen({ againstPilotBack: () => running, quietMs: 600_000 }));
	t.like(late, { record: { state: 'RollingBack', stage: 'Injector' }, trouble: { reason: 'UpgradeHeld' } });
	t.regex(why(unknown) ?? '', /not known whether .*: they are not listed yet/);
	t.is(why(none), undefined);
	t.like(advance(course, {}, seen({ againstPilotBack: () => undefined })).record, { stage: 'Pilot' });
	const asks = () => t.fail('only Pilot waits');
	const later = courseOf({ ...recorded, state: 'RollingBack', stage: 'Gateways', reached: 'Webhooks' });
	t.like(advance(later, {}, seen({ againstPilotBack: asks as () => undefined })).record, { stage: 'Webhooks' });
});

test('what failed is not tried again; another spec is', (t) => {
	const { stage: _, ...rest } = recorded;
	const record = { ...rest, state: 'RolledBack' as const, tried: triedHash('1.4.10', 'same') };
	const still = found({ record });
	t.false(still.isNew);
	t.is(sources(still.course), 'old old old old old old');
	const { course, isNew } = found({ record, settings: 'others' });
	t.true(isNew);
	t.is(course.direction, 'forward');
	t.is(course.record.tried, undefined);
});

test('a change of mind on the way back: forward again, with what was not taken back as it stands', (t) => {
	const record = { ...recorded, state: 'RollingBack' as const, stage: 'Configuration', reached: 'Pilot' };
	t.is(sources(found({ record }).course), 'held held old old old old');
	// Of components that the way back has left out nobody knows in which version they stand.
	const mixed = found({ record, version: '1.3.8', settings: 'others' });
	t.true(mixed.isNew);
	t.false('settings' in mixed.course.record);
	t.is(sources(found({ record: mixed.course.record }).course), 'held held held held held held');
});

// Steps

const atPilot = courseOf(recorded);

test('a stage that is not ready is waited for, and says for what', (t) => {
	const waitingFor = (stage: UpgradeStage) => (stage === 'Pilot' ? 'one of two pods' : undefined);
	const step = advance(atPilot, {}, seen({ waitingFor }));
	t.like(step, { isFurther: false, record: { state: 'Progressing', stage: 'Pilot', waitingFor: 'one of two pods' } });
	t.is(step.againInMs, 600_000);
	t.deepEqual(
		step.record?.plan?.map(({ state }) => state),
		['Done', 'Done', 'Current', 'Next', 'Next', 'Next'],
	);
});

test('what trembles in an earlier stage stops the next one, and takes nothing back', (t) => {
	const waitingFor = (stage: UpgradeStage) => (stage === 'Configuration' ? 'a moment' : undefined);
	t.like(advance(atPilot, {}, seen({ waitingFor })).record, { stage: 'Pilot', waitingFor: 'a moment' });
});

test('past the deadline it is held with the cause; when the pods get ready after all, it goes on', (t) => {
	const trouble = { reason: 'ImageNotPulled', message: 'pod a: its image is not pulled' };
	const stuck = seen({ waitingFor: (stage) => (stage === 'Pilot' ? 'pods' : undefined), quietMs: 60_000, trouble });
	const held = advance(atPilot, { progressDeadline: '1m' }, stuck);
	t.like(held, { record: { state: 'Held', stage: 'Pilot' }, trouble: { reason: 'ImageNotPulled' } });
	t.true(held.record?.waitingFor?.includes('its image is not pulled'));
	t.is(advance(atPilot, { progressDeadline: '2m' }, stuck).record?.state, 'Progressing');
	const mended = advance(courseOf(held.record ?? recorded), { progressDeadline: '1m' }, seen());
	t.like(mended.record, { state: 'Progressing', stage: 'Injector' });
});

test('what can not be written past the deadline is held as well', (t) => {
	const trouble = { reason: 'ApplyFailed', message: 'refused by a policy' };
	const step = advance(atPilot, {}, seen({ unwritten: 'refused by a policy', trouble, quietMs: 600_000 }));
	t.like(step, { record: { state: 'Held' }, trouble: { reason: 'ApplyFailed' } });
});

test('onFailure Rollback: it goes back and remembers why and what failed; where there is no way back, it is held and says so', (t) => {
	const settings: StageSettings = { progressDeadline: '1m', onFailure: 'Rollback' };
	const stuck = seen({ waitingFor: (stage) => (stage === 'Pilot' ? 'pods' : undefined), quietMs: 60_000 });
	const { record, isFurther } = advance(atPilot, settings, stuck);
	t.true(isFurther);
	t.like(record, { state: 'RollingBack', stage: 'Pilot', tried: triedHash('1.4.10', 'same') });
	t.true(record?.failure?.includes('stage Pilot made no progress for 1m'));
	const back = found({ ...(record === undefined ? {} : { record }) }).course;
	t.is(sources(back), 'new new old old old old');
	let step: Step = advance(back, settings, seen());
	for (let turns = 0; turns < 10 && step.record?.state === 'RollingBack'; turns++)
		step = advance(courseOf(step.record), settings, seen());
	t.like(step.record, { state: 'RolledBack', failure: record?.failure });
	t.is(step.record?.stage, undefined);

	const refused = advance(atPilot, settings, { ...stuck, noWayBack: () => 'newer proxies run' });
	t.like(refused.record, { state: 'Held' });
	t.true(refused.record?.waitingFor?.includes('does not roll back: newer proxies run'));
});

test('blockers: nothing begins, and all of them are told with the annotation that insists', (t) => {
	const { stage: _, ...unbegun } = recorded;
	const blockers = ['minor-skipped', 'no-room'].map((name) => ({
		name,
		severity: 'Blocker' as const,
		message: `the message of ${name}`,
	}));
	const { record } = advance(courseOf(unbegun), {}, seen({ findings: blockers }));
	t.like(record, { state: 'Blocked', findings: blockers });
	t.true(record?.waitingFor?.includes('meshwright.io/upgrade-despite: "minor-skipped,no-room"'));
	const insisted = blockers.map((finding) => ({ ...finding, severity: 'Insisted' as const }));
	t.like(advance(courseOf(unbegun), {}, seen({ findings: insisted })).record, { stage: 'CRDs' });
	t.like(advance(courseOf(unbegun), {}, seen({ findings: undefined })).record, { state: 'Progressing' });
});

test('many blockers: the sentence stays short enough to be stored, and says that there are more', (t) => {
	const { stage: _, ...unbegun } = recorded;
	const findings = Array.from({ length: 64 }, (_, index) => ({
		name: `blocker-${index}`,
		severity: 'Blocker' as const,
		message: 'x'.repeat(2048),
	}));
	const { waitingFor = '' } = advance(courseOf(unbegun), {}, seen({ findings })).record ?? {};
	t.true(waitingFor.length < 24_000);
	t.true(waitingFor.includes('And 56 more, in status.upgrade.findings.'));
	t.true(waitingFor.includes('blocker-63'));
});

test('approval: it stops before the stage, and goes on through the approved one and all before', (t) => {
	const at = (stage: UpgradeStage) => courseOf({ ...recorded, stage });
	const pauseBefore: readonly UpgradeStage[] = ['Injector', 'Gateways'];
	const stopped = advance(at('Pilot'), { pauseBefore }, seen());
	t.like(stopped.record, { state: 'WaitingForApproval', stage: 'Pilot' });
	t.true(stopped.record?.waitingFor?.includes('{version: 1.4.10, stage: Injector}'));
	const approve = (stage: UpgradeStage, version = '1.4.10') => ({ pauseBefore, approved: { version, stage } });
	t.like(advance(at('Pilot'), approve('Injector'), seen()).record, { state: 'Progressing', stage: 'Injector' });
	t.like(advance(at('Webhooks'), approve('Injector'), seen()).record, { state: 'WaitingForApproval' });
	t.like(advance(at('Pilot'), approve('Gateways'), seen()).record, { stage: 'Injector' });
	const other = advance(at('Pilot'), approve('Injector', '1.4.9'), seen());
	t.true(other.record?.waitingFor?.includes('spec.upgrade.approved is for 1.4.9, not for 1.4.10'));
	const first = courseOf({ from: '1.3.8', to: '1.4.10', state: 'Progressing' });
	t.like(advance(first, { pauseBefore: ['CRDs'] }, seen()).record, { state: 'WaitingForApproval' });
});

test('windows: gateways wait until one is open, and look again then; Pilot does not wait', (t) => {
	const windows = [{ schedule: '0 3 * * 6', duration: '1h' }];
	const step = advance(courseOf({ ...recorded, stage: 'Webhooks' }), { windows }, seen());
	t.like(step, { record: { state: 'WaitingForWindow' }, againInMs: 3_600_000 });
	t.true(step.record?.waitingFor?.includes('2026-12-05T03:00:00Z'));
	t.like(advance(courseOf({ ...recorded, stage: 'Configuration' }), { windows }, seen()).record, { stage: 'Pilot' });
	const nowMs = Date.parse('2026-12-05T03:00:00Z');
	t.like(advance(courseOf({ ...recorded, stage: 'Webhooks' }), { windows }, seen({ nowMs })).record, {
		stage: 'Gateways',
	});
});

test('whatever happens, one stage after the other: forward only past what is ready, back only when the spec or a failure asks for it', (t) => {
	const event = fc.record({
		version: fc.constantFrom('1.4.10', '1.4.10', '1.4.10', '1.4.10', '1.4.9', '1.3.8'),
		settings: fc.constantFrom('same', 'same', 'same', 'same', 'others'),
		unready: fc.option(fc.constantFrom(...stages), { nil: undefined }),
		quietMs: fc.constantFrom(0, 0, 600_000),
		onFailure: fc.constantFrom('Hold' as const, 'Rollback' as const),
		insists: fc.boolean(),
	});
	fc.assert(
		fc.property(fc.array(event, { minLength: 1, maxLength: 60 }), (events) => {
			let record: UpgradeRecord | undefined;
			let running = '1.3.8';
			// What stands: which version rendered the objects of each stage last.
			const standing = new Map<UpgradeStage, string>(stages.map((stage) => [stage, running]));
			for (const { version, settings, unready, quietMs, onFailure, insists } of events) {
				const result = findCourse(
					input({ record, running, version, settings, insisted: new Set(insists ? ['newer-proxies'] : []) }),
				);
				if (result.kind === 'none') {
					t.true(
						stages.every((stage) => standing.get(stage) === version) ||
							version === record?.from ||
							record === undefined,
					);
					record = undefined;
					continue;
				}
				const { course } = result;
				const changed = stages.filter((stage) => {
					const source: Source = sourceOf(course, stage);
					if (source === 'held') return false;
					const target = source === 'new' ? course.record.to : course.record.from;
					const isChanged = standing.get(stage) !== target;
					standing.set(stage, target);
					return isChanged;
				});
				t.true(changed.length <= 1, `at once: ${changed.join()}`);
				const before = course;
				const found = seen({
					waitingFor: (stage) => (stage === unready ? 'pods' : undefined),
					quietMs,
					findings: result.blockers.map(({ name }) => ({ name, severity: 'Blocker', message: name })),
					noWayBack: () => (insists ? undefined : 'newer proxies'),
				});
				const step = advance(course, { onFailure }, found);
				if (step.record === undefined) {
					const target = before.direction === 'forward' ? before.record.to : before.record.from;
					t.true(stages.slice(1).every((stage) => standing.get(stage) === target));
					running = target;
				} else {
					const after = courseOf(step.record);
					if (before.direction === 'forward' && after.direction === 'forward') t.true(after.at >= before.at);
					if (before.direction === 'back')
						t.true(after.direction === 'back' && (after.at <= before.at || after.at < 0));
					if (before.direction === 'forward' && after.direction === 'back')
						t.true(onFailure === 'Rollback' && quietMs > 0 && unready !== undefined);
				}
				record = step.record;
			}
		}),
		{ numRuns: 500 },
	);
});
