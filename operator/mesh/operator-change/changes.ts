/**
 * What another version of the operator would change in a mesh by itself. The status records what was applied, by which
 * version of the operator, for which version of Istio and which settings. When these are the same, and the bodies are not,
 * the operator is what differs. Pure.
 */
import type { ParsedStatus } from '../../../api/v1/index.ts';
import { readBodies } from '../../apply/body-record.ts';
import { bodyHash } from '../../apply/fingerprint.ts';
import { isShared } from '../../apply/identity.ts';
import { kinds } from '../../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey } from '../../runtime/object.ts';

export interface OperatorChanges {
	/** The version that made what stands. */
	readonly from: string;
	/** The version that works now. */
	readonly to: string;
	/** Objects that it renders otherwise, or did not render before. */
	readonly changed: readonly KubeObject[];
	/** Objects that it renders no more. */
	readonly gone: readonly KubeObject[];
	/** Whether the settings of the spec are others too, so that nobody can tell what is whose change. */
	readonly isMixed: boolean;
}

export interface PresentRendering {
	/** The version of the operator that works now. */
	readonly operator: string;
	/** The version of Istio that the spec asks for. */
	readonly version: string;
	/** A hash of the settings of the spec. */
	readonly settings: string;
	/** Everything that belongs to the installation alone, as it is applied. */
	readonly children: readonly KubeObject[];
	/** What stands and is in the installation's set. */
	readonly standing: readonly KubeObject[];
}

/**
 * What the operator keeps up itself, whatever its version: certificates, and who API servers know the injector by. Held,
 * they would end.
 */
const neverHeld: ReadonlySet<string> = new Set([kinds.Secret.kind, kinds.MutatingWebhookConfiguration.kind]);

/** Undefined when this version made what stands, or nobody knows which did, or the spec asks for another version of Istio. */
export function findOperatorChanges(
	inventory: ParsedStatus['inventory'],
	{ operator, version, settings, children, standing }: PresentRendering,
): OperatorChanges | undefined {
	if (inventory?.operator === undefined || inventory.operator === operator) return undefined;
	if (inventory.version !== version) return undefined;
	const record = readBodies(inventory.bodies);
	if (record === undefined) return undefined;
	const own = children.filter((object) => !isShared(object) && !neverHeld.has(object.kind));
	const rendered = new Set(children.map(objectKey));
	return {
		from: inventory.operator,
		to: operator,
		changed: own.filter((object) => record.compare(objectKey(object), bodyHash(object)) !== 'same'),
		gone: standing.filter((object) => {
			const key = objectKey(object);
			return !isShared(object) && !rendered.has(key) && record.has(key);
		}),
		isMixed: inventory.settings !== settings,
	};
}

export function countOf({ changed, gone }: OperatorChanges): number {
	return changed.length + gone.length;
}

type OperatorUpgrade = NonNullable<ParsedStatus['operatorUpgrade']>;

/** So many objects are named. */
const mostNamed = 10;

/** What the status says about changes. */
export function operatorUpgradeOf(changes: OperatorChanges, state: OperatorUpgrade['state']): OperatorUpgrade {
	const { from, to } = changes;
	const objects = countOf(changes);
	const names = [...changes.changed, ...changes.gone].map(describeObject).sort();
	const more = names.length - mostNamed;
	const listed = `${names.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
	const which = `${objects} ${objects === 1 ? 'object differs' : 'objects differ'} between what operator ${from} made and what ${to} renders: ${listed}`;
	const message = {
		Held: `${which}. They stay as they are, and are not repaired, until spec.upgrade.approved.operator is "${to}"; one that is deleted is made anew by ${to}${changes.isMixed ? '. The change of the spec waits with them, since nobody can tell them apart' : ''}`,
		Applying: `${which}. They are being changed`,
		Applied: `${which}. They were changed`,
	}[state];
	return { from, to, objects, state, message };
}
