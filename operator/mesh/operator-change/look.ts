/** What a pass finds out about the change of its own operator, and what it makes of that. */
import type { ParsedStatus } from '../../../api/v1/index.ts';
import type { LiveObjects } from '../../apply/live.ts';
import { applySetId } from '../../render/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PreparedMesh } from '../prepare.ts';
import type { MeshView } from '../view.ts';
import { countOf, findOperatorChanges, type OperatorChanges } from './changes.ts';
import {
	type HeldView,
	type HoldMemory,
	holdChanges,
	inventoryOf,
	isHeldBack,
	madeBy,
	operatorUpgradeStatus,
	type Written,
} from './hold.ts';

export interface OperatorLook {
	/** What the pass goes on with. */
	readonly view: MeshView & Partial<Pick<HeldView, 'written' | 'standing'>>;
	/** What a change of the spec waits for, in a sentence. Undefined when it waits for nothing. */
	readonly gate: string | undefined;
	/** The inventory to record once all is written. */
	inventory(written: Written): NonNullable<ParsedStatus['inventory']>;
	/** `status.operatorUpgrade`. */
	status(isApplied: boolean): NonNullable<ParsedStatus['operatorUpgrade']> | 'none';
}

export interface OperatorLookOptions {
	/** The version of this operator. */
	readonly operator: string;
	readonly live: LiveObjects;
	/** What was rendered for the installation alone, as it is applied. */
	readonly children: readonly KubeObject[];
	readonly memory: OperatorMemory;
}

export interface OperatorMemory extends HoldMemory {
	/** What was rendered and recorded when nothing differed last. */
	same?: { readonly children: readonly KubeObject[]; readonly bodies: string | undefined };
}

export function lookAtOperator(
	{ metadata, spec: stored, status }: StoredInstallation,
	{ installation: { spec } }: PreparedMesh,
	view: MeshView,
	{ operator, live, children, memory }: OperatorLookOptions,
): OperatorLook {
	const by = madeBy(operator, spec.version, stored);
	const present = { ...by, children, standing: live.ofApplySet(applySetId(metadata.name)) };
	const changes = changesOnce(status?.inventory, present, memory);
	const isHeld = changes !== undefined && countOf(changes) > 0 && isHeldBack(spec, operator);
	return {
		view: isHeld ? holdChanges(view, changes, live, memory) : view,
		gate:
			isHeld && changes.isMixed
				? `the change of the spec waits for spec.upgrade.approved.operator: "${operator}", since operator ${operator} also changes what ${changes.from} made, and nobody can tell the two apart`
				: undefined,
		inventory: (written) => inventoryOf(written, by, status?.inventory, isHeld),
		status: (isApplied) => operatorUpgradeStatus(changes, isHeld, isApplied, status?.operatorUpgrade),
	};
}

/** Compares the same rendering with the same record once, when nothing differs. */
function changesOnce(
	inventory: ParsedStatus['inventory'],
	present: Parameters<typeof findOperatorChanges>[1],
	memory: OperatorMemory,
): OperatorChanges | undefined {
	const { same } = memory;
	if (same?.children === present.children && same.bodies === inventory?.bodies) return undefined;
	const changes = findOperatorChanges(inventory, present);
	if (changes === undefined || countOf(changes) > 0) return changes;
	memory.same = { children: present.children, bodies: inventory?.bodies };
	return undefined;
}
