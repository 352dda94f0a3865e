/** How far a change of version is, from the status of its mesh, and how that is told. Pure. */
import { exitCodes } from '../exit-codes.ts';
import type { InstallationView } from '../status-view.ts';
import type { Paint } from '../terminal.ts';
import { planLines, type Upgrade } from './stage-lines.ts';

/**
 * - `going`: it goes on.
 * - `done`: the mesh runs the version.
 * - `blocked`: checks forbid it. Nothing was changed.
 * - `waiting`: it stops before a stage, as its owner asked.
 * - `held`: a stage failed. Pods of the version before serve on.
 * - `rolledBack`: a stage failed, and the mesh runs the version before again.
 */
export const outcomes = ['going', 'done', 'blocked', 'waiting', 'held', 'rolledBack'] as const;

export type Outcome = (typeof outcomes)[number];

export interface Progress {
	readonly outcome: Outcome;
	readonly stage: string | undefined;
	/** What it waits for, or why it stands. */
	readonly message: string;
	/** The stages, in the order in which they are walked. */
	readonly plan: NonNullable<Upgrade['plan']>;
}

/** What is waited for. */
export interface Goal {
	/** The version that the mesh shall run. */
	readonly version: string;
	/** The generation of the object that asks for it. */
	readonly generation: number;
}

/** Exit codes of the commands that follow a change of version. `going` ends with Ctrl-C alone. */
export const exitCodeOf: Readonly<Record<Outcome, number>> = {
	going: exitCodes.interrupted,
	done: exitCodes.ok,
	blocked: exitCodes.blocked,
	waiting: exitCodes.waiting,
	held: exitCodes.held,
	rolledBack: exitCodes.rolledBack,
};

const outcomeOf: Readonly<Record<Upgrade['state'], Outcome>> = {
	Blocked: 'blocked',
	Progressing: 'going',
	WaitingForApproval: 'waiting',
	WaitingForWindow: 'waiting',
	Held: 'held',
	RollingBack: 'going',
	RolledBack: 'rolledBack',
};

export function progressOf({ status, name }: InstallationView, goal: Goal): Progress {
	const { upgrade, conditions = [], version, observedGeneration = -1 } = status;
	if (observedGeneration < goal.generation)
		return { outcome: 'going', stage: undefined, message: 'the operator has not looked at it yet', plan: [] };
	const ready = conditions.find(({ type }) => type === 'Ready');
	if (upgrade !== undefined) {
		const { state, stage, waitingFor = '', plan = [] } = upgrade;
		// Somebody goes back by the spec: then to be back is what is wanted.
		const isBack = state === 'RolledBack' && goal.version === upgrade.from;
		const isHeldBack = state === 'RollingBack' && ready?.status === 'False';
		const outcome = isBack ? 'done' : isHeldBack ? 'held' : outcomeOf[state];
		return { outcome, stage, message: waitingFor, plan };
	}
	if (version === goal.version && ready?.status === 'True')
		return { outcome: 'done', stage: undefined, message: `mesh ${name} runs ${goal.version}`, plan: [] };
	const stalled = conditions.find(({ type, status: value }) => type === 'Stalled' && value === 'True');
	const why = stalled ?? ready;
	return {
		outcome: stalled === undefined ? 'going' : 'held',
		stage: undefined,
		message: why === undefined ? 'it is under way' : `${why.reason}: ${why.message}`,
		plan: [],
	};
}

/** All stages, for a terminal where they are written over. */
export function stageLines({ plan, stage, message }: Progress, paint: Paint): readonly string[] {
	if (plan.length === 0) return [`${paint('yellow', '…')} ${message}`];
	const isTold = plan.some(({ state }) => state === 'Current');
	return [
		...planLines(plan, message, paint),
		...(isTold || message === ''
			? []
			: [`${paint('yellow', '…')} ${stage === undefined ? '' : `${stage}: `}${message}`]),
	];
}

/** What is new since the line before, for a log. */
export function changeLines(before: Progress | undefined, after: Progress, paint: Paint): readonly string[] {
	const done = ({ plan }: Pick<Progress, 'plan'>) =>
		plan.filter(({ state }) => state === 'Done').map(({ stage }) => stage);
	const known = new Set(before === undefined ? [] : done(before));
	const isSame = before?.message === after.message && before.stage === after.stage;
	return [
		...done(after)
			.filter((stage) => !known.has(stage))
			.map((stage) => `${paint('green', '✔')} ${stage}`),
		...(isSame || after.outcome !== 'going'
			? []
			: [`${paint('yellow', '…')} ${after.stage === undefined ? '' : `${after.stage}: `}${after.message}`]),
	];
}

/** The last words, with what can be done. */
export function endLines(mesh: string, { outcome, message }: Progress, goal: Goal, paint: Paint): readonly string[] {
	switch (outcome) {
		case 'done':
			return [`${paint('green', '✔')} mesh ${mesh} runs ${goal.version}`];
		case 'blocked':
			return [
				`${paint('red', '✘')} blocked, and nothing was changed: ${message}`,
				`  do: what it says; meshwright upgrade plan ${mesh} shows all of it`,
			];
		case 'waiting':
			return [
				`${paint('yellow', '…')} it stops as asked: ${message}`,
				`  do: meshwright upgrade approve ${mesh}, where it waits for that; meshwright status ${mesh} --watch follows it`,
			];
		case 'held':
			return [
				`${paint('red', '✘')} held; pods of the version before serve on: ${message}`,
				`  do: mend what it names, and it goes on by itself; or go back: meshwright upgrade rollback ${mesh}`,
			];
		case 'rolledBack':
			return [
				`${paint('red', '✘')} rolled back: ${message}`,
				'  do: set spec.version to the version that runs, or change what made it fail',
			];
		case 'going':
			return [`${paint('yellow', '…')} it goes on without this command: meshwright status ${mesh} --watch follows it`];
	}
}
