/** Refuses ways to upgrade that classic releases do not have. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { ClassicRelease } from './release.ts';

/** One classic control plane serves all pods: nothing in it chooses pods by a revision. */
export function checkUpgrade({ version }: ClassicRelease, { upgrade }: ParsedSpec): readonly ReleaseProblem[] {
	const why = `but Istio ${version} has no revisions beside each other`;
	const refuse = (path: string, is: string, remedy: string): readonly ReleaseProblem[] => [
		{ path, reason: 'FieldNotInRelease', message: `${path} ${is}, ${why}`, remedy },
	];
	const [strategy, tags, grace] = [
		'spec.upgrade.strategy',
		'spec.upgrade.tags',
		'spec.upgrade.inactiveRevisionGracePeriod',
	];
	return [
		...(upgrade?.strategy === 'Canary'
			? refuse(strategy, 'is Canary', `Set ${strategy} to InPlace, or remove it.`)
			: []),
		...((upgrade?.tags ?? []).length > 0 ? refuse(tags, 'names tags', `Remove ${tags}.`) : []),
		...(upgrade?.inactiveRevisionGracePeriod === undefined ? [] : refuse(grace, 'is set', `Remove ${grace}.`)),
	];
}
