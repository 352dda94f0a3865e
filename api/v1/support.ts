/**
 * The fields of the API that have no behaviour yet. The CRD's CEL rules, the parser's refusals and the marks in docs/api.md
 * follow from this one list. Who builds the behaviour deletes the entry, and nothing else.
 */

/** Paths of fields from the root. Everything below them is included. */
export const notSupportedYet: readonly string[] = [];

/** The entry that covers a field: the field itself, or one of its parents. */
/** @param gaps default: those of the API */
export function supportGap(path: string, gaps: readonly string[] = notSupportedYet): string | undefined {
	return gaps.find((gap) => path === gap || path.startsWith(`${gap}.`));
}

export function notSupportedMessage(path: string): string {
	return `${path} is not supported yet`;
}
