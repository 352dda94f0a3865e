/** What the command line's exit codes mean. The same for all commands, so that a script needs one table. */
export const exitCodes = {
	/** Done; `diff`: nothing would change; `status`, `clusters list` and `check`: everything is ready. */
	ok: 0,
	/** Done, and the answer is "no": `diff` found changes, `status` an installation that is not ready, `clusters` a cluster that is not, may not join or has not left. */
	differs: 1,
	/** Not done: wrong usage, refused input, no access, no answer. */
	failed: 2,
	/** Ended by Ctrl-C, as shells count it. */
	interrupted: 130,
} as const;
