/** Reads one page of a list: all at once, or object by object where the server is not trusted. */
import { TransientError } from '../errors.ts';
import { collectionPath, type Kind } from '../kinds.ts';
import type { KubeObject, ObjectMeta, ObjectReference } from '../object.ts';
import { hasHeader, isRecord } from '../object-shape.ts';
import { matchesSelector } from '../watch/selector.ts';
import type { BudgetLimits, ConnectionBudget } from './budget.ts';
import { ListReader } from './list-reader.ts';
import { parseBody, type Requester } from './requester.ts';
import {
	callOptions,
	type ListOptions,
	type ListPage,
	type ListReading,
	metadataListAccept,
	type ObjectHeader,
} from './requests.ts';

/** Bounds of what a server sends that is trusted: it may send as much as in an answer that is read as a whole. */
const trusted: Pick<BudgetLimits, 'document' | 'refusalBytes' | 'objects'> = {
	document: { bytes: 64 * 1024 * 1024, depth: Number.POSITIVE_INFINITY, values: Number.POSITIVE_INFINITY },
	refusalBytes: 64 * 1024 * 1024,
	objects: Number.POSITIVE_INFINITY,
};

/** Every item gets apiVersion and kind, which the answer to a list leaves out. */
export async function listPage<T = KubeObject>(
	requester: Requester,
	kind: Kind,
	options: ListReading<T>,
): Promise<ListPage<T>> {
	const limit = options.limit ?? 500;
	const path = collectionPath(kind, options.namespace);
	const read = options.read ?? ((object: KubeObject) => object as T);
	const isMetadata = options.metadataOnly === true;
	const { budget } = requester;
	let items: T[] = [];
	let isOdd = () => false;
	const reader = (checks: ConnectionBudget | undefined) => {
		// A request may be repeated. Then its list begins anew.
		items = [];
		const { document, refusalBytes, objects } = checks?.limits ?? trusted;
		const most = options.most ?? objects;
		const refuse = (words: string) =>
			checks?.offend(`sent a list of ${kind.plural} that ${words}`) ??
			new TransientError(`GET ${path}: the list of ${kind.plural} ${words}`);
		const list = new ListReader({
			item: document,
			rest: { ...document, bytes: refusalBytes },
			refuse,
			onItem: (text) => {
				const item = asItem(parseBody(`GET ${path}`, text), kind, isMetadata);
				if (item === undefined) {
					checks?.countMalformed(text.length);
					throw notAList(path, kind);
				}
				if (checks !== undefined && !isAsked(item, options)) checks.countStranger();
				else if (items.push(read(item)) > most) throw refuse(`has more than ${most} objects`);
			},
		});
		isOdd = () => list.isOdd;
		return list;
	};
	const isRead = budget !== undefined || options.readsAsItComes === true;
	const { body } = await requester.request<unknown>({
		...callOptions(options),
		method: 'GET',
		path,
		query: {
			labelSelector: options.labelSelector,
			fieldSelector: options.fieldSelector,
			limit: limit === 0 ? undefined : limit,
			continue: options.continue,
			resourceVersion: options.resourceVersion,
		},
		kind: kind.kind,
		accept: isMetadata ? metadataListAccept : undefined,
		reader: isRead ? () => reader(budget) : undefined,
	});
	const metadata = isRecord(body) && isRecord(body.metadata) ? body.metadata : {};
	const { continue: next, resourceVersion } = metadata;
	if (isOdd()) throw notAList(path, kind);
	if (!isRead) {
		const found = isRecord(body) && Array.isArray(body.items) ? body.items : [];
		items = found.map((one) => {
			const item = asItem(one, kind, isMetadata);
			if (item === undefined) throw notAList(path, kind);
			return read(item);
		});
	}
	return {
		items,
		resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
		continue: typeof next === 'string' && next !== '' ? next : undefined,
	};
}

/** The object's header, with its own kind instead of `PartialObjectMetadata`. */
export function headerOf(body: unknown, object: Pick<ObjectReference, 'apiVersion' | 'kind'>): ObjectHeader {
	const metadata = isRecord(body) ? body.metadata : undefined;
	return { apiVersion: object.apiVersion, kind: object.kind, metadata: metadata as ObjectMeta };
}

/** An item of a list as an object of its kind. Undefined when it is none. */
function asItem(item: unknown, kind: Kind, metadataOnly: boolean): KubeObject | undefined {
	if (!isRecord(item) || !hasHeader(item)) return undefined;
	if (metadataOnly) return headerOf(item, kind) as unknown as KubeObject;
	const { apiVersion: _, kind: __, ...rest } = item;
	return { apiVersion: kind.apiVersion, kind: kind.kind, ...rest } as KubeObject;
}

function notAList(path: string, { plural }: Kind): TransientError {
	return new TransientError(`GET ${path}: the answer is no list of ${plural}, but of something else`);
}

/** Whether an object is one of those that were asked for. */
export function isAsked(
	object: KubeObject,
	{ namespace, labelSelector, fieldSelector }: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
): boolean {
	const { metadata } = object;
	return (
		(namespace === undefined || metadata.namespace === namespace) &&
		(fieldSelector === undefined || hasField(object, fieldSelector)) &&
		matchesSelector(labelSelector, metadata.labels ?? {})
	);
}

/** @param selector fields and what they are, or are not, as all requests here have it: `status.phase!=Failed,spec.nodeName=a` */
function hasField(object: KubeObject, selector: string): boolean {
	return selector.split(',').every((one) => {
		const [path = '', value] = one.split(/!?=/);
		const found = path.split('.').reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), object);
		return (found === value) !== one.includes('!=');
	});
}
