/** Where real injectors are: as the environment says, or nowhere. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Minor, releases } from '../../operator/releases/index.ts';

/** The program of a minor, where there is one. */
export function programOf(minor: Minor): string | undefined {
	const named = process.env[`MESHWRIGHT_INJECTOR_${minor.replace('.', '_')}`];
	const folder = process.env.MESHWRIGHT_INJECTOR;
	const version = releases.find((release) => release.minor === minor)?.version;
	if (named !== undefined || folder === undefined || version === undefined) {
		return named;
	}
	const program = join(folder, version, 'sidecar-injector');
	return existsSync(program) ? program : undefined;
}
