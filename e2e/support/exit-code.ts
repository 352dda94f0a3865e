import type { Guarded } from '../control-plane/guard.ts';
import { eventually } from './eventually.ts';

/** Waits for the end of a guarded command, which itself keeps no test waiting. */
export async function exitCodeOf(child: Guarded): Promise<number> {
	await eventually('the command ends', child.hasExited);
	return child.exited;
}
