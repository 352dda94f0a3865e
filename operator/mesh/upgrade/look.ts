/** How the checks before a change of version look at a cluster: reading alone, bounded in time. What is not allowed is told. */
import { known, type Looked, unknown } from '../../plan/upgrade/gathered.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden } from '../../runtime/errors.ts';

export interface LookingAt {
	readonly api: Pick<ApiServer, 'get' | 'list' | 'listPage' | 'pages'>;
	readonly signal: AbortSignal;
}

/** A look lets writes go first, and comes back as an API server asks: many meshes may change their version at once. */
export function lookingAt(api: LookingAt['api'], signal: AbortSignal): LookingAt {
	return {
		api: {
			get: (reference, options) => api.get(reference, { ...options, isPatient: true }),
			list: (kind, options) => api.list(kind, { ...options, isPatient: true }),
			listPage: (kind, options) => api.listPage(kind, { ...options, isPatient: true }),
			pages: (kind, options) => api.pages(kind, { ...options, isPatient: true }),
		},
		signal,
	};
}

/**
 * Looks, or says why not. Rejects when the API server does not answer, and when the caller ends it.
 * @param right what the account must be allowed: `list nodes`
 */
export async function lookFor<T>(
	{ signal }: Pick<LookingAt, 'signal'>,
	right: string,
	look: () => Promise<T>,
): Promise<Looked<T>> {
	try {
		return known(await look());
	} catch (error) {
		if (isForbidden(error)) return unknown(`the right to ${right} is missing`);
		if (isOutOfTime(signal)) return unknown('it takes too long');
		throw error;
	}
}

/** Whether the time is over that the whole look has. */
export function isOutOfTime({ aborted, reason }: AbortSignal): boolean {
	return aborted && reason instanceof DOMException && reason.name === 'TimeoutError';
}
