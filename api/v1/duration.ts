/** Durations as Go and Istio write them: `45s`, `1m0s`, `300ms`, `1h30m`, `1.5h`. */

/** What the schema accepts: decimal numbers, each with a unit. Go also knows `us` and `ns`; no setting here needs them. */
export const durationPattern = /^([0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h))+$/;

/**
 * For durations that Istio accepts in whole seconds only (istio 1.0-1.4 `pkg/config/validation` ValidateParentAndDrain).
 */
export const wholeSecondsPattern = /^([0-9]{1,6}(s|m|h))+$/;

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The longest duration that Go, and so the API server, can hold: 2^63-1 ns. */
const longest = 9_223_372_036_854;

/**
 * The length of a duration in milliseconds. Throws `RangeError` when the text is not a duration, or longer than Go can hold
 * (about 292 years). The parser of the API has checked every duration that reaches the rest of the operator.
 */
export function parseDuration(text: string): number {
	const length = tryDuration(text);
	if (length === undefined) {
		throw new RangeError(
			`not a duration: ${JSON.stringify(text)}; write numbers with units, such as 45s, 1m30s or 300ms, up to about 292 years`,
		);
	}
	return length;
}

/** As `parseDuration`, but returns undefined where that throws. */
export function tryDuration(text: string): number | undefined {
	if (!durationPattern.test(text)) {
		return undefined;
	}
	let total = 0;
	for (const [, amount = '', unit = ''] of text.matchAll(/([0-9.]+)(ms|s|m|h)/g)) {
		total += Number(amount) * (milliseconds[unit] ?? Number.NaN);
	}
	return total > longest ? undefined : total;
}
