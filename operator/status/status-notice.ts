/** An Event that follows from a change of a status. */
export interface StatusNotice {
	readonly type: 'Normal' | 'Warning';
	/** CamelCase word. */
	readonly reason: string;
	readonly message: string;
}
