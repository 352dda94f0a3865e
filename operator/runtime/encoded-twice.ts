/** Recognises a text that was encoded in base64 once too often, as it happens with Secrets. */

/** Texts shorter than this are words that only happen to have the characters of base64. */
const shortest = 16;
/** At most so many characters are looked at. */
const longest = 2 * 2 ** 20;

/** The text in a base64 text. Undefined when it is none, or holds bytes that are no text. */
export function textInBase64(text: string): string | undefined {
	if (text.length > longest) return undefined;
	const data = text.replaceAll(/\s/g, '');
	if (data.length < shortest || data.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data)) return undefined;
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(data, 'base64'));
	} catch {
		return undefined;
	}
}

/** Whether a text is a kubeconfig in base64, once or several times. */
export function isEncodedKubeconfig(text: string): boolean {
	for (let inner = textInBase64(text), depth = 0; inner !== undefined && depth < 3; depth++) {
		if (/["']?(apiVersion|clusters|current-context)["']?\s*:/.test(inner)) return true;
		inner = textInBase64(inner);
	}
	return false;
}
