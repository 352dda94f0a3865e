/**
 * What a version of the operator renders otherwise than the one before: the changelog of renderings. Nothing changes in a
 * mesh because its operator was upgraded, unless it stands here (`released.test.ts`). The newest comes last.
 */

export interface AnnouncedChange {
	/** The version of the operator that brings it. */
	readonly since: string;
	/** Releases of Istio. All when it is undefined. */
	readonly releases?: readonly string[];
	/** The objects, as `objectKey` writes them, without namespace: `Deployment.apps istio-pilot`. A star at the end stands for any rest. */
	readonly objects: readonly string[];
	/** What is different, and why, in a sentence. */
	readonly what: string;
	/** What happens when the operator is upgraded: `Pilot’s pods are replaced once`. */
	readonly effect: string;
}

export const announcedChanges: readonly AnnouncedChange[] = [
	{
		since: '0.2.0',
		objects: ['ConfigMap istio-sidecar-injector-*', 'Deployment.apps istio-sidecar-injector'],
		what: 'the injector’s pods mount a ConfigMap whose name has the version of Istio in it, instead of `istio` and `istio-sidecar-injector`: while the version changes, those of the old one go on reading theirs',
		effect:
			'the injector’s pods are replaced once, one after the other. Held, they stay until the next change of Istio’s version',
	},
	{
		since: '0.2.0',
		objects: ['Deployment.apps istio-sidecar-injector'],
		what: 'an injector that is told to end goes on serving for 5 s: API servers that still have its address are answered',
		effect: 'the same replacement of the injector’s pods',
	},
];
