/** Writes what containers ask for as the API server stores it. */
import { canonicalQuantity } from '../../api/v1/index.ts';
import type { Resources } from './component.ts';

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
