/** The checks before the first write of a new version, as a pass asks for them. */

import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PreparedMesh } from '../prepare.ts';

/** A change of version that is about to begin. */
export interface UpgradeSubject {
	readonly from: string;
	readonly to: string;
	/** The mesh that runs. Undefined when it can't be told. */
	readonly former: Pick<PreparedMesh, 'mesh'> | undefined;
	readonly next: Pick<PreparedMesh, 'mesh'>;
}

export interface UpgradeChecks {
	/**
	 * Everything that was found. `looking` while something is being gathered: then the mesh is woken when it is there. Called by
	 * each pass, so it asks nobody itself.
	 */
	of(object: StoredInstallation, subject: UpgradeSubject): readonly UpgradeFinding[] | 'looking';
	/** Called when no change of version of this mesh is about to begin. */
	forget(mesh: string): void;
}
