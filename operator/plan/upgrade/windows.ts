/**
 * Maintenance windows, `spec.upgrade.windows`: when what disturbs workloads may be done. Pure, the time is an argument.
 *
 * Where the clocks go forward, a window whose time does not exist opens when the clocks have gone forward; where they go
 * back, one that would open twice opens the first time (croner 11).
 */
import { Cron } from 'croner';
import { type ParsedSpec, tryDuration } from '../../../api/v1/index.ts';
import type { FieldProblem } from '../../status/finding.ts';

type Windows = NonNullable<NonNullable<ParsedSpec['upgrade']>['windows']>;
type MaintenanceWindow = Windows[number];

/** Whether work may be done now. */
export type WindowsNow =
	/** `untilMs`: when the last window that is open now closes. Undefined without windows: then it is always open. */
	| { readonly isOpen: true; readonly untilMs: number | undefined }
	/** `untilMs`: when the next window opens. */
	| { readonly isOpen: false; readonly untilMs: number };

/** A schedule has five fields: croner alone would take dates and seconds as well. */
const fiveFields = /^\S+( +\S+){4}$/;

/**
 * Whether one of the windows is open. None at all are always open.
 * @param nowMs milliseconds since 1970
 */
export function windowsAt(windows: Windows = [], nowMs: number): WindowsNow {
	if (windows.length === 0) return { isOpen: true, untilMs: undefined };
	const openings = windows.map((window) => {
		const openMs = tryDuration(window.duration) ?? 0;
		// The first opening whose window is not over: it was before now, or is still to come.
		const fromMs = nextOpening(window, nowMs - openMs) ?? Number.POSITIVE_INFINITY;
		return { fromMs, toMs: fromMs + openMs };
	});
	const open = openings.filter(({ fromMs }) => fromMs <= nowMs);
	return open.length > 0
		? { isOpen: true, untilMs: Math.max(...open.map(({ toMs }) => toMs)) }
		: { isOpen: false, untilMs: Math.min(...openings.map(({ fromMs }) => fromMs)) };
}

/** What never comes after this time never comes: dates repeat. */
const someDayMs = Date.UTC(2026, 0, 1);

/** Everything that is wrong with windows: schedules and time zones that nobody can read, windows that never open. */
export function windowProblems(windows: Windows = []): readonly FieldProblem[] {
	return windows.flatMap((window, index): readonly FieldProblem[] => {
		const path = `spec.upgrade.windows[${index}]`;
		const { schedule, timeZone } = window;
		if (timeZone !== undefined && !isTimeZone(timeZone)) {
			return [
				{
					path: `${path}.timeZone`,
					reason: 'Invalid',
					message: `${path}.timeZone: there is no time zone ${JSON.stringify(timeZone)}`,
					remedy: 'Use a name of the IANA time zone database, such as Europe/Berlin, or leave it out for UTC.',
				},
			];
		}
		const problem = scheduleProblem(window);
		return problem === undefined
			? []
			: [
					{
						path: `${path}.schedule`,
						reason: 'Invalid',
						message: `${path}.schedule: ${JSON.stringify(schedule)} ${problem}`,
						remedy: 'Write minute, hour, day of the month, month and day of the week, for example "0 2 * * 6".',
					},
				];
	});
}

function scheduleProblem(window: MaintenanceWindow): string | undefined {
	if (!fiveFields.test(window.schedule)) return 'is not five fields of cron';
	try {
		return nextOpening(window, someDayMs) === undefined ? 'never comes, so the window never opens' : undefined;
	} catch {
		return 'is no schedule of cron';
	}
}

function isTimeZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat('en', { timeZone: name });
		return true;
	} catch {
		return false;
	}
}

/** The first opening after this time. Undefined when there is none. Throws when the schedule is none. */
function nextOpening({ schedule, timeZone = 'UTC' }: MaintenanceWindow, afterMs: number): number | undefined {
	const cron = new Cron(schedule, { mode: '5-part', timezone: timeZone, paused: true });
	return cron.nextRun(new Date(afterMs))?.getTime();
}
