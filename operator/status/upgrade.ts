/** What a change of version means for the status: its entry there, and what the conditions say of it. */
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { Verdict } from './verdict.ts';

export type UpgradeStatus = NonNullable<ParsedStatus['upgrade']>;

/** What a pass has come to. `none`: the version does not change. */
export type UpgradeObservation =
	| 'none'
	| {
			/** What is to be told. Undefined when the change is over. */
			readonly record: UpgradeStatus | undefined;
			/** The version that it leads to. */
			readonly to: string;
			/** Why it does not get on, as far as that is known. On the way back only once its deadline has passed. */
			readonly trouble: { readonly reason: string; readonly message: string } | undefined;
			/** Of a change that is over: whether nothing of the other version is left. */
			readonly isSettled?: boolean;
	  };

/** The entry in the status. What this pass did not look at stays as it was. */
export function upgradeStatus(
	upgrade: UpgradeObservation | undefined,
	previous: ParsedStatus | undefined,
): { readonly upgrade?: UpgradeStatus } {
	const record = upgrade === undefined ? previous?.upgrade : upgrade === 'none' ? undefined : upgrade.record;
	return record === undefined ? {} : { upgrade: record };
}

/** What runs when a change of version is over. */
export function finishedVersion(upgrade: UpgradeObservation | undefined): string | undefined {
	return upgrade === undefined || upgrade === 'none' || upgrade.record !== undefined ? undefined : upgrade.to;
}

/** What a change of version says about `Ready`. Undefined when it says nothing. */
export function upgradeVerdict(upgrade: UpgradeObservation | undefined): Verdict | undefined {
	if (upgrade === undefined || upgrade === 'none' || upgrade.isSettled === true) return undefined;
	const { record, trouble, to: version } = upgrade;
	if (record === undefined)
		return {
			status: 'Unknown',
			reason: 'Progressing',
			message: `all stages to ${version} are over; what only the other version has goes`,
		};
	const { from, to, state, stage, waitingFor = '' } = record;
	const about = `upgrade from ${from} to ${to}`;
	const at = stage === undefined ? '' : `, stage ${stage}`;
	switch (state) {
		case 'Blocked':
			return { status: 'False', reason: 'UpgradeBlocked', message: `${about} is not begun: ${waitingFor}` };
		case 'Held':
			return { status: 'False', reason: trouble?.reason ?? 'UpgradeHeld', message: `${about} is held: ${waitingFor}` };
		case 'RolledBack':
			return { status: 'False', reason: 'RolledBack', message: waitingFor };
		case 'RollingBack':
			return trouble === undefined
				? {
						status: 'Unknown',
						reason: 'RollingBack',
						message: `on the way back from ${to} to ${from}${at}: ${waitingFor}`,
					}
				: { status: 'False', reason: trouble.reason, message: `the way back to ${from} is held: ${waitingFor}` };
		case 'WaitingForApproval':
		case 'WaitingForWindow':
			return { status: 'Unknown', reason: state, message: `${about}: ${waitingFor}` };
		case 'Progressing':
			return { status: 'Unknown', reason: trouble?.reason ?? 'Progressing', message: `${about}${at}: ${waitingFor}` };
	}
}

/** One word for a person, with the stage. Undefined when the version does not change. */
export function upgradePhase(upgrade: UpgradeObservation | undefined): string | undefined {
	if (upgrade === undefined || upgrade === 'none' || upgrade.isSettled === true) return undefined;
	if (upgrade.record === undefined) return 'Upgrading';
	const { state, stage } = upgrade.record;
	const word = state === 'Progressing' ? 'Upgrading' : state === 'Blocked' ? 'UpgradeBlocked' : state;
	return stage === undefined ? word : `${word} (${stage})`;
}
