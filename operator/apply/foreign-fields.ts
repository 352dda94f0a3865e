/**
 * Finds in an object what others have put beside our fields, and says what the object would be without some of it.
 * `metadata.managedFields` tells who owns which field, and by which keys the items of a list are told apart, so no schema is
 * needed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, ManagedFieldsEntry } from '../runtime/object.ts';
import { isRecord } from '../runtime/object-shape.ts';

/**
 * A path as `fieldsV1` writes it, step by step: `f:spec` for a field, `k:{"name":"discovery"}` for an item of a list with
 * keys, `v:"a"` for an item of a set (structured-merge-diff v6, fieldpath/serialize-pe.go).
 */
export type FieldPath = readonly string[];

interface FieldTree {
	readonly [step: string]: FieldTree;
}

/** A field of a live object that is not rendered. */
export interface ExtraField {
	readonly path: FieldPath;
	/** Who owns it, without ourselves. Empty for a default of the API server. */
	readonly managers: readonly string[];
}

/** The parts of an object's metadata in which users write. */
const metadataFields = ['labels', 'annotations', 'ownerReferences', 'finalizers'] as const;

/** What server-side apply compares: no header, no status, of the metadata what users write. */
function writableFields({ apiVersion: _, kind: __, metadata, status: ___, ...fields }: KubeObject): object {
	const entries = metadataFields.flatMap((name) => (metadata[name] === undefined ? [] : [[name, metadata[name]]]));
	return { metadata: Object.fromEntries(entries), ...fields };
}

function mergeTrees(a: FieldTree, b: FieldTree): FieldTree {
	const merged: Record<string, FieldTree> = { ...a };
	for (const [step, below] of Object.entries(b)) {
		const known = merged[step];
		merged[step] = known === undefined ? below : mergeTrees(known, below);
	}
	return merged;
}

/** The steps below a node that are fields or items. The step `.` stands for the node itself. */
function stepsOf(tree: FieldTree | undefined): readonly string[] {
	return Object.keys(tree ?? {}).filter((step) => step !== '.');
}

/** How the items of a list are told apart. Undefined for a list that is written as a whole. */
function itemStep(tree: FieldTree | undefined): ((item: unknown) => string) | undefined {
	const steps = stepsOf(tree);
	const keyed = steps.find((step) => step.startsWith('k:'));
	if (keyed !== undefined) {
		const keys = Object.keys(JSON.parse(keyed.slice(2)) as object);
		return (item) => {
			const fields = isRecord(item) ? item : {};
			const known = steps.find((step) => step.startsWith('k:') && isItemOf(step, fields));
			return known ?? `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, fields[key]])))}`;
		};
	}
	return steps.some((step) => step.startsWith('v:')) ? (item) => `v:${JSON.stringify(item)}` : undefined;
}

/** Keys that an item leaves out are those to which the API server gives a default, such as `protocol` of a port. */
function isItemOf(step: string, item: Readonly<Record<string, unknown>>): boolean {
	const keys = Object.entries(JSON.parse(step.slice(2)) as object);
	return keys.every(([key, value]) => item[key] === undefined || isDeepStrictEqual(item[key], value));
}

/** A value of the live object beside the rendered one of the same path. */
interface Pair {
	readonly path: FieldPath;
	readonly live: unknown;
	readonly rendered: unknown;
	readonly tree: FieldTree | undefined;
}

/** The pairs one step below. Undefined where a value is one whole: a scalar, or what is owned as a whole. */
function pairsBelow({ path, live, rendered, tree }: Pair): readonly Pair[] | undefined {
	if (Array.isArray(live) && Array.isArray(rendered)) {
		const stepOf = itemStep(tree);
		if (stepOf === undefined) return undefined;
		const there = new Map(live.map((item) => [stepOf(item), item as unknown]));
		const here = new Map(rendered.map((item) => [stepOf(item), item as unknown]));
		return [...new Set([...there.keys(), ...here.keys()])].map((step) => ({
			path: [...path, step],
			live: there.get(step),
			rendered: here.get(step),
			tree: tree?.[step],
		}));
	}
	if (!isRecord(live) || !isRecord(rendered)) return undefined;
	const isWhole = tree !== undefined && stepsOf(tree).length === 0 && Object.keys(live).length > 0 && path.length > 1;
	if (isWhole) return undefined;
	return [...new Set([...Object.keys(live), ...Object.keys(rendered)])].map((name) => ({
		path: [...path, `f:${name}`],
		live: live[name],
		rendered: rendered[name],
		tree: tree?.[`f:${name}`],
	}));
}

/** A live object beside what is rendered of it. */
export class Comparison {
	readonly #root: Pair & { readonly live: object };
	readonly #managedFields: readonly ManagedFieldsEntry[];
	readonly #isOurs: (entry: ManagedFieldsEntry) => boolean;

	/** @param isOurs tells the entries of `managedFields` that are nobody else's */
	constructor(live: KubeObject, rendered: KubeObject, isOurs: (entry: ManagedFieldsEntry) => boolean) {
		this.#managedFields = (live.metadata.managedFields ?? []).filter(({ subresource }) => subresource !== 'status');
		this.#isOurs = isOurs;
		const tree = this.#managedFields.reduce<FieldTree>(
			(sum, { fieldsV1 }) => mergeTrees(sum, (fieldsV1 ?? {}) as FieldTree),
			{},
		);
		this.#root = { path: [], live: writableFields(live), rendered: writableFields(rendered), tree };
	}

	/** The fields of the live object that are not rendered, each at its top: a field with all that is below it. */
	extraFields(): readonly ExtraField[] {
		const extra: ExtraField[] = [];
		const visit = (pair: Pair): void => {
			if (pair.live === undefined) return;
			if (pair.rendered === undefined) extra.push({ path: pair.path, managers: this.#managersOf(pair.path) });
			else pairsBelow(pair)?.forEach(visit);
		};
		visit(this.#root);
		return extra;
	}

	/** The fields or items directly below an extra field. None below what is written as a whole. */
	below({ path }: ExtraField): readonly ExtraField[] {
		let pair: Pair = this.#root;
		for (const step of path) {
			const next = pairsBelow({ ...pair, rendered: emptyLike(pair.live) })?.find((one) => one.path.at(-1) === step);
			if (next === undefined) return [];
			pair = next;
		}
		const pairs = pairsBelow({ ...pair, rendered: emptyLike(pair.live) }) ?? [];
		return pairs.map((one) => ({ path: one.path, managers: this.#managersOf(one.path) }));
	}

	/** The rendered fields that are missing in the live object or have another value there, each at its top. */
	differences(): readonly FieldPath[] {
		const paths: FieldPath[] = [];
		const visit = (pair: Pair): void => {
			if (pair.rendered === undefined || isDeepStrictEqual(pair.live, pair.rendered)) return;
			const below = pair.live === undefined ? undefined : pairsBelow(pair);
			if (below === undefined) paths.push(pair.path);
			else below.forEach(visit);
		};
		visit(this.#root);
		return paths;
	}

	/**
	 * The operations of a JSON patch (RFC 6902) that makes the live object as rendered.
	 * @param without extra fields to take away; all others stay
	 * @param except rendered fields to leave as they are
	 */
	patch(without: readonly FieldPath[], except: readonly FieldPath[] = []): readonly JsonPatchOperation[] {
		const goes = new Set(without.map(pathKey));
		const stays = new Set(except.map(pathKey));
		const { live } = this.#root;
		const merged = merge(this.#root, goes, stays) as Readonly<Record<string, unknown>>;
		return [
			...operations('/metadata', fieldsOf(live, 'metadata'), fieldsOf(merged, 'metadata')),
			...operations('', { ...live, metadata: undefined }, { ...merged, metadata: undefined }),
		];
	}

	#managersOf(path: FieldPath): readonly string[] {
		const managers = this.#managedFields
			.filter((entry) => !this.#isOurs(entry) && owns(entry, path))
			.map(({ manager }) => manager ?? 'an unnamed writer');
		return [...new Set(managers)].sort();
	}
}

export interface JsonPatchOperation {
	readonly op: 'add' | 'remove' | 'replace';
	readonly path: string;
	readonly value?: unknown;
}

function fieldsOf(object: object, name: string): Readonly<Record<string, unknown>> {
	const value = (object as Readonly<Record<string, unknown>>)[name];
	return isRecord(value) ? value : {};
}

function operations(
	parent: string,
	live: Readonly<Record<string, unknown>>,
	merged: Readonly<Record<string, unknown>>,
): readonly JsonPatchOperation[] {
	return [...new Set([...Object.keys(live), ...Object.keys(merged)])]
		.filter((name) => !isDeepStrictEqual(live[name], merged[name]))
		.map((name) => {
			const path = `${parent}/${name}`;
			return merged[name] === undefined ? { op: 'remove', path } : { op: 'add', path, value: merged[name] };
		});
}

function merge(pair: Pair, goes: ReadonlySet<string>, stays: ReadonlySet<string>): unknown {
	const { path, live, rendered } = pair;
	const key = pathKey(path);
	if (stays.has(key)) return live;
	if (rendered === undefined) return goes.has(key) ? undefined : reduce(pair, goes);
	const below = live === undefined ? undefined : pairsBelow(pair);
	if (below === undefined) return rendered;
	const merged = below
		.map((one) => [one.path.at(-1)?.slice(2) ?? '', merge(one, goes, stays)] as const)
		.filter(([, value]) => value !== undefined);
	return Array.isArray(live) ? merged.map(([, value]) => value) : Object.fromEntries(merged);
}

function emptyLike(value: unknown): unknown {
	return Array.isArray(value) ? [] : isRecord(value) ? {} : value;
}

/** The live value without the fields below it that go. */
function reduce(pair: Pair, goes: ReadonlySet<string>): unknown {
	const { path, live } = pair;
	const prefix = `${pathKey(path)}\n`;
	if (![...goes].some((key) => key.startsWith(prefix))) return live;
	return merge({ ...pair, rendered: emptyLike(live) }, goes, new Set());
}

function pathKey(path: FieldPath): string {
	return path.join('\n');
}

function owns({ fieldsV1 }: ManagedFieldsEntry, path: FieldPath): boolean {
	let tree = fieldsV1 as FieldTree | undefined;
	for (const step of path) {
		if (tree !== undefined && stepsOf(tree).length === 0 && tree !== fieldsV1) return true;
		tree = tree?.[step];
		if (tree === undefined) return false;
	}
	return true;
}

/**
 * How near a field is to one that the API server names in a refusal: the number of steps that both paths begin with. An
 * index is not compared, since it counts the items of a merged list that nobody else sees.
 * @param cause `spec.template.spec.containers[0].env[2].valueFrom`
 */
export function nearness(path: FieldPath, cause: string): number {
	const named = cause
		.replaceAll(/\[[^\]]*\]/g, '')
		.split('.')
		.filter((name) => name !== '');
	const names = path.filter((step) => step.startsWith('f:')).map((step) => step.slice(2));
	const differs = named.findIndex((name, index) => names[index] !== name);
	return differs === -1 ? named.length : differs;
}

/** A path for a person: `spec.template.spec.containers[name=discovery].env[name=A].value`. */
export function describePath(path: FieldPath): string {
	return path
		.map((step) => {
			const rest = step.slice(2);
			if (step.startsWith('f:')) return /^[\w-]+$/.test(rest) ? `.${rest}` : `[${rest}]`;
			if (step.startsWith('v:')) return `[${rest}]`;
			const keys = Object.entries(JSON.parse(rest) as object);
			return `[${keys.map(([key, value]) => `${key}=${String(value)}`).join(',')}]`;
		})
		.join('')
		.replace(/^\./, '');
}
