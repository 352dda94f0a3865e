/** Finds what a webhook has put into a pod, between the pod as the API server stores it with and without. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { podInjectionKey, revisionLabel } from '../../../api/v1/index.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import type { Pod, PodMetadata, PodSpec } from '../../sidecar/index.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Label of a pod by which a ReplicaSet knows its own. istiod finds the name of the Deployment by it. */
export const templateHashLabel = 'pod-template-hash';

/** What only the dry runs have. */
const ownLabels: ReadonlySet<string> = new Set([podInjectionKey, revisionLabel, templateHashLabel]);

/** What API servers write into each container that says nothing about it (kubernetes `pkg/apis/core/v1/defaults.go`). */
const defaults: Fields = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };

/**
 * The pod with what was put into it. Undefined when that is nothing. Never changes its arguments.
 * @param given as its owner wrote it
 * @param bare as the API server would store it without a proxy
 * @param injected as it would store it with one
 */
export function afterInjection(given: Pod, bare: Pod, injected: Pod): Pod | undefined {
	if (isDeepStrictEqual(bare.spec, injected.spec)) return undefined;
	const { labels, annotations, ...others } = given.metadata;
	const merged = {
		labels: merge(labels, withoutOwn(bare.metadata.labels), withoutOwn(injected.metadata.labels)),
		annotations: merge(annotations, bare.metadata.annotations, injected.metadata.annotations),
	};
	const entries = Object.entries(merged).filter(([, value]) => isRecord(value) && Object.keys(value).length > 0);
	return {
		metadata: { ...others, ...Object.fromEntries(entries) } as PodMetadata,
		spec: merge(given.spec, bare.spec, injected.spec) as PodSpec,
	};
}

function withoutOwn(labels: Fields = {}): Fields {
	return Object.fromEntries(Object.entries(labels).filter(([name]) => !ownLabels.has(name)));
}

/**
 * What was given, with what differs between before and after: field by field, and entry by entry in lists whose entries have
 * names. So nothing comes along that the API server itself adds.
 */
function merge(given: unknown, before: unknown, after: unknown): unknown {
	if (isDeepStrictEqual(before, after)) return given;
	if (isNamedList(after)) {
		const [own, old] = [given, before].map((list) => (isNamedList(list) ? list : []));
		return after.map((entry) => {
			const find = (list: readonly NamedEntry[] = []) => list.find(({ name }) => name === entry.name);
			const mine = find(own);
			return mine === undefined ? withoutDefaults(entry) : merge(mine, find(old), entry);
		});
	}
	if (!isRecord(after) || !isRecord(given)) return after;
	const old = isRecord(before) ? before : {};
	const names = [...new Set([...Object.keys(given), ...Object.keys(after)])];
	return Object.fromEntries(
		names.flatMap((name) => {
			const isGone = Object.hasOwn(old, name) && !Object.hasOwn(after, name);
			const value = isGone ? undefined : merge(given[name], old[name], after[name]);
			return value === undefined ? [] : [[name, value]];
		}),
	);
}

interface NamedEntry extends Fields {
	readonly name: string;
}

function isNamedList(value: unknown): value is readonly NamedEntry[] {
	return Array.isArray(value) && value.every((entry) => isRecord(entry) && typeof entry.name === 'string');
}

function withoutDefaults(entry: NamedEntry): NamedEntry {
	return Object.fromEntries(Object.entries(entry).filter(([name, value]) => defaults[name] !== value)) as NamedEntry;
}
