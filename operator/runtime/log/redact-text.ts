/** Removes credentials from a text, wherever they are in it. */

export const redacted = '[redacted]';

/** Patterns of credentials. */
const sensitiveTexts: readonly (readonly [pattern: RegExp, replacement: string])[] = [
	[/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
	// Private keys in base64, as kubeconfigs and Secrets hold them ("-----BEGIN ").
	[/LS0tLS1CRUdJTi[\w+/=]+/g, redacted],
	// JSON web tokens: the header of each begins with {" in base64.
	[/\beyJ[\w-]{6,}(\.[\w-]*)*/g, redacted],
	[/\b([Bb]earer|[Bb]asic|BEARER|BASIC)\s+(?=\S*[0-9A-Z=])[\w.~+/=-]{6,}/g, `$1 ${redacted}`],
	[/([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, `$1:${redacted}@`],
	[
		/((?:token|passw(?:or)?d|passphrase|client-key-data|client-secret|secret-?key|private-?key|api[-_]?key|access-?key|authorization|cookie)["']?\s*[:=]\s*["']?)(?!\[redacted)(?!bearer |basic )[^\s"',;&}]+/gi,
		`$1${redacted}`,
	],
];

const longestText = 8_192;

/** The text without credentials, and not longer than 8 KiB. */
export function redactText(text: string): string {
	const short = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
	return sensitiveTexts.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), short);
}
