/**
 * Which release a custom resource definition in the cluster came from. Definitions are shared by all meshes of a cluster,
 * so a mesh of an older release must never put its own over those of a newer one.
 */

/** Annotation that holds the release: `1.4.10`. */
export const crdVersionAnnotation = 'meshwright.io/crd-version';

function parts(version: string): readonly [number, number, number] | undefined {
	const [, major, minor, patch] = /^([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})$/.exec(version) ?? [];
	return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

/**
 * How the release that we want compares with the one that is there: `unknown` when the live definition carries no
 * annotation or one that is no version. Throws `RangeError` when `desired` is no version: a defect of the caller.
 */
export function crdVersionOrder(live: string | undefined, desired: string): 'older' | 'same' | 'newer' | 'unknown' {
	const want = parts(desired);
	if (want === undefined) {
		throw new RangeError(`not a full version: ${JSON.stringify(desired)}`);
	}
	const have = live === undefined ? undefined : parts(live);
	if (have === undefined) {
		return 'unknown';
	}
	for (const [index, wanted] of want.entries()) {
		const difference = wanted - (have[index] ?? 0);
		if (difference !== 0) {
			return difference < 0 ? 'older' : 'newer';
		}
	}
	return 'same';
}

/** Whether applying the definitions of `desired` would take a newer release's away. Unknown is not a downgrade: whoever owns it decides about adoption. */
export function isDowngrade(live: string | undefined, desired: string): boolean {
	return crdVersionOrder(live, desired) === 'older';
}
