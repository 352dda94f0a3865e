/**
 * The settings of a spec: all of it but the version, and what says how the operator goes about its work. The inventory keeps
 * those from which a mesh was made, because a change of version often changes settings as well, and then they stand nowhere
 * else.
 */
import { canonicalJson, digest, isObject, type ParsedStatus } from '../../../api/v1/index.ts';

/** Joined clusters are no setting of a release: they come and go in every version. */
const others: ReadonlySet<string> = new Set(['version', 'upgrade', 'paused', 'deletion', 'multiCluster']);

/** Longer settings than this, in characters of JSON, are not kept. A status is an object that etcd has to hold. */
const longestRecord = 64 * 1024;

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

/** The settings of a spec for the inventory: JSON in ASCII, so that nothing in it is hidden. Undefined when it is too long. */
export function recordSettings(spec: unknown): string | undefined {
	const text = canonicalJson(settingsOf(spec)).replace(
		/[^ -~]/g,
		(unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);
	return text.length > longestRecord ? undefined : text;
}

/**
 * The spec with which what runs was made: the recorded settings with its version. Undefined when they are not recorded, or
 * when what is recorded is not what was hashed.
 * @param spec the present one. It has the same settings where only the version has changed since.
 */
export function formerSpec(
	inventory: ParsedStatus['inventory'],
	running: string | undefined,
	spec: unknown,
): Fields | undefined {
	if (running === undefined || inventory?.settings === undefined || inventory.version !== running) return undefined;
	const settings = [readSettings(inventory.spec), settingsOf(spec)].find(
		(one) => one !== undefined && settingsHash(one) === inventory.settings,
	);
	return settings === undefined || recordSettings(settings) === undefined
		? undefined
		: { ...settings, version: running };
}

function readSettings(text: string | undefined): Fields | undefined {
	try {
		const value: unknown = JSON.parse(text ?? '');
		return isObject(value) ? settingsOf(value) : undefined;
	} catch {
		return undefined;
	}
}
