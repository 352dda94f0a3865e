/**
 * Amounts of CPU and memory as Kubernetes writes them: `100m`, `2`, `128Mi`, `1.5Gi`, `1e3`. They are read and compared as
 * the API server does it, in whole billionths, and written as it stores them (apimachinery `pkg/api/resource`).
 *
 * No package does that. `quantityToScalar` of `@kubernetes/client-node` throws at `1.5Gi` and has no way back to text; what else
 * there is counts in floating point, by which `700m` is more than `0.7`, and knows no canonical form.
 */

/** What the schema accepts: no sign, so nothing negative. */
export const quantityPattern = /^[0-9]{1,18}(\.[0-9]{1,9})?([KMGTPE]i|[numkMGTPE]|[eE][0-9]{1,2})?$/;

const nano = 10n ** 9n;

/** Decimal suffixes, each 1000 times the one before. */
const decimal = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
/** The same as exponents, as far as the schema allows them. */
const exponents = ['', ...Array.from({ length: 40 }, (_, index) => `e${3 * index + 3}`)];
/** Binary suffixes, each 1024 times the one before. */
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const units: ReadonlyMap<string, bigint> = new Map([
	...decimal.map((suffix, index) => [suffix, nano * 1000n ** BigInt(index)] as const),
	...binary.map((suffix, index) => [suffix, nano * 1024n ** BigInt(index)] as const),
	['n', 1n],
	['u', 1000n],
	['m', 1000n ** 2n],
]);

/** Whether the schema accepts it. */
export function isQuantity(text: string): boolean {
	return quantityPattern.test(text);
}

/**
 * The amount in base units (cores, bytes), as exactly as a number can hold it. Throws `RangeError` for a text that is no
 * quantity.
 */
export function parseQuantity(quantity: string | number): number {
	const { nanos } = read(quantity);
	return Number(nanos / nano) + Number(nanos % nano) / Number(nano);
}

/** Negative, 0 or positive when `a` is less than, the same as or more than `b`. Throws like `parseQuantity`. */
export function compareQuantities(a: string | number, b: string | number): number {
	const [left, right] = [read(a).nanos, read(b).nanos];
	return left === right ? 0 : left < right ? -1 : 1;
}

/**
 * Writes an amount in the form in which the API server stores it: `2048Mi` becomes `2Gi`, `0.5` becomes `500m`. So what is
 * rendered is exactly what is stored (`Quantity.CanonicalizeBytes`). Throws like `parseQuantity`.
 */
export function canonicalQuantity(quantity: string | number): string {
	const { nanos, form } = read(quantity);
	// The API server rounds finer amounts of a container up (SetDefaults_ResourceList).
	const millis = roundUp(nanos, 10n ** 6n);
	if (millis % 1000n !== 0n) {
		return `${millis}${form === 'exponent' ? 'e-3' : 'm'}`;
	}
	const amount = millis / 1000n;
	if (form === 'binary' && amount >= 1024n) {
		return withSuffix(amount, 1024n, binary);
	}
	return withSuffix(amount, 1000n, form === 'exponent' ? exponents : decimal);
}

interface Amount {
	/** Finer amounts are rounded up. */
	readonly nanos: bigint;
	/** How it is written again. */
	readonly form: 'decimal' | 'binary' | 'exponent';
}

/** Reads canonical forms too, which can have more digits than the schema accepts, and the exponent -3. */
const readable = /^([0-9]+)(?:\.([0-9]{1,9}))?(?:([KMGTPE]i|[numkMGTPE])|[eE](-?[0-9]{1,3}))?$/;

function read(quantity: string | number): Amount {
	const text = String(quantity);
	const [, whole, fraction = '', suffix = '', exponent] = readable.exec(text) ?? [];
	if (whole === undefined) {
		throw new RangeError(
			`not a quantity: ${JSON.stringify(text)}; write a number with an optional unit, such as 100m or 128Mi`,
		);
	}
	const value = BigInt(whole + fraction) * (units.get(suffix) ?? nano);
	const power = Number(exponent ?? 0) - fraction.length;
	return {
		nanos: power < 0 ? roundUp(value, 10n ** BigInt(-power)) : value * 10n ** BigInt(power),
		form: exponent !== undefined ? 'exponent' : suffix.endsWith('i') ? 'binary' : 'decimal',
	};
}

function roundUp(value: bigint, divisor: bigint): bigint {
	return (value + divisor - 1n) / divisor;
}

/** Uses the greatest suffix that leaves a whole number. */
function withSuffix(value: bigint, step: bigint, suffixes: readonly string[]): string {
	let index = 0;
	let rest = value;
	while (rest !== 0n && rest % step === 0n && index < suffixes.length - 1) {
		rest /= step;
		index += 1;
	}
	return `${rest}${suffixes[index]}`;
}
