/** `meshwright upgrade approve`: lets a change go on that stops as its owner asked. Prints what to write, or writes it. */
import { fieldsOf, isObject, type ParsedStatus } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { viewOf } from '../status-view.ts';
import { print } from '../terminal.ts';
import { assertNotOfGit, change, type Operation } from './change.ts';
import { oneInstallation } from './plan.ts';

export interface ApproveOptions extends ConnectionOptions {
	/** Whether to change the object. Otherwise the lines for it are printed. */
	readonly apply: boolean;
	readonly forceConflicts: boolean;
}

export function upgradeApprove(name: string | undefined, options: ApproveOptions): Promise<number> {
	return interruptible(async (signal) => {
		await using api = await connect(options);
		const object = await oneInstallation(api, name);
		const mesh = object.metadata.name;
		const approved = approvalOf(viewOf(object).status);
		if (approved === undefined) {
			throw new CommandError(
				`MeshInstallation ${mesh} waits for no approval`,
				`meshwright status ${mesh} says what it waits for`,
			);
		}
		const lines = approvalLines({ ...before(object), ...approved });
		if (!options.apply) {
			await print(lines);
			return exitCodes.ok;
		}
		assertNotOfGit(object, ['spec', 'upgrade', 'approved'], lines, options);
		await change(api, object, approvalOperations(object, approved), signal);
		await print(`approved: ${describe(approved)}`);
		return exitCodes.ok;
	});
}

export interface Approval {
	readonly version?: string;
	readonly stage?: string;
	readonly operator?: string;
}

/** What waits for its owner's approval now: the next stage, what another version of the operator changes, or both. Pure. */
export function approvalOf({ upgrade, operatorUpgrade }: ParsedStatus): Approval | undefined {
	const stage = upgrade?.plan?.find(({ state }) => state === 'Next')?.stage;
	const ofStage =
		upgrade?.state === 'WaitingForApproval' && stage !== undefined ? { version: upgrade.to, stage } : undefined;
	const ofOperator = operatorUpgrade?.state === 'Held' ? { operator: operatorUpgrade.to } : undefined;
	return ofStage === undefined && ofOperator === undefined ? undefined : { ...ofStage, ...ofOperator };
}

function before({ spec }: KubeObject): Approval {
	const { approved } = fieldsOf(fieldsOf(spec).upgrade);
	return isObject(approved) ? (approved as Approval) : {};
}

export function approvalLines(approved: Approval): readonly string[] {
	return [
		'spec:',
		'  upgrade:',
		'    approved:',
		...Object.entries(approved).map(([field, value]) => `      ${field}: ${JSON.stringify(value)}`),
	];
}

function approvalOperations(object: KubeObject, approved: Approval): readonly Operation[] {
	const { upgrade } = fieldsOf(object.spec);
	return [
		...(isObject(upgrade) ? [] : [{ op: 'add', path: '/spec/upgrade', value: {} } as const]),
		{ op: 'add', path: '/spec/upgrade/approved', value: { ...before(object), ...approved } },
	];
}

function describe({ version, stage, operator }: Approval): string {
	return [
		...(stage === undefined ? [] : [`stage ${stage} of the upgrade to ${version ?? ''}`]),
		...(operator === undefined ? [] : [`what operator ${operator} changes`]),
	].join(', and ');
}
