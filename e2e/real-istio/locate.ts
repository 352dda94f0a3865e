/** Finds Istio's own programs of the istiod line, and builds them where the environment asks for it. */
import path from 'node:path';
import { goVersion } from '../control-plane/go.ts';
import { isGoUsable, setting } from '../control-plane/source.ts';
import { buildIstio, type IstioPlan, isIstioBuilt, planIstio } from './build.ts';
import { type IstioPins, type IstioProgram, istioPins } from './pins.ts';

/** `1`: build them where they are not there. `0`: leave them alone. Unset: use what is built. */
export const realIstioVariable = 'MESHWRIGHT_REAL_ISTIO';

export interface RealIstio {
	readonly pins: IstioPins;
	/** The file of a program. */
	readonly program: (name: IstioProgram) => string;
	/** Upstream's charts and profiles, for `istioctl --manifests`. */
	readonly manifests: string;
	/** The template of the configuration with which Envoy starts. */
	readonly bootstrap: string;
	readonly envoy: string;
}

/** @throws where the variable is neither 0 nor 1, and where a build fails */
export async function locateRealIstio(
	pins: IstioPins,
	log: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
	env: NodeJS.ProcessEnv = process.env,
): Promise<RealIstio | undefined> {
	const wish = setting(env, realIstioVariable);
	if (wish !== undefined && wish !== '0' && wish !== '1') {
		throw new Error(`${realIstioVariable}=${wish}: 1 builds Istio's own programs, 0 leaves out tests with them`);
	}
	if (wish === '0') return undefined;
	const plan = await planIstio(pins, env);
	if (!(await isIstioBuilt(plan))) {
		if (wish === undefined) return undefined;
		await requireGo(env);
		await buildIstio(plan, env, log);
	}
	return found(plan);
}

/** Every line of which there are programs. */
export async function locateAll(
	log?: (line: string) => void,
	env: NodeJS.ProcessEnv = process.env,
): Promise<readonly RealIstio[]> {
	const all: RealIstio[] = [];
	for (const pins of istioPins) {
		const real = await locateRealIstio(pins, log, env);
		if (real !== undefined) all.push(real);
	}
	return all;
}

async function requireGo(env: NodeJS.ProcessEnv): Promise<void> {
	const version = await goVersion(env);
	if (version === undefined || !isGoUsable(version)) {
		const why = version === undefined ? 'there is no Go' : `${version} is too old`;
		throw new Error(
			`no Istio to test against, since ${why}. Install Go 1.26 or newer (https://go.dev/dl/), or unset ${realIstioVariable}`,
		);
	}
}

function found({ pins, directory, envoyDirectory }: IstioPlan): RealIstio {
	return {
		pins,
		program: (name) => path.join(directory, name),
		manifests: path.join(directory, 'manifests'),
		bootstrap: path.join(directory, 'envoy_bootstrap.json'),
		envoy: path.join(envoyDirectory, 'envoy'),
	};
}
