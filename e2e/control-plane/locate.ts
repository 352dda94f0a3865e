/** Finds a control plane for this environment, and builds it where there is none yet. */
import { readdir } from 'node:fs/promises';
import { build, isBuilt, planBuild } from './build.ts';
import { goVersion } from './go.ts';
import { type Parts, pinsFor } from './pins.ts';
import { chooseSource, type Source, setting } from './source.ts';

export type Located = Exclude<Source, { readonly kind: 'build' }>;

async function assetsOf(directory: string | undefined) {
	if (directory === undefined) {
		return undefined;
	}
	try {
		return { directory, files: await readdir(directory) };
	} catch (error) {
		throw new Error(`KUBEBUILDER_ASSETS=${directory} is not a directory that can be read: correct it, or unset it`, {
			cause: error,
		});
	}
}

/**
 * In this order: the cluster that `MESHWRIGHT_TEST_KUBECONFIG` names, the programs in `KUBEBUILDER_ASSETS`, programs
 * built before, programs built now. `KUBECONFIG` is never looked at.
 */
export async function locateControlPlane(
	parts: Parts,
	log: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
	env: NodeJS.ProcessEnv = process.env,
): Promise<Located> {
	const plan = await planBuild(pinsFor(setting(env, 'MESHWRIGHT_KUBERNETES_VERSION')), env);
	const built = (await isBuilt(plan.directory)) ? plan.directory : undefined;
	const source = chooseSource({
		parts,
		kubeconfig: setting(env, 'MESHWRIGHT_TEST_KUBECONFIG'),
		assets: await assetsOf(setting(env, 'KUBEBUILDER_ASSETS')),
		built,
		go: built === undefined ? await goVersion() : undefined,
	});
	if (source.kind !== 'build') {
		return source;
	}
	await build(plan, env, log);
	return { kind: 'binaries', directory: plan.directory };
}
