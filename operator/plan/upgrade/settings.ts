/**
 * The settings of a spec: all of it but the version, and what says how the operator goes about its work. When they are the
 * same as those of the mesh that runs, the former spec is known: it is the present one with the version before.
 */
import { canonicalJson, digest, isObject } from '../../../api/v1/index.ts';

/** Joined clusters are no setting of a release: they come and go in every version. */
const others: ReadonlySet<string> = new Set(['version', 'upgrade', 'paused', 'deletion', 'multiCluster']);

/** A former spec that is longer than this, in bytes of JSON, is not kept. A status is an object that etcd has to hold. */
const longestFormerSpec = 128 * 1024;

type Fields = Readonly<Record<string, unknown>>;

/** The settings of a spec as it is stored. */
export function settingsOf(spec: unknown): Fields {
	return isObject(spec) ? Object.fromEntries(Object.entries(spec).filter(([name]) => !others.has(name))) : {};
}

/** A hash of the settings of a spec. */
export function settingsHash(spec: unknown): string {
	return digest(canonicalJson(settingsOf(spec)));
}

/** A hash of what was tried: a version with these settings. */
export function triedHash(version: string, settings: string): string {
	return digest(`${version} ${settings}`);
}

/**
 * The spec to go back to, as it is recorded: these settings with this version. Undefined when it is too long to be kept.
 */
export function formerSpec(spec: unknown, version: string): Fields | undefined {
	const former = { ...settingsOf(spec), version };
	return Buffer.byteLength(JSON.stringify(former)) > longestFormerSpec ? undefined : former;
}
