/**
 * Kubernetes' canonical form of an amount, in which the API server stores it: `2048Mi` becomes `2Gi`, `0.5` becomes `500m`.
 * What is rendered is then exactly what is stored (apimachinery `pkg/api/resource`, Quantity.CanonicalizeBytes).
 */
import type { Resources } from './release.ts';

const binary: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimal: readonly string[] = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Everything is counted in billionths, the finest that Kubernetes keeps. */
const nano = 10n ** 9n;

/** The canonical form. Throws `RangeError` for a text that is no amount. */
export function canonicalQuantity(amount: string | number): string {
	const text = String(amount);
	const [, whole = '', fraction = '', suffix = ''] =
		/^([0-9]+)(?:\.([0-9]*))?([KMGTPE]i|[numkMGTPE]|[eE][0-9]{1,2})?$/.exec(text) ?? [];
	if (whole === '') {
		throw new RangeError(`not an amount: ${JSON.stringify(text)}`);
	}
	const value = roundUp(BigInt(whole + fraction) * scaleOf(suffix), 10n ** BigInt(fraction.length));
	if (suffix.endsWith('i') && value >= 1024n * nano && value % nano === 0n) {
		return withSuffix(value / nano, 1024n, binary);
	}
	return /^[eE]/.test(suffix) ? withExponent(value) : withSuffix(value, 1000n, decimal);
}

/** Requests and limits with every amount in its canonical form; nothing that is empty. */
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

/** The factor of a suffix, in billionths. */
function scaleOf(suffix: string): bigint {
	if (/^[eE][0-9]/.test(suffix)) {
		return 10n ** BigInt(suffix.slice(1)) * nano;
	}
	return suffix.endsWith('i')
		? 1024n ** BigInt(binary.indexOf(suffix)) * nano
		: 1000n ** BigInt(decimal.indexOf(suffix));
}

/** Kubernetes rounds away from zero what is finer than a billionth. */
function roundUp(value: bigint, divisor: bigint): bigint {
	return (value + divisor - 1n) / divisor;
}

/** The greatest suffix that leaves a whole number. */
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

/** As a whole number times a power of a thousand: `1500` written as `1.5e3` becomes `1500`, `1e6` stays. */
function withExponent(value: bigint): string {
	if (value === 0n) {
		return '0';
	}
	let exponent = -9;
	let rest = value;
	while (rest % 1000n === 0n) {
		rest /= 1000n;
		exponent += 3;
	}
	return exponent === 0 ? String(rest) : `${rest}e${exponent}`;
}
