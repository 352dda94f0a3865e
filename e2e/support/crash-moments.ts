/**
 * When an operator dies at a write. Writes go through the proxy one at a time, so what is stored before one is what was stored after
 * the one before it, and the next operator has nothing else to go by: to die after each, and before the first, meets all that can
 * be stored. With the whole matrix (`whole-matrix.ts`) it dies before each as well, with the request sent and not answered.
 */
import type { CrashPoint } from './crash-proxy.ts';
import { isMatrixWhole } from './whole-matrix.ts';

/**
 * @param index of the write, from 0
 * @param isFormerPoint whether an operator dies at the write before it, too
 */
export function momentsOf(index: number, isFormerPoint = true): readonly CrashPoint['when'][] {
	return index === 0 || !isFormerPoint || isMatrixWhole() ? ['before', 'after'] : ['after'];
}

/** How many points a number of writes has at the least. */
export function pointsOf(writes: number): number {
	return Array.from({ length: writes }, (_, index) => momentsOf(index).length).reduce(
		(sum, moments) => sum + moments,
		0,
	);
}
