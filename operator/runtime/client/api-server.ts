/**
 * The client of one API server. It speaks plain JSON, without generated models (which drop fields that they don't know),
 * and keeps its connections (a client that opens a TLS connection per request costs 20 to 30 times as much).
 */
import type { Credentials, StaticCredentials } from '../credentials/grant.ts';
import { RequestError } from '../errors.ts';
import { collectionPath, type Kind, kindOf, objectPath } from '../kinds.ts';
import { type KubeObject, type ObjectReference, referenceOf } from '../object.ts';
import { hasHeader, isRecord } from '../object-shape.ts';
import type { ConnectionBudget } from './budget.ts';
import type { InFlight, Sink } from './exchange.ts';
import { headerOf, listPage } from './list-page.ts';
import { Requester } from './requester.ts';
import {
	type ApiServerOptions,
	type ApplyOptions,
	type CallOptions,
	callOptions,
	type DeleteOptions,
	type Deletion,
	type ListPage,
	type ListReading,
	metadataAccept,
	type ObjectHeader,
	type Query,
	type RequestOptions,
	type Response,
	type ServerVersion,
	type WriteOptions,
	type Written,
} from './requests.ts';

export class ApiServer {
	readonly #requester: Requester;

	constructor(credentials: Credentials | StaticCredentials, options: ApiServerOptions = {}) {
		this.#requester = new Requester(credentials, options);
	}

	/** `host:port`. */
	get host(): string {
		return this.#requester.host;
	}

	/** See `ApiServerOptions.budget`. */
	get budget(): ConnectionBudget | undefined {
		return this.#requester.budget;
	}

	/** See `ApiServerOptions.isForeign`. */
	get isForeign(): boolean {
		return this.#requester.isForeign;
	}

	/** See `Requester.request`. */
	request<T>(options: RequestOptions): Promise<Response<T>> {
		return this.#requester.request(options);
	}

	async get<T extends KubeObject = KubeObject>(reference: ObjectReference, options: CallOptions = {}): Promise<T> {
		const response = await this.request<T>({
			...callOptions(options),
			method: 'GET',
			path: objectPath(reference),
			object: reference,
			kind: reference.kind,
		});
		this.#expectObject(response.body, reference);
		return response.body;
	}

	/** The header of an object. However large the object is, spec, status and data never cross the wire. */
	async getMetadata(reference: ObjectReference, options: CallOptions = {}): Promise<ObjectHeader> {
		const response = await this.request<unknown>({
			...callOptions(options),
			method: 'GET',
			path: objectPath(reference),
			accept: metadataAccept,
			object: reference,
			kind: reference.kind,
		});
		this.#expectObject(response.body, reference);
		return headerOf(response.body, reference);
	}

	/**
	 * All objects of a kind, in pages. The pages belong together (one resourceVersion). When the server forgets that version
	 * half-way (410), the list begins anew without pages.
	 */
	async list<T = KubeObject>(
		kind: Kind,
		options: Omit<ListReading<T>, 'continue'> = {},
	): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
		const items: T[] = [];
		let resourceVersion = '';
		try {
			for await (const page of this.pages<T>(kind, options)) {
				for (const item of page.items) {
					items.push(item);
				}
				({ resourceVersion } = page);
			}
		} catch (error) {
			if (resourceVersion !== '' && error instanceof RequestError && error.status === 410) {
				const whole = await this.listPage<T>(kind, { ...options, limit: 0 });
				return { items: whole.items, resourceVersion: whole.resourceVersion };
			}
			throw error;
		}
		return { items, resourceVersion };
	}

	/** The pages of a list, one after the other. Throws RequestError 410 when the server forgets what they are pages of. */
	async *pages<T = KubeObject>(
		kind: Kind,
		options: Omit<ListReading<T>, 'continue'> = {},
	): AsyncGenerator<ListPage<T>, void> {
		const progress = this.budget?.newList(kind.plural, options.most);
		let next: string | undefined;
		do {
			const page = await this.listPage<T>(kind, { ...options, continue: next });
			progress?.page(page.items.length, page.continue);
			yield page;
			next = page.continue;
		} while (next !== undefined);
	}
	/** One page. Every item gets apiVersion and kind, which the answer to a list leaves out. */
	listPage<T = KubeObject>(kind: Kind, options: ListReading<T> = {}): Promise<ListPage<T>> {
		return listPage(this.#requester, kind, options);
	}

	/** Applies an object on the server's side: it gets the fields of this object, and the field manager owns them. */
	async apply<T extends KubeObject = KubeObject>(object: KubeObject, options: ApplyOptions): Promise<Written<T>> {
		return this.#write<T>(object, options, {
			...callOptions(options),
			method: 'PATCH',
			path: objectPath(object) + subresourcePath(options),
			query: { ...writeQuery(options), force: options.force === true ? true : undefined },
			// JSON is YAML. Servers before 1.33 or so know the type by this name only.
			contentType: 'application/apply-patch+yaml',
			body: object,
			isIdempotent: true,
		});
	}

	/** Rejects with ConflictError `AlreadyExists` when the object exists. */
	async create<T extends KubeObject = KubeObject>(object: KubeObject, options: WriteOptions = {}): Promise<Written<T>> {
		return this.#write<T>(object, options, {
			...callOptions(options),
			method: 'POST',
			path: collectionPath(kindOf(object), object.metadata.namespace),
			query: writeQuery(options),
			body: object,
		});
	}

	/** PUT. With `metadata.resourceVersion` set it rejects with ConflictError when somebody wrote in between. */
	async replace<T extends KubeObject = KubeObject>(
		object: KubeObject,
		options: WriteOptions = {},
	): Promise<Written<T>> {
		return this.#write<T>(object, options, {
			...callOptions(options),
			method: 'PUT',
			path: objectPath(object) + subresourcePath(options),
			query: writeQuery(options),
			body: object,
		});
	}

	/** JSON patch (RFC 6902) or merge patch (RFC 7396). */
	async patch<T extends KubeObject = KubeObject>(
		reference: ObjectReference,
		body: unknown,
		options: WriteOptions & { readonly type: 'json' | 'merge' },
	): Promise<Written<T>> {
		return this.#write<T>(reference, options, {
			...callOptions(options),
			method: 'PATCH',
			path: objectPath(reference) + subresourcePath(options),
			query: writeQuery(options),
			contentType: options.type === 'json' ? 'application/json-patch+json' : 'application/merge-patch+json',
			body,
		});
	}

	/**
	 * Returns `going` while finalizers or a grace period hold the object, else `gone`. Rejects with RequestError 404 when it
	 * was gone before.
	 */
	async delete(reference: ObjectReference, options: DeleteOptions = {}): Promise<Deletion> {
		const { propagationPolicy, preconditions, gracePeriodSeconds } = options;
		const response = await this.request<unknown>({
			...callOptions(options),
			method: 'DELETE',
			path: objectPath(reference),
			query: { dryRun: options.dryRun === true ? 'All' : undefined },
			body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions, gracePeriodSeconds },
			object: reference,
			kind: reference.kind,
			isReadOnly: options.dryRun === true,
		});
		return isGoing(response.body) ? 'going' : 'gone';
	}

	async version(options: CallOptions = {}): Promise<ServerVersion> {
		const { body } = await this.request<ServerVersion>({ ...callOptions(options), method: 'GET', path: '/version' });
		return body;
	}
	/** See `Requester.stream`. */
	stream(request: Pick<RequestOptions, 'path' | 'query' | 'accept' | 'kind'>, sink: Sink): Promise<InFlight> {
		return this.#requester.stream(request, sink);
	}

	/** Drops cached credentials after a 401. Returns false when a new attempt can't differ. */
	refreshCredentials(): boolean {
		return this.#requester.refreshCredentials();
	}

	/** Ends every connection. Requests in flight fail. */
	close(): Promise<void> {
		return this.#requester.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}
	/** Refuses an answer about another object than the one that was asked for. */
	#expectObject(body: unknown, { kind, namespace, name }: ObjectReference): void {
		const { budget } = this;
		if (budget === undefined) return;
		const isThis =
			hasHeader(body) &&
			(body as KubeObject).metadata.name === name &&
			(body as KubeObject).metadata.namespace === namespace;
		if (!isThis) throw budget.offend(`answered a request for one ${kind} with something else`);
	}
	async #write<T extends KubeObject>(
		object: KubeObject | ObjectReference,
		options: WriteOptions,
		request: RequestOptions,
	): Promise<Written<T>> {
		const response = await this.request<unknown>({
			...request,
			accept: options.metadataOnly === true ? metadataAccept : undefined,
			object: referenceOf(object),
			kind: object.kind,
			isReadOnly: options.dryRun === true,
		});
		this.#expectObject(response.body, referenceOf(object));
		const stored = (options.metadataOnly === true ? headerOf(response.body, object) : response.body) as T;
		return {
			object: stored,
			created: response.status === 201,
			resourceVersion: stored.metadata?.resourceVersion ?? '',
			warnings: response.warnings,
		};
	}
}

/**
 * The server answers with the object and its deletionTimestamp while the object still exists. When it is gone, the answer
 * is a Status, or for some kinds the object as it was (apiserver's registry/generic/registry/store.go, Delete and
 * finalizeDelete).
 */
function isGoing(answer: unknown): boolean {
	return isRecord(answer) && isRecord(answer.metadata) && answer.metadata.deletionTimestamp !== undefined;
}
function writeQuery(options: WriteOptions): Query {
	return {
		fieldManager: options.fieldManager,
		dryRun: options.dryRun === true ? 'All' : undefined,
		fieldValidation: options.fieldValidation,
	};
}

function subresourcePath(options: WriteOptions): string {
	return options.subresource === undefined ? '' : `/${options.subresource}`;
}
