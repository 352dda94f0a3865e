/** Values at the edges of what texts, numbers, amounts, durations, addresses and names may be. */
export const edgeValues: readonly unknown[] = [
	...[null, true, 0, 1, 2, -1, 1.5, 1000, 2 ** 31, Number.MAX_SAFE_INTEGER, [], {}, [null], { a: null }, { a: 'b' }],
	...['', ' ', '*', 'a', 'A', 'a-', '-a', 'a.b', 'a..b', 'é', '\u0000', 'a\n', '1.4.10\n', '01.4.10', '1'],
	...['1%', '100%', '050%', '0%', '1s', '0s', '1h1h', '61m', '60m', '1.5s', '1.0005s', '1ms', '24h'],
	...['5Ki', '1Ei', '100E', '0.1m', '1n', '0x1', '1e2', '1E2', '1e', '.5'],
	...['10.0.0.0/8', 'fd00::/8', '::1.2.3.4/96', '[::1]:80', '[::]:0', 'a:80', 'a:00080', 'a.:80'],
];

/** A copy of `value` in which one value is replaced. Each number chooses the key to step down by; 0 stops. */
export function replaceSomewhere(value: unknown, other: unknown, [choice = 0, ...further]: readonly number[]): unknown {
	if (typeof value !== 'object' || value === null || choice === 0) {
		return other;
	}
	const keys = Object.keys(value);
	const key = keys[choice % keys.length];
	if (key === undefined) {
		return other;
	}
	const replaced = replaceSomewhere((value as Readonly<Record<string, unknown>>)[key], other, further);
	return Array.isArray(value) ? value.with(Number(key), replaced) : { ...value, [key]: replaced };
}
