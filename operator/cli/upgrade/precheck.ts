/**
 * `meshwright precheck -f mesh.yaml`: all checks of a MeshInstallation in a file, against a cluster or without one, before
 * anybody applies it. Changes nothing.
 */

import type { StoredInstallation } from '../../mesh/installation.ts';
import type { UpgradePlan } from '../../plan/upgrade/plan.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { serverVersionOf } from '../desired.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Input, readInput } from '../input.ts';
import { interruptible } from '../interruption.ts';
import { type Format, formatValue } from '../output.ts';
import { type LimitOptions, limitsOf } from '../program-options.ts';
import { painter, print, printDocument } from '../terminal.ts';
import { asStored, planFor, runningVersion } from './ask.ts';
import { planData, planLines } from './view.ts';

export interface PrecheckOptions extends ConnectionOptions, LimitOptions {
	readonly filename: readonly string[];
	/** False: no cluster is asked. */
	readonly cluster: boolean;
	/** The version that runs. Default: that of the mesh of the same name in the cluster. */
	readonly from?: string;
	readonly output: Format;
}

export function precheck(options: PrecheckOptions): Promise<number> {
	return interruptible(async (signal) => {
		const inputs = await readInput(options.filename);
		if (!options.cluster) return report(await plansOf(inputs, undefined, options, signal), options.output);
		await using api = await connect(options);
		return await report(await plansOf(inputs, api, options, signal), options.output);
	});
}

async function plansOf(
	inputs: readonly Input[],
	api: ApiServer | undefined,
	options: PrecheckOptions,
	signal: AbortSignal,
): Promise<readonly UpgradePlan[]> {
	const serverVersion = api === undefined ? undefined : await serverVersionOf(api);
	const plans: UpgradePlan[] = [];
	for (const { object } of inputs) {
		const live = api === undefined ? undefined : await liveOf(api, object);
		const from =
			options.from ?? (live === undefined || api === undefined ? undefined : await runningVersion(live, api));
		plans.push(await planFor(object, live, from, { api, serverVersion, limits: limitsOf(options), signal }));
	}
	return plans;
}

/** The mesh of the same name in the cluster. */
async function liveOf(api: ApiServer, object: unknown): Promise<StoredInstallation | undefined> {
	const { metadata } = object as { readonly metadata?: { readonly name?: unknown } | null };
	const name = metadata?.name;
	if (typeof name !== 'string' || name === '') return undefined;
	const { apiVersion, kind } = kinds.MeshInstallation;
	try {
		return asStored(await api.get({ apiVersion, kind, name }));
	} catch (error) {
		if (isNotFound(error)) return undefined;
		throw error;
	}
}

async function report(plans: readonly UpgradePlan[], output: Format): Promise<number> {
	if (output === 'text') {
		const paint = painter('stdout');
		const told = plans.map((plan) => planLines(plan, ['Nothing stands against applying it.'], paint));
		await print(told.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines])));
	} else {
		await printDocument(formatValue(plans.map(planData), output));
	}
	return plans.some(({ judgement }) => judgement.isBlocked) ? exitCodes.differs : exitCodes.ok;
}
