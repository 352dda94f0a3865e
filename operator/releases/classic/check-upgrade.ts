/** Refuses ways to upgrade that classic releases do not have. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { ClassicRelease } from './release.ts';

/** One classic control plane serves all pods: nothing in it chooses pods by a revision. */
export function checkUpgrade({ version }: ClassicRelease, { upgrade }: ParsedSpec): readonly ReleaseProblem[] {
	const path = 'spec.upgrade.strategy';
	return upgrade?.strategy === 'Canary'
		? [
				{
					path,
					reason: 'FieldNotInRelease',
					message: `${path} is Canary, but Istio ${version} has no revisions beside each other`,
					remedy: `Set ${path} to InPlace, or remove it.`,
				},
			]
		: [];
}
