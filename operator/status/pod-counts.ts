/** Tells apart what a status says about the numbers of pods, which change many times in a roll-out, from all else. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { ParsedStatus, Reason } from '../../api/v1/index.ts';

/** Reasons of a component whose pods come and go as they should in a roll-out. */
const rolling: ReadonlySet<string> = new Set<Reason>(['Progressing', 'PartlyReady', 'ComponentNotReady']);

/** Conditions whose sentences count pods. All that is refused or missing stands in those of others as well. */
const counting: ReadonlySet<string> = new Set(['Ready', 'Reconciling', 'UpToDate']);

/**
 * Whether a change of version goes on, and nothing but numbers of pods and sentences about them are new: its stage, its
 * state, its findings, and the status and the reason of each condition are as before.
 */
export function onlyCountsPods(before: ParsedStatus | undefined, after: ParsedStatus): boolean {
	return (
		before !== undefined &&
		isGoing(before) &&
		isGoing(after) &&
		isDeepStrictEqual(withoutPods(before), withoutPods(after))
	);
}

function isGoing({ upgrade }: ParsedStatus): boolean {
	return upgrade?.state === 'Progressing' || upgrade?.state === 'RollingBack';
}

function withoutPods({ ready: _, upgrade, components, conditions, ...rest }: ParsedStatus) {
	const { waitingFor: __, progress: ___, ...stage } = upgrade ?? {};
	return {
		...rest,
		stage,
		components: components?.map(({ name, reason, addresses }) => ({
			name,
			addresses,
			trouble: reason === undefined || rolling.has(reason) ? undefined : reason,
		})),
		conditions: conditions?.map(({ message, ...condition }) =>
			counting.has(condition.type) ? condition : { ...condition, message },
		),
	};
}
