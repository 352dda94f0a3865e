/** What a condition is going to say. */
export interface Verdict {
	readonly status: 'True' | 'False' | 'Unknown';
	/** CamelCase word; listed in `api/v1/reasons.ts`. */
	readonly reason: string;
	readonly message: string;
}
