/**
 * Writes an amount in Kubernetes' canonical form, in which the API server stores it: `2048Mi` becomes `2Gi`, `0.5` becomes
 * `500m`. So what is rendered is exactly what is stored (apimachinery `pkg/api/resource`, Quantity.CanonicalizeBytes).
 */
import type { Resources } from './component.ts';

const binary: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimal: readonly string[] = ['m', '', 'k', 'M', 'G', 'T', 'P', 'E'];

/** The suffixes that a user may write, as powers of ten. */
const powers: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** Amounts are counted in thousandths: the API server rounds finer amounts of a container up (SetDefaults_ResourceList). */
const milli = 1000n;

/** The canonical form. Throws `RangeError` for a text that is no amount. */
export function canonicalQuantity(amount: string | number): string {
	const text = String(amount);
	const [, whole = '', fraction = '', suffix = ''] =
		/^([0-9]+)(?:\.([0-9]*))?([KMGTPE]i|[numkMGTPE]|[eE][0-9]{1,2})?$/.exec(text) ?? [];
	if (whole === '') {
		throw new RangeError(`not an amount: ${JSON.stringify(text)}`);
	}
	const isBinary = suffix.endsWith('i');
	const isExponent = /^[eE][0-9]/.test(suffix);
	const factor = isBinary ? 1024n ** BigInt(binary.indexOf(suffix)) : 1n;
	const power = (isExponent ? Number(suffix.slice(1)) : (powers[suffix] ?? 0)) - fraction.length + 3;
	const digits = BigInt(whole + fraction) * factor;
	const value = power >= 0 ? digits * 10n ** BigInt(power) : roundUp(digits, 10n ** BigInt(-power));
	if (isBinary && value >= 1024n * milli && value % milli === 0n) {
		return withSuffix(value / milli, 1024n, binary);
	}
	return isExponent ? withExponent(value) : withSuffix(value, 1000n, decimal);
}

/** Requests and limits with every amount in its canonical form, without empty objects. */
export function canonicalResources(given: {
	readonly requests?: Readonly<Record<string, string | number>>;
	readonly limits?: Readonly<Record<string, string | number>>;
}): Resources {
	return Object.fromEntries(
		(['requests', 'limits'] as const).flatMap((kind) => {
			const amounts = Object.entries(given[kind] ?? {}).map(([name, amount]) => [name, canonicalQuantity(amount)]);
			return amounts.length === 0 ? [] : [[kind, Object.fromEntries(amounts)]];
		}),
	);
}

function roundUp(value: bigint, divisor: bigint): bigint {
	return (value + divisor - 1n) / divisor;
}

/** Uses the greatest suffix that leaves a whole number. */
function withSuffix(value: bigint, step: bigint, suffixes: readonly string[]): string {
	if (value === 0n) {
		return '0';
	}
	let index = 0;
	let rest = value;
	while (rest % step === 0n && index < suffixes.length - 1) {
		rest /= step;
		index += 1;
	}
	return `${rest}${suffixes[index]}`;
}

/** Writes a whole number times a power of a thousand: `1500` given as `1.5e3` becomes `1500`, `1e6` stays. */
function withExponent(value: bigint): string {
	if (value === 0n) {
		return '0';
	}
	let exponent = -3;
	let rest = value;
	while (rest % 1000n === 0n) {
		rest /= 1000n;
		exponent += 3;
	}
	return exponent === 0 ? String(rest) : `${rest}e${exponent}`;
}
