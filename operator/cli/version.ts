/** The version of this Meshwright: that of the package, and the commit that a bundle was built from. */
import manifest from '../../package.json' with { type: 'json' };

/** `deploy/build.ts` sets it. Undefined when the sources run as they are. */
declare const MESHWRIGHT_COMMIT: string | undefined;

/** The version alone: `0.1.0`. */
export const ownVersion: string = manifest.version;
const commit: string = typeof MESHWRIGHT_COMMIT === 'string' ? MESHWRIGHT_COMMIT : 'source';

/** `0.1.0 (commit 1a2b3c4d5e6f, node 24.21.0)`. */
export function describeVersion(): string {
	return `${ownVersion} (commit ${commit}, node ${process.versions.node})`;
}
