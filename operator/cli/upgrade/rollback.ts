/** `meshwright upgrade rollback`: goes back to the version before, while a change of version goes on or is held. */
import { fieldsOf, isObject, type ParsedStatus, upgradeDespiteAnnotation } from '../../../api/v1/index.ts';
import { toldOf } from '../../plan/proxies/told.ts';
import { courseOf, whyNotBack } from '../../plan/upgrade/course.ts';
import { settingsHash } from '../../plan/upgrade/settings.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { viewOf } from '../status-view.ts';
import { print } from '../terminal.ts';
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

export interface RollbackOptions extends ConnectionOptions, ChangeOptions {
	/** Names of blockers on which the owner insists. */
	readonly despite?: readonly string[];
	readonly output: 'text' | 'json';
}

export function upgradeRollback(name: string | undefined, options: RollbackOptions): Promise<number> {
	const { despite = [], output } = options;
	return interruptible(async (signal) => {
		await using api = await connect(options);
		const object = await oneInstallation(api, name);
		const mesh = object.metadata.name;
		const way = wayBackOf(object, viewOf(object).status, despite);
		if ('why' in way) throw new CommandError(way.why, way.remedy);
		const { to, operations } = way;
		const isOfSpec = operations.some(({ path }) => path === '/spec');
		assertNotOfGit(object, isOfSpec ? ['spec'] : ['spec', 'version'], ['spec:', `  version: ${to}`], options);
		const settings = isOfSpec ? ', with the settings of that time' : '';
		if (!(await mayGoOn(`Take MeshInstallation ${mesh} back to ${to}${settings}?`, options, signal))) return declined;
		const { metadata } = operations.length === 0 ? object : await change(api, object, operations, signal);
		if (output === 'json') await printEvent('begun', { mesh, to });
		else await print(`MeshInstallation ${mesh} goes back to ${to}${settings}, in the reverse order of stages.`);
		const goal = { version: to, generation: metadata.generation ?? 0 };
		const exitCode = await follow(api, { mesh, goal, output, signal });
		return exitCode === exitCodes.rolledBack ? exitCodes.ok : exitCode;
	});
}

export type WayBack =
	| { readonly to: string; readonly operations: readonly Operation[] }
	| { readonly why: string; readonly remedy: string };

/** What has to be changed to go back, or why that is refused. Pure. */
export function wayBackOf(object: KubeObject, status: ParsedStatus, despite: readonly string[]): WayBack {
	const mesh = object.metadata.name;
	const { upgrade } = status;
	if (upgrade === undefined) {
		return {
			why: `no change of version of MeshInstallation ${mesh} goes on, so there is nothing to go back from`,
			remedy: 'an older release than the one that runs can’t follow it: its control plane refuses newer proxies',
		};
	}
	const { from, to, previous } = upgrade;
	const { at, reached } = courseOf(upgrade);
	const blocker = whyNotBack(upgrade, Math.max(at, reached), (version) => toldOf(status, version));
	const insisted = (object.metadata.annotations?.[upgradeDespiteAnnotation] ?? '')
		.split(',')
		.map((name) => name.trim());
	if (blocker !== undefined && ![...despite, ...insisted].includes(blocker.name)) {
		return {
			why: `MeshInstallation ${mesh} can’t go back from ${to}: ${blocker.subject} ${blocker.message}`,
			remedy: `${blocker.remedy}; or insist: meshwright upgrade rollback ${mesh} --despite ${blocker.name}`,
		};
	}
	const insisting =
		despite.length === 0 ? [] : annotationOperation(object, upgradeDespiteAnnotation, despite.join(','));
	return { to: from, operations: [...insisting, ...specOperations(object, from, previous)] };
}

/** The version alone where the settings are those of before, or where nobody recorded them. */
function specOperations(object: KubeObject, from: string, previous: unknown): readonly Operation[] {
	const spec = fieldsOf(object.spec);
	if (!isObject(previous) || settingsHash(previous) === settingsHash(spec))
		return spec.version === from ? [] : [{ op: 'replace', path: '/spec/version', value: from }];
	// What says how the operator goes about its work, and the joined clusters, are no settings of a release.
	const stays = Object.fromEntries(
		['upgrade', 'paused', 'deletion', 'multiCluster'].flatMap((field) =>
			spec[field] === undefined ? [] : [[field, spec[field]]],
		),
	);
	return [{ op: 'replace', path: '/spec', value: { ...previous, ...stays, version: from } }];
}
