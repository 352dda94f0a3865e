/** `meshwright upgrade`: plan, checks, a question, one changed field, and then the stages as they happen. */
import { fieldsOf, upgradeDespiteAnnotation } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { serverVersionOf } from '../desired.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { type LimitOptions, limitsOf } from '../program-options.ts';
import { note, painter, print } from '../terminal.ts';
import { asStored, planFor, runningVersion } from './ask.ts';
import {
	annotationOperation,
	assertNotOfGit,
	type ChangeOptions,
	change,
	declined,
	mayGoOn,
	type Operation,
} from './change.ts';
import { follow, printEvent } from './follow.ts';
import { oneInstallation } from './plan.ts';
import { planData, planLines } from './view.ts';

export interface UpgradeOptions extends ConnectionOptions, LimitOptions, ChangeOptions {
	/** The version to change to. */
	readonly to?: string;
	/** Names of blockers on which the owner insists. */
	readonly despite?: readonly string[];
	/** Plan and checks alone. */
	readonly dryRun: boolean;
	readonly output: 'text' | 'json';
}

export async function upgrade(name: string | undefined, options: UpgradeOptions): Promise<number> {
	const { to, despite, output } = options;
	if (to === undefined)
		throw new CommandError('say to which version: --to', 'meshwright upgrade plan lists those that may follow');
	return interruptible(async (signal) => {
		await using api = await connect(options);
		const object = await oneInstallation(api, name);
		const mesh = object.metadata.name;
		const live = asStored(object);
		const from = await runningVersion(live, api);
		const asked = fieldsOf(object.spec).version;
		if (from === to && asked === to && live.status?.upgrade === undefined) {
			if (output === 'json')
				await printEvent('end', { mesh, outcome: 'done', message: `mesh ${mesh} runs ${to} already` });
			else await print(`mesh ${mesh} runs ${to} already`);
			return exitCodes.ok;
		}
		const serverVersion = await serverVersionOf(api);
		const limits = limitsOf(options);
		const plan = await planFor(wantedOf(object, to, despite), live, from, { api, serverVersion, limits, signal });
		if (output === 'json') await printEvent('plan', planData(plan));
		else await print([...planLines(plan, [], painter('stdout'))]);
		if (plan.judgement.isBlocked) {
			if (output === 'json')
				await printEvent('end', { mesh, outcome: 'blocked', message: 'blockers stand against it' });
			return exitCodes.blocked;
		}
		if (options.dryRun) {
			note('Nothing stands against it. Nothing was changed.');
			return exitCodes.ok;
		}
		const goal = { version: to, generation: object.metadata.generation ?? 0 };
		if (asked === to) return await follow(api, { mesh, goal, output, signal });
		assertNotOfGit(object, ['spec', 'version'], ['spec:', `  version: ${to}`], options);
		const question = `Change MeshInstallation ${mesh} from ${from ?? String(asked)} to ${to}?`;
		if (!(await mayGoOn(question, options, signal))) return declined;
		const changed = await change(api, object, operationsFor(object, to, despite), signal);
		if (output === 'json') await printEvent('begun', { mesh, from, to });
		else note('The operator walks through the stages. Ctrl-C ends this command, and not the upgrade.');
		const { generation = 0 } = changed.metadata;
		return await follow(api, { mesh, goal: { version: to, generation }, output, signal });
	});
}

/** The object as it shall be. */
function wantedOf(object: KubeObject, to: string, despite: readonly string[] | undefined): KubeObject {
	const { metadata, spec } = object;
	const insisting = despite === undefined ? {} : { [upgradeDespiteAnnotation]: despite.join(',') };
	return {
		...object,
		metadata: { ...metadata, annotations: { ...metadata.annotations, ...insisting } },
		spec: { ...fieldsOf(spec), version: to },
	};
}

function operationsFor(object: KubeObject, to: string, despite: readonly string[] | undefined): readonly Operation[] {
	return [
		...(despite === undefined ? [] : annotationOperation(object, upgradeDespiteAnnotation, despite.join(','))),
		{ op: 'replace', path: '/spec/version', value: to },
	];
}
