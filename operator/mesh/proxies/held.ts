/** Whether the deletion of a mesh waits for the proxies that still use it. */
import { deletionOf, finalizer } from '../../../api/v1/index.ts';
import type { StatusNotice } from '../../status/status-notice.ts';
import type { StoredInstallation } from '../installation.ts';
import type { Memory } from '../memory.ts';
import type { MeshProxies } from './mesh-proxies.ts';

export interface HeldOptions {
	readonly proxies: Pick<MeshProxies, 'inUse'>;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
	readonly onNotice: (object: StoredInstallation, notice: StatusNotice) => void;
}

/** Warns once of proxies that still use a mesh. Resolves with what its deletion waits for, where it has to wait for them. */
export async function heldByProxies(
	object: StoredInstallation,
	memory: Memory,
	{ proxies, wallClock, onNotice }: HeldOptions,
	signal: AbortSignal,
): Promise<string | undefined> {
	const { policy, force, blockWhileInUse } = deletionOf(object);
	if (policy === 'Retain' || object.metadata.finalizers?.includes(finalizer) !== true) return undefined;
	const { used, unknown } = await proxies.inUse(object, signal);
	if (used !== undefined && !memory.toldOfUse) {
		memory.toldOfUse = true;
		const message = `the mesh is being deleted, and ${used}`;
		onNotice(object, { type: 'Warning', reason: 'ProxiesInUse', message });
	}
	const waits = [used, unknown].filter((one) => one !== undefined).join('; ');
	if (!blockWhileInUse || force || waits === '') {
		if (blockWhileInUse) memory.releasedAt ??= wallClock();
		return undefined;
	}
	memory.releasedAt = undefined;
	return `waiting until no proxy uses it any more (spec.deletion.blockWhileInUse): ${waits}`;
}
