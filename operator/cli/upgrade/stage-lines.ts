/** The stages of a change of version, a line each. Pure. */
import type { ParsedStatus } from '../../../api/v1/index.ts';
import type { Paint } from '../terminal.ts';

export type Upgrade = NonNullable<ParsedStatus['upgrade']>;

const marks = { Done: '✔', Current: '…', Next: '○' } as const;
const colours = { Done: 'green', Current: 'yellow', Next: 'dim' } as const;

/** @param message what the stage waits for that it is at */
export function planLines(plan: NonNullable<Upgrade['plan']>, message: string, paint: Paint): readonly string[] {
	return plan.map(({ stage, state, message: remark }) => {
		const about = state === 'Current' && message !== '' ? message : remark;
		return `${paint(colours[state], marks[state])} ${stage}${about === undefined ? '' : `: ${about}`}`;
	});
}

/** What changes in a mesh, for its status: its version, and what another version of the operator does to it. */
export function upgradeLines({ upgrade, operatorUpgrade }: ParsedStatus, paint: Paint): readonly string[] {
	const { from = '', to = '', state = '', plan = [], waitingFor = '' } = upgrade ?? {};
	const isTold = plan.some((stage) => stage.state === 'Current');
	return [
		...(upgrade === undefined
			? []
			: [
					paint('bold', `upgrade ${from} → ${to}: ${state}`),
					...planLines(plan, waitingFor, paint).map((line) => `  ${line}`),
					...(isTold || waitingFor === '' ? [] : [`  ${waitingFor}`]),
				]),
		...(operatorUpgrade?.state === 'Held'
			? [
					`${paint('bold', `operator ${operatorUpgrade.from} → ${operatorUpgrade.to}: Held`)}`,
					`  ${operatorUpgrade.message}`,
				]
			: []),
	];
}
