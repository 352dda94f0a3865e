/** Amounts of CPU and memory as Kubernetes writes them: `100m`, `2`, `128Mi`, `1.5Gi`, `1e3`. */

/** What the schema accepts: no sign, so nothing negative. */
export const quantityPattern = /^[0-9]{1,18}(\.[0-9]{1,9})?([KMGTPE]i|[numkMGTPE]|[eE][0-9]{1,2})?$/;

const factors: Readonly<Record<string, number>> = {
	'': 1,
	n: 1e-9,
	u: 1e-6,
	m: 1e-3,
	k: 1e3,
	M: 1e6,
	G: 1e9,
	T: 1e12,
	P: 1e15,
	E: 1e18,
	Ki: 2 ** 10,
	Mi: 2 ** 20,
	Gi: 2 ** 30,
	Ti: 2 ** 40,
	Pi: 2 ** 50,
	Ei: 2 ** 60,
};

/** The amount in base units (cores, bytes). Throws `RangeError` for a text that is not a quantity. */
export function parseQuantity(quantity: string | number): number {
	const text = String(quantity);
	if (!quantityPattern.test(text)) {
		throw new RangeError(
			`not a quantity: ${JSON.stringify(text)}; write a number with an optional unit, such as 100m or 128Mi`,
		);
	}
	const [, amount = '', unit = ''] = /^([0-9.]+)(.*)$/.exec(text) ?? [];
	const exponent = /^[eE]([0-9]+)$/.exec(unit)?.[1];
	return Number(amount) * (exponent === undefined ? (factors[unit] ?? Number.NaN) : 10 ** Number(exponent));
}
