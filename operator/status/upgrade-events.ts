/** The Events about a change of version: each stage once, and whatever stops it. */
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { StatusNotice } from './status-notice.ts';

type Upgrade = NonNullable<ParsedStatus['upgrade']>;

/** The Events for the step from one status to the next. */
export function upgradeTransitions(before: ParsedStatus | undefined, after: ParsedStatus): readonly StatusNotice[] {
	const [was, is] = [before?.upgrade, after.upgrade];
	if (is === undefined) return was === undefined ? [] : ended(was, after);
	const about = `upgrade from ${is.from} to ${is.to}`;
	return [
		...(was === undefined || was.to !== is.to ? [normal('UpgradeStarted', `${about} is asked for`)] : []),
		...insisted(was, is),
		...stateNotices(was, is, about),
	];
}

function stateNotices(was: Upgrade | undefined, is: Upgrade, about: string): readonly StatusNotice[] {
	const isNews = was?.state !== is.state || was.to !== is.to;
	const why = is.waitingFor ?? '';
	switch (is.state) {
		case 'Progressing':
			return is.stage !== undefined && (was?.stage !== is.stage || was.to !== is.to)
				? [normal('UpgradeStage', `${about}: stage ${is.stage} begins`)]
				: [];
		case 'RollingBack':
			if (isNews) {
				const message = `goes back from ${is.to} to ${is.from}${is.failure === undefined ? '' : `: ${is.failure}`}`;
				return [{ type: is.failure === undefined ? 'Normal' : 'Warning', reason: 'RollingBack', message }];
			}
			return was.stage === is.stage
				? []
				: [normal('UpgradeStage', `on the way back to ${is.from}: stage ${is.stage ?? ''} begins`)];
		case 'WaitingForApproval':
		case 'WaitingForWindow':
			return isNews ? [normal(is.state, `${about}: ${why}`)] : [];
		case 'Blocked':
			return isNews ? [{ type: 'Warning', reason: 'UpgradeBlocked', message: `${about} is not begun: ${why}` }] : [];
		case 'Held':
			return isNews ? [{ type: 'Warning', reason: 'UpgradeHeld', message: `${about} is held: ${why}` }] : [];
		case 'RolledBack':
			return isNews ? [{ type: 'Warning', reason: 'RolledBack', message: why }] : [];
	}
}

/** Blockers on which somebody insists: that is worth an Event of its own. */
function insisted(was: Upgrade | undefined, { findings = [] }: Upgrade): readonly StatusNotice[] {
	const known = new Set(was?.findings?.flatMap(({ name, severity }) => (severity === 'Insisted' ? [name] : [])));
	return findings
		.filter(({ name, severity }) => severity === 'Insisted' && !known.has(name))
		.map(({ name, message }) => ({ type: 'Warning', reason: 'UpgradeInsisted', message: `${name}: ${message}` }));
}

function ended({ from, to }: Upgrade, { version }: ParsedStatus): readonly StatusNotice[] {
	if (version === to) return [normal('UpgradeFinished', `upgrade from ${from} to ${to}: all stages are over`)];
	return version === from ? [normal('UpgradeEnded', `runs ${from}, as it did before the upgrade to ${to}`)] : [];
}

function normal(reason: string, message: string): StatusNotice {
	return { type: 'Normal', reason, message };
}
