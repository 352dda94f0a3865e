/** From what was known of the revisions of a mesh, and what is seen of them now, to what the status tells. Pure. */
import { defaultRevision, definedFields, type ParsedStatus, timeText } from '../../../api/v1/index.ts';
import { type InUse, prune } from './prune.ts';
import type { Usage } from './usage.ts';

export type RevisionStatus = NonNullable<ParsedStatus['revisions']>[number];

/** A revision that the spec, or a change of version, is about. */
export interface LedRevision {
	readonly name: string;
	readonly version: string;
	readonly state: 'Active' | 'Coming';
	/** Its settings, as JSON. Undefined: as they were recorded before. */
	readonly spec: string | undefined;
}

export interface ListInput {
	readonly previous: readonly RevisionStatus[];
	/** The active one first. */
	readonly led: readonly LedRevision[];
	/** Whether anything of a revision stands in the cluster. */
	readonly stands: (name: string) => boolean;
	/** Names of revisions that failed to come: they go as soon as nobody uses them. */
	readonly dropped?: ReadonlySet<string>;
	/** Why none may go now, in a sentence. Asked only when the time of one is over. */
	readonly mayNotGo?: () => string | undefined;
	/** Names of revisions that a tag of the spec names. */
	readonly tagged: ReadonlySet<string>;
	/** The use of each revision. Undefined while nobody has looked. */
	readonly usage: ReadonlyMap<string, Usage> | undefined;
	/** What is not known of the use, in a sentence. */
	readonly unknown: string | undefined;
	readonly graceMs: number;
	/** Milliseconds since 1970. */
	readonly nowMs: number;
}

export interface Listed {
	/** Undefined when there is but the one without a name. */
	readonly revisions: readonly RevisionStatus[] | undefined;
	/** Look again after this time. */
	readonly againInMs: number | undefined;
}

export function listRevisions(input: ListInput): Listed {
	const { previous, led, stands, graceMs, nowMs } = input;
	const ledEntries = led.map((one): RevisionStatus => {
		const { spec: known } = previous.find(({ name }) => name === one.name) ?? {};
		const { name, version, state } = one;
		return { name, version, state, ...useOf(name, input), ...definedFields({ spec: one.spec ?? known }) };
	});
	const others = previous.filter(({ name }) => !led.some((one) => one.name === name) && stands(name));
	const told = others.map((before) => ({ before, now: { ...before, ...useOf(before.name, input) } }));
	const seen = told.map(({ before, now }) => {
		const since = now.inUse === 'False' ? (before.unusedSince ?? timeText(nowMs)) : undefined;
		return { before, now, since };
	});
	const { over, againInMs } = prune(
		seen.map(({ now, since }) => ({
			name: now.name,
			isOwn: true,
			isActive: false,
			inUse: input.usage === undefined ? undefined : now.inUse,
			unusedSinceMs:
				input.dropped?.has(now.name) === true ? nowMs - graceMs : since === undefined ? undefined : Date.parse(since),
		})),
		graceMs,
		nowMs,
	);
	// What goes already goes on.
	const isDue = seen.some(({ now }) => now.state !== 'Going' && over.includes(now.name));
	const kept = isDue && input.usage !== undefined ? input.mayNotGo?.() : undefined;
	const besides = seen.map(({ now, since }): RevisionStatus => {
		const { unusedSince: _, removedAfter: __, state: ___, message: ____, ...rest } = now;
		// Nothing is decided before somebody has looked, and what goes then goes on.
		const isOver = over.includes(now.name);
		const isGoing =
			input.usage === undefined ? now.state === 'Going' : isOver && (kept === undefined || now.state === 'Going');
		return {
			...rest,
			state: isGoing ? 'Going' : 'Standing',
			...definedFields({ message: isOver && !isGoing ? kept : messageOf(now, input) }),
			...(since === undefined ? {} : { unusedSince: since, removedAfter: timeText(Date.parse(since) + graceMs) }),
		};
	});
	const all = [...ledEntries, ...besides];
	const isPlain = all.length === 1 && all[0]?.name === defaultRevision;
	return { revisions: isPlain ? undefined : all, againInMs };
}

type Use = Pick<RevisionStatus, 'inUse' | 'namespaces' | 'proxies'>;

/** What is known of the use. Nothing new while nobody has looked. */
function useOf(name: string, { previous, usage, unknown, tagged }: ListInput): Use {
	const seen = usage?.get(name);
	if (seen === undefined) {
		const { inUse, namespaces, proxies } = previous.find((one) => one.name === name) ?? {};
		return definedFields({ inUse, namespaces, proxies });
	}
	const { namespaces, proxies } = seen;
	const isUsed = namespaces + proxies > 0 || tagged.has(name);
	const inUse: InUse = isUsed ? 'True' : unknown === undefined ? 'False' : 'Unknown';
	return { inUse, namespaces, proxies: rounded(proxies) };
}

function messageOf({ name, inUse, spec }: RevisionStatus, { tagged, unknown }: ListInput): string | undefined {
	const parts = [
		...(tagged.has(name) ? ['a tag of spec.upgrade.tags names it'] : []),
		...(inUse === 'Unknown' && unknown !== undefined ? [unknown] : []),
		...(spec === undefined ? ['it is left as it stands: nobody has recorded its settings'] : []),
	];
	return parts.length === 0 ? undefined : parts.join('; ');
}

function rounded(count: number): number {
	return count < 100 ? count : Number(count.toPrecision(2));
}
