/** Holds what another version of the operator would change in a mesh, until its owner approves it. */
import { definedFields, type ParsedSpec, type ParsedStatus } from '../../../api/v1/index.ts';
import { recordBodies } from '../../apply/body-record.ts';
import type { LiveObjects } from '../../apply/live.ts';
import type { Applied } from '../../apply/plan.ts';
import { recordSettings, settingsHash } from '../../plan/upgrade/settings.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { MeshView } from '../view.ts';
import { countOf, type OperatorChanges, operatorUpgradeOf } from './changes.ts';

/** A view in which some objects are left as they stand. */
export interface HeldView extends MeshView {
	/** What is written. `objects` has the held ones too: they are observed. */
	readonly written: readonly KubeObject[];
	/** Keys of the objects that are left as they stand. */
	readonly standing: ReadonlySet<string>;
}

/** Whether the owner wants to approve what this version of the operator changes, and has not yet. */
export function isHeldBack({ upgrade }: Pick<ParsedSpec, 'upgrade'>, operator: string): boolean {
	return upgrade?.holdOperatorChanges === true && upgrade.approved?.operator !== operator;
}

/** The last result, since a pass that sees the same must hand on the same list: bodies are hashed once a list. */
export interface HoldMemory {
	held?: { readonly objects: readonly KubeObject[]; readonly keys: string; readonly written: readonly KubeObject[] };
}

/**
 * Leaves out what is held. What is not there any more is not held: nothing of it could be kept.
 * @param live what stands
 */
export function holdChanges(
	view: MeshView,
	changes: OperatorChanges,
	live: Pick<LiveObjects, 'get' | 'isBehind'>,
	memory: HoldMemory,
): HeldView {
	const standing = new Set(changes.changed.map(objectKey).filter((key) => live.get(key) !== undefined));
	const keys = [...standing].join('\n');
	if (memory.held?.objects !== view.objects || memory.held.keys !== keys) {
		const written = view.objects.filter((object) => !standing.has(objectKey(object)));
		memory.held = { objects: view.objects, keys, written };
	}
	const why = `as operator ${changes.from} made it, until spec.upgrade.approved.operator is "${changes.to}"`;
	const kept = new Map([
		...[...standing, ...changes.gone.map(objectKey)].map((key) => [key, why] as const),
		...view.kept,
	]);
	return { ...view, kept, standing, written: memory.held.written };
}

/** What a pass has come to, for the inventory. */
export interface Written {
	readonly objects: number;
	readonly hash: string;
	readonly applied: ReadonlyMap<string, Pick<Applied, 'bodyHash'>>;
}

export interface MadeBy {
	readonly operator: string;
	readonly version: string;
	readonly settings: string;
	/** The settings themselves, as JSON. Undefined when they are too long to be kept. */
	readonly spec: string | undefined;
}

/** What is made now. */
export function madeBy(operator: string, version: string, spec: unknown): MadeBy {
	return { operator, version, settings: settingsHash(spec), spec: recordSettings(spec) };
}

/**
 * The inventory to record. While something is held it goes on saying what the version before made. While nothing differs,
 * nothing in it changes, whichever version of the operator looks.
 */
export function inventoryOf(
	{ objects, hash, applied }: Written,
	by: MadeBy,
	previous: ParsedStatus['inventory'],
	isHeld: boolean,
): NonNullable<ParsedStatus['inventory']> {
	if (isHeld && previous !== undefined) return { ...previous, hash };
	const isSame = previous?.hash === hash && previous.operator !== undefined && previous.version === by.version;
	const operator = isSame ? previous.operator : by.operator;
	return { objects, hash, ...definedFields({ ...by, operator }), bodies: recordBodies(applied) };
}

/** `status.operatorUpgrade` after a pass. What the last one changed stays told. */
export function operatorUpgradeStatus(
	changes: OperatorChanges | undefined,
	isHeld: boolean,
	isApplied: boolean,
	previous: ParsedStatus['operatorUpgrade'],
): NonNullable<ParsedStatus['operatorUpgrade']> | 'none' {
	if (changes !== undefined && countOf(changes) > 0)
		return operatorUpgradeOf(changes, isHeld ? 'Held' : isApplied ? 'Applied' : 'Applying');
	return previous === undefined || previous.state === 'Held' ? 'none' : previous;
}
