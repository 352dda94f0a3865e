/** Finds errors in the operator's log that nobody foresaw: mistakes in the program. */

interface Described {
	readonly class?: string;
	readonly stack?: string;
	readonly errors?: readonly Described[];
}

/**
 * The log gives a stack to errors from outside the closed family alone. Those that are only causes of foreseen ones are
 * errors of sockets and of the system.
 */
export function findDefects(log: string): readonly string[] {
	const found = log.split('\n').flatMap((line) => {
		const parsed = parse(line);
		return parsed === undefined || !isDefect(parsed) ? [] : [JSON.stringify(parsed)];
	});
	return [...new Set(found)];
}

/** The error of a line. Undefined when it has none, or when the process was killed in the middle of the line. */
function parse(line: string): Described | undefined {
	if (!line.includes('"err":')) return undefined;
	try {
		return (JSON.parse(line) as { readonly err?: Described }).err;
	} catch {
		return undefined;
	}
}

function isDefect({ stack, errors = [] }: Described): boolean {
	return stack !== undefined || errors.some(isDefect);
}
