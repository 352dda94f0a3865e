/** What rendering takes from the cluster. */
import type { JoinedFacts } from '../facts.ts';

export interface IstiodFacts extends JoinedFacts {
	/** Hash of the user's authority, with which istiod is started anew. */
	readonly caSecretHash?: string;
}

export const standIns: IstiodFacts = { caSecretHash: 'not known yet' };
