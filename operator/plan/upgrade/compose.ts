/**
 * Two renderings of a mesh as one list of objects: each object as the version renders it that its stage has come to. Pure.
 *
 * - A stage that is reached has the objects of the new version. What only the version before has stays, and is kept as it
 *   renders it, until the last stage is over.
 * - A later stage has those of the version before. What only the new version has is not there yet.
 * - A stage that is held stays as it stands, and so does one whose version nobody can render.
 */
import type { UpgradeStage } from '../../../api/v1/index.ts';
import { type RuleLike, rightsNotCovered } from '../../render/rules-covered.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { Waiting } from '../gate.ts';
import type { Source } from './course.ts';

/** A mesh as one version renders it. */
export interface Rendering {
	readonly version: string;
	readonly objects: readonly KubeObject[];
	readonly held: Waiting['held'];
	readonly kept: Waiting['kept'];
	readonly delayed: Waiting['delayed'];
}

export interface Composition {
	/** What is to be there. */
	readonly objects: readonly KubeObject[];
	/** Objects that stay as they stand, as one of the versions renders them: nobody writes them. */
	readonly standing: readonly KubeObject[];
	/** The version that renders an object, by key. */
	readonly versionOf: ReadonlyMap<string, string>;
	/** The objects of each stage, by key. */
	readonly stages: ReadonlyMap<UpgradeStage, readonly string[]>;
	readonly held: Waiting['held'];
	readonly kept: Waiting['kept'];
	readonly delayed: Waiting['delayed'];
}

export interface CompositionInput {
	/** Undefined when it can't be told. */
	readonly old: Rendering | undefined;
	/** Undefined when nothing of it is to be written. */
	readonly next: Rendering | undefined;
	/** Roles of the version before, as far as they are known where `old` is not: what they give, new ones go on giving. */
	readonly rights?: readonly KubeObject[];
	readonly stageOf: (object: KubeObject) => UpgradeStage;
	readonly sourceOf: (stage: UpgradeStage) => Source;
}

export function compose({ old, next, rights = [], stageOf, sourceOf }: CompositionInput): Composition {
	const before = byKey(old);
	const after = byKey(next);
	const roles = new Map([...rights.map((role) => [objectKey(role), role] as const), ...before]);
	const objects: KubeObject[] = [];
	const standing: KubeObject[] = [];
	const versionOf = new Map<string, string>();
	const stages = new Map<UpgradeStage, string[]>();
	const held = new Map<string, string>();
	const kept = new Map<string, string>();
	const delayed = new Map<string, string>();
	const take = (key: string, object: KubeObject, from: Rendering) => {
		objects.push(object);
		versionOf.set(key, from.version);
		const [gate, delay] = [from.held.get(key), from.delayed.get(key)];
		if (gate !== undefined) held.set(key, gate);
		if (delay !== undefined) delayed.set(key, delay);
	};
	for (const key of new Set([...before.keys(), ...after.keys()])) {
		const [former, present] = [before.get(key), after.get(key)];
		const either = present ?? former;
		if (either === undefined) continue;
		const stage = stageOf(either);
		const keys = stages.get(stage) ?? [];
		keys.push(key);
		stages.set(stage, keys);
		const source = sourceOf(stage);
		const followed = source === 'new' ? next : source === 'old' ? old : undefined;
		if (followed === undefined) standing.push(either);
		else if (source === 'new' && present !== undefined && next !== undefined)
			take(key, withRightsOf(present, roles.get(key)), next);
		else if (former !== undefined && old !== undefined) take(key, former, old);
	}
	for (const rendering of [old, next]) for (const [key, reason] of rendering?.kept ?? []) kept.set(key, reason);
	return { objects, standing, versionOf, stages, held, kept, delayed };
}

function byKey(rendering: Rendering | undefined): ReadonlyMap<string, KubeObject> {
	return new Map(rendering?.objects.map((object) => [objectKey(object), object]) ?? []);
}

/**
 * A role that also gives what it gave before: pods of the version before run until their own stage is over, and some need
 * what the new version does not (Mixer 1.1 reads each adapter's own kind, Mixer 1.2 none of them).
 */
function withRightsOf(present: KubeObject, former: KubeObject | undefined): KubeObject {
	if (former === undefined) return present;
	const rules = rulesOf(present);
	const lost = rulesOf(former).filter((rule) => rightsNotCovered(rules, [rule], { atMost: 1 }).length > 0);
	return lost.length === 0 ? present : { ...present, rules: [...rules, ...lost] };
}

function rulesOf({ rules }: KubeObject): readonly RuleLike[] {
	return Array.isArray(rules) ? (rules as readonly RuleLike[]) : [];
}
