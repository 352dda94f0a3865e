/** The few numbers that describe a series of measurements. */

export function quantile(values: readonly number[], share: number): number {
	const sorted = values.toSorted((a, b) => a - b);
	const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1));
	return sorted[index] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
	return quantile(values, 0.5);
}

export function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The mean without the largest values. */
export function trimmedMean(values: readonly number[], without: number): number {
	return mean(values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length * (1 - without))));
}

/** `12.3 (11.8–14.0)`: median and range. */
export function describeSeries(values: readonly number[], digits = 1): string {
	const range = `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
	return `${median(values).toFixed(digits)} (${range})`;
}
