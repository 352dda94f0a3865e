/**
 * Order of resourceVersions. Clients may compare them as growing whole numbers where both are decimal: promised from
 * Kubernetes 1.35 on (KEP-5504) and true of every server that keeps its objects in etcd.
 */

/**
 * Negative, zero or positive as `a` is older than, the same as or newer than `b`; undefined where their order is not
 * known (an aggregated API server may use any text).
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
	if (a === b) {
		return 0;
	}
	if (!isDecimal(a) || !isDecimal(b)) {
		return undefined;
	}
	// No leading zeros, so the longer one is the larger: beyond 2^53 too.
	if (a.length !== b.length) {
		return a.length - b.length;
	}
	return a < b ? -1 : 1;
}

function isDecimal(text: string): boolean {
	return /^[1-9][0-9]*$/.test(text);
}
