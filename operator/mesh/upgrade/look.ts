/** How the checks before a change of version look at a cluster: reading alone, bounded in time, told when a right is missing. */
import { known, type Looked, unknown } from '../../plan/upgrade/gathered.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden } from '../../runtime/errors.ts';

export interface LookingAt {
	readonly api: Pick<ApiServer, 'get' | 'list' | 'pages'>;
	readonly signal: AbortSignal;
}

/**
 * Looks, or says why not.
 * @param right what the account must be allowed: `list nodes`
 */
export async function lookFor<T>(right: string, look: () => Promise<T>): Promise<Looked<T>> {
	try {
		return known(await look());
	} catch (error) {
		if (isForbidden(error)) return unknown(`the right to ${right} is missing`);
		throw error;
	}
}
