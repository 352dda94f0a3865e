/** The exit codes of the command line. They mean the same for all commands, so that a script needs one table. */
export const exitCodes = {
	/** Done; `diff`: nothing would change; `status`, `clusters list` and `status`: everything is ready; `check`: all is well. */
	ok: 0,
	/**
	 * Done, and the answer is "no": `diff` found changes, `status` an installation that is not ready, `clusters` a cluster
	 * that is not ready, may not join or has not left, `check` something that is not well or not known,
	 * `upgrade plan` and `precheck` a blocker.
	 */
	differs: 1,
	/** Not done: wrong usage, refused input, no access, no answer. */
	failed: 2,
	/** `upgrade`: blocked by checks, nothing was changed. */
	blocked: 3,
	/** `upgrade`: a stage failed, and is held; pods of the version before serve on. */
	held: 4,
	/** `upgrade`: a stage failed, and the mesh is back at the version before. */
	rolledBack: 5,
	/** `upgrade`: it stops before a stage, as its owner asked: for an approval or a maintenance window. */
	waiting: 6,
	/** Ended by Ctrl-C. Shells use the same number. */
	interrupted: 130,
} as const;
