/** Evaluates the label selectors that can be decided here: `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas. */

const requirement = /^(!)?([A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?)(?:(=|==|!=)([A-Za-z0-9._-]*))?$/;

/** False also for selectors of another form (`a in (b, c)`): callers must be able to live without the answer. */
export function matchesSelector(
	selector: string | undefined,
	labels: Readonly<Record<string, string>> | undefined = {},
): boolean {
	if (selector === undefined || selector === '') {
		return true;
	}
	return selector.split(',').every((part) => {
		const match = requirement.exec(part.trim());
		if (match === null) {
			return false;
		}
		const [, not, name = '', , operator, value = ''] = match;
		const actual = Object.hasOwn(labels, name) ? labels[name] : undefined;
		if (operator === undefined) {
			return (actual === undefined) === (not !== undefined);
		}
		return not === undefined && (operator === '!=' ? actual !== value : actual === value);
	});
}
