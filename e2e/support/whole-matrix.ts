/**
 * Some tests try the same in very many cells, such as each profile of each release. `npm test` tries a part of them, in which each
 * value is there, and says so; the rest are skipped, with a title that tells how they run. The whole check (`.ci/run`) tries all.
 */
import { setting } from '../control-plane/source.ts';

/** `1`: all cells. `0` or unset: a part of them. */
export const wholeMatrixVariable = 'MESHWRIGHT_WHOLE_MATRIX';

/** Whether all cells are tried. Throws where the variable is neither 0 nor 1. */
export function isMatrixWhole(env: NodeJS.ProcessEnv = process.env): boolean {
	const wish = setting(env, wholeMatrixVariable) ?? '0';
	if (wish !== '0' && wish !== '1') {
		throw new Error(`${wholeMatrixVariable}=${wish}: 1 tries all cells of each matrix, 0 a part of them`);
	}
	return wish === '1';
}

/** Title of a cell that is left out. */
export function leftOut(title: string): string {
	return `${title} (${wholeMatrixVariable}=1 runs it)`;
}

/**
 * Whether a cell of a table is on one of its diagonals. With one such cell in each row, as many rows as there are columns have
 * each column once.
 */
export function onDiagonal(row: number, column: number, columns: number): boolean {
	return row % columns === column;
}
