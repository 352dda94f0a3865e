/**
 * What is part of the API but has no behaviour yet. From this one list follow the CEL rules of the CRD, the parser's
 * refusals and the marks in docs/api.md: whoever builds the behaviour deletes the entry, and nothing else.
 */

/** Paths of fields from the root; everything below them is meant too. */
export const notSupportedYet: readonly string[] = ['spec.upgrade'];

/** The entry that a field falls under, by itself or by one of its parents. */
export function supportGap(path: string): string | undefined {
	return notSupportedYet.find((gap) => path === gap || path.startsWith(`${gap}.`));
}

export function notSupportedMessage(path: string): string {
	return `${path} is not supported yet`;
}
