/**
 * Compares resourceVersions. Clients may compare decimal ones as growing whole numbers: Kubernetes promises that from 1.35
 * on (KEP-5504), and it is true of every server that keeps its objects in etcd.
 */

/**
 * Negative, zero or positive when `a` is older than, the same as or newer than `b`. Undefined when the order is not known
 * (an aggregated API server may use any text).
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
	if (a === b) {
		return 0;
	}
	if (!isDecimal(a) || !isDecimal(b)) {
		return undefined;
	}
	// There are no leading zeros, so the longer text is the larger number, beyond 2^53 too.
	if (a.length !== b.length) {
		return a.length - b.length;
	}
	return a < b ? -1 : 1;
}

function isDecimal(text: string): boolean {
	return /^[1-9][0-9]*$/.test(text);
}
