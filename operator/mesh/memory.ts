/** What the process remembers about an installation between passes. All of it can be found out again. */
import { emptyMemory, type InstallationMemory } from '../apply/installation-memory.ts';
import type { ResolvedMesh } from '../releases/index.ts';
import type { StoredInstallation } from './installation.ts';
import type { OperatorMemory } from './operator-change/look.ts';
import type { Prepared } from './prepare.ts';
import { emptyWalkMemory, type WalkMemory } from './upgrade/walk-memory.ts';
import { emptyViewMemory, type ViewMemory } from './view.ts';

/** What is remembered of a mesh as one spec asks for it. */
export interface Side {
	view: ViewMemory;
	prepared: { readonly spec: unknown; readonly serverVersion: string; readonly value: Prepared } | undefined;
	/** The wanted mesh configuration, and the monotonic time since when all passes could write it. */
	configuration: { readonly mesh: ResolvedMesh; readonly hash: string; readonly since: number } | undefined;
}

export interface Memory {
	readonly uid: string;
	readonly apply: InstallationMemory;
	/** The mesh that the spec asks for. */
	readonly present: Side;
	/** While its version is changed: the mesh of the other version. */
	other: Side | undefined;
	/** How the change of version gets on. */
	readonly walk: WalkMemory;
	readonly operator: OperatorMemory;
	/** Passes in a row that were given up because rights were missing. */
	refusals: number;
	/** Whether it was told that proxies still use a mesh that is being deleted. */
	toldOfUse: boolean;
	/** Wall clock, milliseconds since 1970: when its deletion had waited for proxies. */
	releasedAt: number | undefined;
}

/** What is remembered of a mesh that has not been looked at. Its view goes on from one that has, if there is one. */
export function emptySide(view: ViewMemory = emptyViewMemory()): Side {
	return { view: { ...view }, prepared: undefined, configuration: undefined };
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
