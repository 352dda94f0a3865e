/** The forms in which a server may send a credential back, and the search for any part of them. */

/** At least this many characters of a form in a row are a trace of it. */
const traceLength = 14;

/** What a hostile server makes of a credential: as it is, encoded, reversed, in parts. */
export function formsOf(secret: string): readonly string[] {
	const bytes = Buffer.from(secret);
	const reversed = [...secret].reverse().join('');
	const middle = secret.slice(Math.floor(secret.length / 4), Math.ceil((secret.length * 3) / 4));
	return [
		secret,
		reversed,
		middle,
		secret.match(/.{1,5}/g)?.join(' ') ?? '',
		bytes.toString('base64'),
		Buffer.from(` ${secret}`).toString('base64'),
		Buffer.from(`  ${secret}`).toString('base64'),
		bytes.toString('base64url'),
		Buffer.from(reversed).toString('base64'),
		Buffer.from(bytes.toString('base64')).toString('base64'),
		bytes.toString('hex'),
		bytes.toString('hex').toUpperCase(),
		[...secret].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join(''),
		[...secret].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join(''),
		secret.toUpperCase(),
		secret.replaceAll(/[a-zA-Z]/g, (letter) => {
			const base = letter <= 'Z' ? 65 : 97;
			return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
		}),
	];
}

/** The first piece of any form of a credential in a text. Blanks and case hide nothing. */
export function traceOf(secret: string, text: string): string | undefined {
	const plain = (some: string) => some.toLowerCase().replaceAll(/[\s"\\]+/g, '');
	const within = plain(text);
	for (const form of formsOf(secret).map(plain)) {
		for (let at = 0; at + traceLength <= form.length; at += 1) {
			const piece = form.slice(at, at + traceLength);
			if (within.includes(piece)) return piece;
		}
	}
	return undefined;
}
