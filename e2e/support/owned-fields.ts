/** Compares a live object with what was rendered, in the fields that were rendered: the operator's own, as it were. */

type Path = readonly (string | number)[];

/** Keys by which the API server merges lists of objects. */
const mergeKeys = ['name', 'containerPort', 'port', 'type', 'ip', 'uid'] as const;

/**
 * Where a live value differs from a rendered one, in the fields that the rendered one has. Entries of lists are found by
 * the key by which the API server merges them; a list with further entries differs.
 */
export function differences(rendered: unknown, live: unknown, path: Path = []): readonly string[] {
	if (Array.isArray(rendered)) {
		if (!Array.isArray(live)) return [`${path.join('.')}: ${JSON.stringify(live)} is no list`];
		if (live.length !== rendered.length)
			return [`${path.join('.')}: ${live.length} entries instead of ${rendered.length}`];
		return rendered.flatMap((entry, index) => differences(entry, counterpart(entry, index, live), [...path, index]));
	}
	if (typeof rendered === 'object' && rendered !== null) {
		const fields = (typeof live === 'object' && live !== null ? live : {}) as Readonly<Record<string, unknown>>;
		return Object.entries(rendered).flatMap(([key, value]) => differences(value, fields[key], [...path, key]));
	}
	return Object.is(rendered, live)
		? []
		: [`${path.join('.')}: ${JSON.stringify(live)} instead of ${JSON.stringify(rendered)}`];
}

function counterpart(entry: unknown, index: number, live: readonly unknown[]): unknown {
	if (typeof entry !== 'object' || entry === null) return live[index];
	const key = mergeKeys.find((name) => name in entry);
	if (key === undefined) return live[index];
	const value = (entry as Record<string, unknown>)[key];
	return live.find((other) => (other as Record<string, unknown> | null)?.[key] === value) ?? live[index];
}
