/**
 * Finds pieces of a credential in what a cluster says of itself: names of its objects, its version, its UID. These are needed,
 * so they can't be withheld as its words are. A cluster that hides our credential in them shows itself by that.
 */

/** This many letters and digits in a row are a piece. */
const pieceLength = 14;
/** A shorter secret has no pieces that would not come up by chance. */
const shortestSecret = 20;

/** What comes out instead of such a text. */
export const notRepeated = '[not repeated: it has a piece of our credential in it]';

/** Whether a text has a piece of one of the secrets in it: as it is, reversed, in base64 or in hex, with anything in between. */
export function hasTraceOf(text: string, secrets: readonly string[]): boolean {
	const within = bare(text);
	if (within.length < pieceLength) return false;
	return secrets.some((secret) => {
		if (secret.length < shortestSecret) return false;
		const forms = formsOf(secret).map(bare).join(' ');
		for (let at = 0; at + pieceLength <= within.length; at++)
			if (forms.includes(within.slice(at, at + pieceLength))) return true;
		return false;
	});
}

/** Letters and digits alone. Names are in lower case, and anything may stand in between. */
function bare(text: string): string {
	return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '');
}

function formsOf(secret: string): readonly string[] {
	const reversed = [...secret].reverse().join('');
	return [
		secret,
		reversed,
		// By its three alignments, since something may stand before it.
		...[secret, ` ${secret}`, `  ${secret}`, reversed].map((text) => Buffer.from(text).toString('base64')),
		Buffer.from(secret).toString('hex'),
		Buffer.from(reversed).toString('hex'),
	];
}
