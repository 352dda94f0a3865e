/**
 * What is part of the API but has no behaviour yet. From this one list follow the CEL rules of the CRD, the parser's
 * refusals and the marks in docs/api.md: whoever builds the behaviour deletes the entry, and nothing else.
 */

export interface NotSupportedYet {
	/** Path of the field from the root; everything below it is meant too. */
	readonly path: string;
	/** Only these values of it; the whole field when not given. */
	readonly values?: readonly string[];
}

export const notSupportedYet: readonly NotSupportedYet[] = [
	{ path: 'spec.profile', values: ['default', 'production'] },
	{ path: 'spec.upgrade' },
	{ path: 'spec.multiCluster' },
];

/** The entry that a field falls under, by itself or by one of its parents. */
export function supportGap(path: string): NotSupportedYet | undefined {
	return notSupportedYet.find(
		(gap) => gap.values === undefined && (path === gap.path || path.startsWith(`${gap.path}.`)),
	);
}

export function notSupportedMessage(path: string, value?: string): string {
	return value === undefined ? `${path} is not supported yet` : `${path}: ${value} is not supported yet`;
}
