/** A revision in one line. */

export interface ShownRevision {
	readonly name: string;
	readonly version: string;
	readonly state?: string;
	readonly namespaces?: number | undefined;
	readonly proxies?: number | undefined;
	readonly removedAfter?: string | undefined;
}

/** `1-31-4 (1.31.4): Active, 2 namespaces and 5 proxies`. */
export function revisionText({ name, version, state = 'Active', namespaces, proxies, removedAfter }: ShownRevision) {
	const use =
		namespaces === undefined || proxies === undefined ? '' : `, ${namespaces} namespaces and ${proxies} proxies`;
	return `${name} (${version}): ${state}${use}${removedAfter === undefined ? '' : `, goes at ${removedAfter} unless somebody uses it`}`;
}
