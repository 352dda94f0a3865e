/** Finds what somebody meant who misspelt a name. */

/** The name that differs least, by letters added, left out, replaced or exchanged with the next. Undefined without names. */
export function nearestTo(text: string, names: readonly string[]): string | undefined {
	const [best] = names
		.map((name) => ({ name, far: distance(text.toLowerCase(), name.toLowerCase()) }))
		.sort((a, b) => a.far - b.far);
	return best?.name;
}

/** The optimal string alignment distance. Texts longer than any name are cut: they cost time and are near to nothing. */
function distance(a: string, b: string): number {
	const [left, right] = [a.slice(0, 128), b.slice(0, 128)];
	let before: readonly number[] = [];
	let last: readonly number[] = Array.from({ length: right.length + 1 }, (_, index) => index);
	for (let row = 1; row <= left.length; row++) {
		const now = [row];
		for (let column = 1; column <= right.length; column++) {
			const isSame = left[row - 1] === right[column - 1];
			const isExchanged = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
			now.push(
				Math.min(
					(last[column] ?? 0) + 1,
					(now[column - 1] ?? 0) + 1,
					(last[column - 1] ?? 0) + (isSame ? 0 : 1),
					isExchanged ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
				),
			);
		}
		[before, last] = [last, now];
	}
	return last[right.length] ?? 0;
}
