/** The order in which a pass writes. Pure. */
import { isWebhook } from '../runtime/kinds.ts';
import type { Applied, Write } from './plan.ts';
import { isRole, waveOf, waves } from './waves.ts';

/**
 * The waves of a pass. An existing webhook is changed before everything else. So it trusts a new certificate authority
 * before the first pod serves with a certificate of it, even when the process ends in between.
 * @param applied what this process knows of what it has written, by key
 */
export function inOrder(
	writes: readonly Write[],
	applied: ReadonlyMap<string, Applied>,
): readonly (readonly Write[])[] {
	const isFirst = ({ object, live }: Write) => isWebhook(object) && live !== undefined;
	const first = writes.filter(isFirst);
	const others = writes.filter((write) => !isFirst(write));
	const areRolesKnown = others.filter(({ object }) => isRole(object)).every((write) => isAsWritten(write, applied));
	const wave = (write: Write) =>
		waveOf(write.object, {
			isNew: write.cause === 'missing',
			areRolesKnown: areRolesKnown && isAsWritten(write, applied),
		});
	return [...(first.length === 0 ? [] : [first]), ...waves(others, wave)];
}

/** Whether an object stands as this process wrote it, and only its rendering is another one now. */
function isAsWritten({ key, cause, live }: Write, applied: ReadonlyMap<string, Applied>): boolean {
	return cause === 'outdated' && live?.fingerprint !== undefined && live.fingerprint === applied.get(key)?.fingerprint;
}
