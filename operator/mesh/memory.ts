/** What the process remembers about an installation between passes. All of it can be found out again. */
import { emptyMemory, type InstallationMemory } from '../apply/installation-memory.ts';
import type { StoredInstallation } from './installation.ts';
import type { OperatorMemory } from './operator-change/look.ts';
import { type BesideMemory, emptyBesideMemory } from './revisions/beside-memory.ts';
import { emptySide, type Side } from './side.ts';
import { emptyWalkMemory, type WalkMemory } from './upgrade/walk-memory.ts';

export interface Memory {
	readonly uid: string;
	readonly apply: InstallationMemory;
	/** The mesh that the spec asks for. */
	readonly present: Side;
	/** While its version is changed: the mesh of the other version. */
	other: Side | undefined;
	/** How the change of version gets on. */
	readonly walk: WalkMemory;
	/** The revisions that stand beside. */
	readonly beside: BesideMemory;
	readonly operator: OperatorMemory;
	/** Passes in a row that were given up because rights were missing. */
	refusals: number;
	/** Whether it was told that proxies still use a mesh that is being deleted. */
	toldOfUse: boolean;
	/** Wall clock, milliseconds since 1970: when its deletion had waited for proxies. */
	releasedAt: number | undefined;
}

export class Memories {
	readonly #memories = new Map<string, Memory>();

	/** The memory of this installation. A new one when another installation had its name. */
	of({ metadata: { name, uid = '' } }: StoredInstallation): Memory {
		const known = this.#memories.get(name);
		if (known?.uid === uid) return known;
		const memory: Memory = {
			uid,
			apply: emptyMemory(),
			present: emptySide(),
			other: undefined,
			walk: emptyWalkMemory(),
			beside: emptyBesideMemory(),
			operator: {},
			refusals: 0,
			toldOfUse: false,
			releasedAt: undefined,
		};
		this.#memories.set(name, memory);
		return memory;
	}

	forget(name: string): void {
		this.#memories.delete(name);
	}
}
