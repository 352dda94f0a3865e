/** The control planes of one installation that stand beside each other, as far as resolving has to know of them. */

export interface StandingRevision {
	/** `default` for the one without a name. */
	readonly name: string;
	/** The version that it runs. */
	readonly version: string;
	/** Whether it is the one that the spec is about: the others stand beside it until nobody uses them. */
	readonly isActive: boolean;
}
