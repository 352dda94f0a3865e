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

export const announcedChanges: readonly AnnouncedChange[] = [];
