/** `meshwright upgrade plan`: what a change of version of a live mesh would do, and what stands against it. Changes nothing. */
import { fieldsOf } from '../../../api/v1/index.ts';
import { lines } from '../../lines/index.ts';
import { targetsOf } from '../../plan/upgrade/path.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { serverVersionOf } from '../desired.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { type Format, formatValue, table } from '../output.ts';
import { type LimitOptions, limitsOf } from '../program-options.ts';
import { readInstallations } from '../status.ts';
import { painter, print, printDocument } from '../terminal.ts';
import { asStored, planFor, runningVersion } from './ask.ts';
import { planData, planLines } from './view.ts';

export interface PlanOptions extends ConnectionOptions, LimitOptions {
	readonly to?: string;
	readonly output: Format;
}

export function upgradePlan(name: string | undefined, options: PlanOptions): Promise<number> {
	return interruptible(async (signal) => {
		await using api = await connect(options);
		const object = await oneInstallation(api, name);
		const live = asStored(object);
		const from = await runningVersion(live, api);
		const asked = String(fieldsOf(object.spec).version ?? '');
		// Without --to it is about the change that was asked for already, if there is one.
		const to = options.to ?? (from !== undefined && asked !== from ? asked : undefined);
		if (to === undefined) return printTargets(object.metadata.name, from ?? asked, options.output);
		const wanted = { ...object, spec: { ...fieldsOf(object.spec), version: to } };
		const plan = await planFor(wanted, live, from, {
			api,
			serverVersion: await serverVersionOf(api),
			limits: limitsOf(options),
			signal,
		});
		const next = to === asked ? ['The MeshInstallation asks for it already.'] : howToGoOn(object.metadata.name, to);
		if (options.output === 'text') await print(planLines(plan, next, painter('stdout')));
		else await printDocument(formatValue(planData(plan), options.output));
		return plan.judgement.isBlocked ? exitCodes.differs : exitCodes.ok;
	});
}

/** The command, and the one line for those who keep the object in Git. */
export function howToGoOn(name: string, to: string): readonly string[] {
	return [
		'To begin:',
		`  meshwright upgrade ${name} --to ${to}`,
		'or, where the MeshInstallation is in Git, change one line:',
		'  spec:',
		`    version: ${to}`,
	];
}

/** The MeshInstallation that is meant. Throws CommandError when there is none or several. */
export async function oneInstallation(api: ApiServer, name: string | undefined): Promise<KubeObject> {
	const [first, ...others] = await readInstallations(api, name);
	if (first === undefined) {
		throw new CommandError('there is no MeshInstallation in the cluster', 'apply one: kubectl apply -f mesh.yaml');
	}
	if (others.length > 0) {
		const names = [first, ...others].map(({ metadata }) => metadata.name).join(', ');
		throw new CommandError(`there are several MeshInstallations: ${names}`, 'name the one that you mean');
	}
	return first;
}

async function printTargets(name: string, from: string, output: Format): Promise<number> {
	const targets = targetsOf(
		from,
		lines.releases.map(({ version }) => version),
	);
	if (output !== 'text') {
		await printDocument(formatValue({ mesh: name, from, targets }, output));
	} else if (targets.length === 0) {
		await print(
			`MeshInstallation ${name} runs ${from}. This meshwright knows no version to which it could be changed.`,
		);
	} else {
		const rows = targets.map((to) => [from, to, `meshwright upgrade plan ${name} --to ${to}`]);
		await print([
			`MeshInstallation ${name} can be changed to:`,
			'',
			...table([['CURRENT', 'NEXT', 'PLAN'], ...rows]).split('\n'),
		]);
	}
	return exitCodes.ok;
}
