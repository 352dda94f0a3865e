/** Where real injectors are: as the environment says, or nowhere. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { classicReleases, type Minor } from '../../operator/releases/classic/index.ts';

/** The program of a minor, where there is one. Throws where a folder is named in vain: nothing would be tested, and nobody would see it. */
export function programOf(minor: Minor): string | undefined {
	const named = process.env[`MESHWRIGHT_INJECTOR_${minor.replace('.', '_')}`];
	const folder = process.env.MESHWRIGHT_INJECTOR;
	if (named !== undefined || folder === undefined) {
		return named;
	}
	const programs = classicReleases
		.map((release) => ({ minor: release.minor, program: join(folder, release.version, 'sidecar-injector') }))
		.filter(({ program }) => existsSync(program));
	if (programs.length === 0) {
		throw new Error(`MESHWRIGHT_INJECTOR is ${folder}, and no <version>/sidecar-injector is there`);
	}
	return programs.find((each) => each.minor === minor)?.program;
}
