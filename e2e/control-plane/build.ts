/** Builds the control plane's programs from their Go modules, once per version, into a cache outside the checkout. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildOnce, cacheRoot, exists } from './build-once.ts';
import { go } from './go.ts';
import { copyModule, installPrograms, pinnedGo } from './go-module.ts';
import { defaultMinor, linkerFlags, type Pins, type Program, programs } from './pins.ts';
import { Progress } from './progress.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** What is to be built, from what, and where to. */
export interface BuildPlan {
	readonly pins: Pins;
	/** Where the finished programs are. */
	readonly directory: string;
	/** Content of go.mod and go.sum; undefined where they are resolved anew. */
	readonly module: { readonly mod: string; readonly sum: string } | undefined;
}

/** Says what is built where; the directory's name changes with every input of the build. */
export async function planBuild(pins: Pins, env: NodeJS.ProcessEnv): Promise<BuildPlan> {
	const module =
		pins.minor === defaultMinor
			? {
					mod: await readFile(path.join(here, 'go.mod'), 'utf8'),
					sum: await readFile(path.join(here, 'go.sum'), 'utf8'),
				}
			: undefined;
	const inputs = [
		pins,
		module,
		linkerFlags(pins),
		programs.map((program) => program.package),
		process.platform,
		process.arch,
	];
	const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
	return { pins, module, directory: path.join(cacheRoot(env), 'control-plane', `${pins.kubernetes}-${hash}`) };
}

/** A go.mod for a minor that has none checked in: the staging modules are pinned as `k8s.io/kubernetes`' own go.mod names them. */
export function generatedModule(pins: Pins, kubernetesModule: string): string {
	const goVersion = /^go (\S+)$/m.exec(kubernetesModule)?.[1];
	const godebug = /^godebug default=(\S+)$/m.exec(kubernetesModule)?.[1];
	const staging = [...kubernetesModule.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\//gm)].map((match) => match[1]);
	if (goVersion === undefined || staging.length === 0) {
		throw new Error(`the go.mod of k8s.io/kubernetes ${pins.kubernetes} names no Go version or no staging modules`);
	}
	return [
		'module meshwright.io/e2e/control-plane',
		`go ${goVersion}`,
		...(godebug === undefined ? [] : [`godebug default=${godebug}`]),
		...staging.map((name) => `replace ${name} => ${name} ${pins.staging}`),
		'',
	].join('\n');
}

const product = 'kube-apiserver';

/** True when the directory holds a finished build. */
export function isBuilt(directory: string): Promise<boolean> {
	return exists(path.join(directory, product));
}

/**
 * The programs that are built from the one module. kwok is written against a certain version of Kubernetes' libraries and
 * does not compile with every other: only the checked-in module holds it too.
 */
function inModule({ module }: BuildPlan): readonly Program[] {
	return module === undefined ? programs.filter((program) => program.name !== 'kwok') : programs;
}

async function writeModule(plan: BuildPlan, directory: string, env: NodeJS.ProcessEnv): Promise<void> {
	const { pins, module } = plan;
	const modFile = path.join(directory, 'go.mod');
	if (module !== undefined) {
		await writeFile(modFile, module.mod);
		await writeFile(path.join(directory, 'go.sum'), module.sum);
		return;
	}
	await writeFile(modFile, 'module meshwright.io/e2e/control-plane\n');
	const answer = (await go(['mod', 'download', '-json', `k8s.io/kubernetes@${pins.kubernetes}`], directory, env)).join(
		'\n',
	);
	const file = /"GoMod": "([^"]+)"/.exec(answer)?.[1];
	if (file === undefined) {
		throw new Error(`go mod download k8s.io/kubernetes@${pins.kubernetes} names no go.mod`);
	}
	await writeFile(modFile, generatedModule(pins, await readFile(file, 'utf8')));
	const tools = inModule(plan).map((program) => `${program.package}@${program.version(pins)}`);
	await go(['get', '-tool', ...tools], directory, { ...env, GOFLAGS: '-mod=mod' });
}

async function compile(
	plan: BuildPlan,
	directory: string,
	outer: NodeJS.ProcessEnv,
	log: (line: string) => void,
): Promise<void> {
	const source = path.join(directory, 'source');
	await mkdir(source);
	const env = { ...outer, ...pinnedGo, GOBIN: directory };
	const progress = new Progress(`building Kubernetes ${plan.pins.kubernetes} (once, about 4 minutes)`, log);
	try {
		progress.step('fetching modules');
		await writeModule(plan, source, env);
		const together = inModule(plan);
		const packages = together.map((program) => program.package);
		const apart = programs
			.filter((program) => !together.includes(program))
			.map((program) => `${program.package}@${program.version(plan.pins)}`);
		await installPrograms({
			source,
			targets: [packages, ...apart.map((target) => [target])],
			counted: packages,
			linkerFlags: linkerFlags(plan.pins),
			env,
			progress,
		});
	} finally {
		progress.end();
	}
	for (const program of programs) {
		if (program.installedAs !== program.name) {
			await rename(path.join(directory, program.installedAs), path.join(directory, program.name));
		}
	}
	// What the programs were built from stays beside them.
	await copyModule(source, directory);
	await rm(source, { recursive: true });
}

/** Returns when the programs are in the plan's directory, having built them if they were not. */
export function build(plan: BuildPlan, env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<void> {
	return buildOnce({
		directory: plan.directory,
		product,
		onWait: () => log(`another process builds Kubernetes ${plan.pins.kubernetes}: waiting for it`),
		compile: (temporary) => compile(plan, temporary, env, log),
	});
}
