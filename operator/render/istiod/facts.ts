/** What rendering takes from the cluster. */
import type { JoinedFacts } from '../facts.ts';

export interface IstiodFacts extends JoinedFacts {
	/** Hash of the user's authority, with which istiod is started anew. */
	readonly caSecretHash?: string;
	/** Names of webhooks for objects into which istiod has not written its authority, sorted. Nobody could answer for them. */
	readonly unanswered?: readonly string[];
}

export const standIns: IstiodFacts = { caSecretHash: 'not known yet' };
