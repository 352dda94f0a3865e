/**
 * The URL of an API server, as the API and the command line take it. A name in other letters than ASCII is refused, because
 * clients differ in what they make of it, and so is whatever nobody would dial: user, query, fragment.
 */
export const serverUrlPattern =
	/^https:[/][/]([a-zA-Z0-9_]([-a-zA-Z0-9._]*[a-zA-Z0-9])?[.]?|\[[0-9a-fA-F:.]+\])(:[1-9][0-9]{0,4})?([/][-a-zA-Z0-9._~%!$&'()*+,;=:@/]*)?$/;

export const serverUrlForm = 'an https URL such as https://api.example.com:6443, without user, query or fragment';

export const longestServerUrl = 512;

export function isServerUrl(text: string): boolean {
	return text.length <= longestServerUrl && serverUrlPattern.test(text) && URL.canParse(text);
}
