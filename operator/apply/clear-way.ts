/**
 * Repairs an object that somebody has edited in such a way that our apply is invalid: a `value` beside our `valueFrom`, a
 * limit below our request, a second type of volume. Server-side apply keeps the fields of others, so the API server would
 * refuse it for ever. What is in the way is found by asking the API server (dry runs), and nothing else is taken away.
 */
import { RequestError, type StatusCause, TransientError } from '../runtime/errors.ts';
import { describeObject, type KubeObject, type ManagedFieldsEntry } from '../runtime/object.ts';
import { Comparison, describePath, type ExtraField, type FieldPath, nearness } from './foreign-fields.ts';
import { fieldManager, handoverFieldManager, repairFieldManager } from './identity.ts';
import type { Writer } from './writer.ts';

/** A search ends after this many dry runs. Each takes a few milliseconds. */
const mostDryRuns = 48;

const ownManagers: ReadonlySet<string> = new Set([fieldManager, handoverFieldManager]);

function isOurs({ manager, operation }: ManagedFieldsEntry): boolean {
	return manager === repairFieldManager || (operation === 'Apply' && ownManagers.has(manager ?? ''));
}

/** An answer for which fields of others may be the reason. */
export type Refusal = RequestError | TransientError;

/** Whether the API server found the object itself invalid. */
export function isInvalid(error: unknown): error is RequestError {
	return error instanceof RequestError && error.status === 422;
}

/**
 * Whether fields of others may be the reason. Some checks come so late that the API server calls it an error of its own:
 * `duplicate nodePort` (kubernetes 1.36 pkg/registry/core/service/storage/alloc.go).
 */
export function mayBeInTheWay(error: unknown): error is Refusal {
	return isInvalid(error) || (error instanceof TransientError && error.status === 500);
}

/**
 * Makes the live object as rendered, without the fields of others that made the apply invalid, and tells what it took away.
 * The caller applies again afterwards, to own the fields. When no fields can be found, it repairs what it can of the rest
 * and throws `refusal` with the names of those who should look.
 */
export async function clearTheWay(object: KubeObject, refusal: Refusal, writer: Writer): Promise<void> {
	const live = await writer.find(object);
	if (live === undefined) throw refusal;
	const search = new Search(live, object, writer);
	if (refusal instanceof TransientError && !(await search.isLasting(refusal))) throw refusal;
	const extra = await search.inTheWay(causesOf(refusal));
	if (extra === undefined) {
		await search.repairRest(causesOf(refusal));
		throw search.unsolved(refusal);
	}
	await writer.patchGuarded(live, search.comparison.patch(extra.map(({ path }) => path)));
	writer.notice(
		'Normal',
		'DriftRepaired',
		`${describeObject(object)}: ${describeFields(extra)} had to go, because ${because(refusal)}`,
	);
}

class Search {
	readonly comparison: Comparison;
	readonly #live: KubeObject;
	readonly #writer: Writer;
	readonly #extra: readonly ExtraField[];
	#dryRuns = 0;

	constructor(live: KubeObject, rendered: KubeObject, writer: Writer) {
		this.#live = live;
		this.#writer = writer;
		this.comparison = new Comparison(live, rendered, isOurs);
		this.#extra = this.comparison.extraFields();
	}

	/** Whether the API server says the same again. A failure that passes by itself is nobody's fault. */
	async isLasting({ message }: TransientError): Promise<boolean> {
		if (this.#extra.every(({ managers }) => managers.length === 0)) return false;
		for (const _ of [1, 2]) if ((await this.#refusal([]))?.message !== message) return false;
		return true;
	}

	/** The smallest set of extra fields without which the rendered object is valid. Undefined when there is none. */
	async inTheWay(causes: readonly StatusCause[]): Promise<readonly ExtraField[] | undefined> {
		const enough = await this.#enough(causes);
		if (enough === undefined) return undefined;
		return enough.length === 1 ? this.#narrow(enough, []) : this.#fewest(enough, []);
	}

	/** Those of `fields` that have to go when `others` go as well. */
	async #fewest(fields: readonly ExtraField[], others: readonly ExtraField[]): Promise<readonly ExtraField[]> {
		let needed = fields;
		for (const field of fields) {
			const fewer = needed.filter((one) => one !== field);
			if (this.#dryRuns < mostDryRuns && (await this.#refusal([...others, ...fewer])) === undefined) needed = fewer;
		}
		return this.#narrow(needed, others);
	}

	/** Looks into each field: of `resources.limits`, perhaps only the limit of the CPU is in the way. */
	async #narrow(fields: readonly ExtraField[], others: readonly ExtraField[]): Promise<readonly ExtraField[]> {
		let narrowed = fields;
		for (const field of fields) {
			const below = this.comparison.below(field);
			if (below.length < 2) continue;
			const rest = narrowed.filter((one) => one !== field);
			const needed = await this.#fewest(below, [...others, ...rest]);
			if (needed.length < below.length) narrowed = [...rest, ...needed];
		}
		return narrowed;
	}

	/** Takes the fields nearest to what the API server names, then the next, until the rest is valid. */
	async #enough(causes: readonly StatusCause[]): Promise<readonly ExtraField[] | undefined> {
		let taken: readonly ExtraField[] = [];
		let named = causes;
		while (this.#dryRuns < mostDryRuns / 2) {
			const left = this.#extra.filter((field) => !taken.includes(field));
			// What somebody has set comes first. Then come the API server's defaults, which may have followed from it.
			const foreign = left.filter(({ managers }) => managers.length > 0);
			const next = nearest(foreign.length > 0 ? foreign : left, ({ path }) => path, named);
			if (next.length === 0) return undefined;
			taken = [...taken, ...next];
			const refusal = await this.#refusal(taken);
			if (refusal === undefined) return taken;
			named = causesOf(refusal);
		}
		return undefined;
	}

	/** Repairs all rendered fields but those that the API server does not accept. */
	async repairRest(causes: readonly StatusCause[]): Promise<void> {
		let except: readonly FieldPath[] = [];
		let named = causes;
		const differences = this.comparison.differences();
		while (this.#dryRuns < mostDryRuns) {
			const next = nearest(
				differences.filter((path) => !except.includes(path)),
				(path) => path,
				named,
			);
			if (next.length === 0) return;
			except = [...except, ...next];
			const refusal = await this.#refusal([], except);
			if (refusal !== undefined) {
				named = causesOf(refusal);
				continue;
			}
			const patch = this.comparison.patch([], except);
			if (patch.length > 0) await this.#writer.patchGuarded(this.#live, patch);
			return;
		}
	}

	unsolved(refusal: Refusal): Refusal {
		if (refusal instanceof TransientError) return refusal;
		const { message, status, reason, causes, object } = refusal;
		const foreign = this.#extra.filter(({ managers }) => managers.length > 0);
		const advice =
			foreign.length === 0 ? '' : `. Whoever has set ${describeFields(foreign)} must take out what does not fit`;
		return new RequestError(`${message}${advice}`, {
			status,
			reason,
			causes,
			...(object === undefined ? {} : { object }),
		});
	}

	/** What the API server says to the rendered object without these extra fields. Undefined when it accepts it. */
	async #refusal(without: readonly ExtraField[], except: readonly FieldPath[] = []): Promise<Refusal | undefined> {
		this.#dryRuns++;
		try {
			await this.#writer.tryPatch(
				this.#live,
				this.comparison.patch(
					without.map(({ path }) => path),
					except,
				),
			);
			return undefined;
		} catch (error) {
			if (mayBeInTheWay(error)) return error;
			throw error;
		}
	}
}

/** Those of `items` whose path is nearest to one of the causes. */
function nearest<T>(items: readonly T[], pathOf: (item: T) => FieldPath, causes: readonly StatusCause[]): readonly T[] {
	const ranks = items.map((item) => Math.max(0, ...causes.map(({ field }) => nearness(pathOf(item), field))));
	const best = ranks.reduce((most, rank) => Math.max(most, rank), 0);
	return items.filter((_, index) => ranks[index] === best);
}

function causesOf(refusal: Refusal): readonly StatusCause[] {
	return refusal instanceof RequestError ? refusal.causes : [];
}

function because(refusal: Refusal): string {
	const [first] = causesOf(refusal);
	if (first === undefined) return 'the API server did not take ours beside it';
	return `the API server refused ${first.field}${first.message === '' ? '' : ` (${first.message})`}`;
}

function describeFields(fields: readonly ExtraField[]): string {
	const shown = fields.slice(0, 5).map(({ path, managers }) => {
		return `${describePath(path)}${managers.length === 0 ? '' : ` (set by ${managers.join(', ')})`}`;
	});
	return fields.length > 5 ? `${shown.join(', ')} and ${fields.length - 5} more` : shown.join(', ');
}
