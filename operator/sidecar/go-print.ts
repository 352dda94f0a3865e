/**
 * Writes scalars of JSON as Go's `fmt.Sprint` does after `encoding/json` has read them without a type. Numbers are floats
 * there.
 */
export function goPrint(value: string | number | boolean): string {
	if (typeof value !== 'number') {
		return String(value);
	}
	// As few digits as tell the number apart (strconv.FormatFloat with g and -1). An exponent from a million on, and below
	// 0.0001.
	const [digits = '', exponent = '0'] = value.toExponential().split('e');
	const power = Number(exponent);
	return value !== 0 && (power < -4 || power >= 6)
		? `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
		: String(value);
}
