/** What the checks before a change of version find: everything at once, each with a name by which its owner can insist. */

export interface UpgradeFinding {
	/** A word in kebab-case: `minor-skipped`. The annotation `meshwright.io/upgrade-despite` takes the names of blockers. */
	readonly name: string;
	readonly severity: 'blocker' | 'warning';
	/** The object or field that it is about: `Deployment istio-system/istio-pilot`, `spec.mesh.config`. */
	readonly subject: string;
	/** What is wrong, in a sentence without the subject. */
	readonly message: string;
	/** What to do. */
	readonly remedy: string;
}
