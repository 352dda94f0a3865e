/** Where a reflector gets its objects: lists and watches of an API server. */
import type { ApiServer } from '../client/api-server.ts';
import type { ListProgress } from '../client/budget.ts';
import type { ListPage } from '../client/requests.ts';
import { RequestError, TransientError } from '../errors.ts';
import type { Kind } from '../kinds.ts';
import type { KubeObject } from '../object.ts';
import type { Failure } from './reflector-state.ts';
import type { Listed } from './store.ts';
import { openWatch, type Watch, type WatchCallbacks, type WatchEnd } from './watch-stream.ts';

/** Where objects come from: the API server, or a simulation of one. */
export interface ReflectorSource {
	/** @param options `read` may be used on each object as soon as it is there, so that the rest of it is dropped. */
	list(options: {
		readonly continue: string | undefined;
		readonly isWhole: boolean;
		readonly signal: AbortSignal;
		readonly read: (object: KubeObject) => Unreadable | Listed<unknown>;
	}): Promise<ListPage<KubeObject | Unreadable | Listed<unknown>>>;
	/** Watches from this resourceVersion on. Without one, all objects come first, as initial events. */
	watch(position: string, timeoutSeconds: number, callbacks: WatchCallbacks): Watch;
	/** Called when the server has answered 401. */
	refreshCredentials?(): void;
}

export interface SourceOptions {
	readonly kind: Kind;
	/** Default: all namespaces. */
	readonly namespace?: string | undefined;
	readonly labelSelector?: string | undefined;
	readonly fieldSelector?: string | undefined;
	/** Only apiVersion, kind and metadata of each object cross the wire. */
	readonly metadataOnly?: boolean | undefined;
	/**
	 * Never lists in one answer: after a page expired, the list begins anew in pages, and never is a page in memory as a whole. For
	 * kinds with very many objects.
	 */
	readonly isPaged?: boolean | undefined;
	/** Objects per page of a list; 500 by default. */
	readonly pageSize?: number | undefined;
	/** Longest silence of a watch. Default 85 s: a bookmark comes each 60 s. */
	readonly idleMs?: number | undefined;
	/** Deadline of each page of a list. */
	readonly listTimeoutMs?: number | undefined;
}

/** An object of a list that could not be read. */
export class Unreadable {
	readonly error: unknown;
	constructor(error: unknown) {
		this.error = error;
	}
}

/** The API server. */
export function serverSource(server: ApiServer, options: SourceOptions): ReflectorSource {
	const { kind, namespace, labelSelector, fieldSelector, metadataOnly } = options;
	let progress: ListProgress | undefined;
	return {
		async list({ read, signal, isWhole, continue: next }) {
			const page = await server.listPage(kind, {
				namespace,
				labelSelector,
				fieldSelector,
				metadataOnly,
				limit: isWhole && options.isPaged !== true ? 0 : (options.pageSize ?? 500),
				continue: next,
				signal,
				timeoutMs: options.listTimeoutMs ?? 60_000,
				readsAsItComes: options.isPaged,
				read,
			});
			if (next === undefined) progress = server.budget?.newList(kind.plural);
			progress?.page(page.items.length, page.continue);
			return page;
		},
		watch: (position, timeoutSeconds, callbacks) =>
			openWatch(
				server,
				kind,
				{
					namespace,
					labelSelector,
					fieldSelector,
					metadataOnly,
					resourceVersion: position,
					timeoutSeconds,
					idleMs: options.idleMs,
				},
				callbacks,
			),
		refreshCredentials: () => {
			server.refreshCredentials();
		},
	};
}

/** What the failure of a list or watch means for the next step. */
export function failureOf(error: unknown, end: WatchEnd | undefined): Failure {
	if (end !== undefined && end.how !== 'refused' && end.how !== 'done') {
		return end.how;
	}
	if (error instanceof RequestError) {
		return error.status === 410 ? 'expired' : 'unsupported';
	}
	if (error instanceof TransientError) {
		return error.status === undefined ? 'unreachable' : error.status === 429 ? 'busy' : 'refused';
	}
	return 'unreachable';
}
