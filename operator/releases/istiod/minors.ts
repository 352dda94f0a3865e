/** Minors of this line: `1.31`. It has no closed list of them, because a further one is data alone. */

export type Minor = `1.${number}`;

/** Whether a minor is the same as another one, or came after it. */
export function isSince(minor: Minor, first: Minor): boolean {
	return numberOf(minor) >= numberOf(first);
}

function numberOf(minor: Minor): number {
	return Number(minor.slice('1.'.length));
}
