/**
 * Keeps the contract of `@dot-i/k8s-operator` over our own transport: a subclass that calls what the library documents
 * (`watchResource`, `handleResourceFinalizer`, `patchResourceStatus` …) gets what it documents, and learns of every
 * failure. `MeshOperator` itself uses only `start()` and `stop()`: it needs caches, a queue and waves, which the library
 * does not have.
 *
 * Of the library only `start()` is left, which runs `init()`. The rest is overridden because of what the library does
 * (version 1.3.9, dist/operator.js):
 *
 * - The constructor reads the default kubeconfig, whichever was asked for, and throws when that file is broken.
 * - `watchResource` ends the process on any error of a watch. It knows no list and no resourceVersion, so that after each
 *   reconnect it replays everything and misses deletions. It hands events to one queue that works one at a time.
 * - `setResourceFinalizers` replaces the whole list without looking at the version, so that finalizers of others are lost.
 *   It swallows every error, as `setResourceStatus` and `patchResourceStatus` do: the caller believes that it wrote.
 * - `registerCustomResourceDefinition` passes arguments in a form that the client library no longer takes.
 * - Its requests open a connection each, and read credentials at each.
 */
import { readFile } from 'node:fs/promises';
import dotI, { type ResourceEvent, ResourceEventType, type ResourceMeta } from '@dot-i/k8s-operator';
import type { KubernetesObject } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { addFinalizer, removeFinalizer } from './apply/finalizer.ts';
import { fieldManager, statusFieldManager } from './apply/identity.ts';
import type { ApiServer } from './runtime/client/api-server.ts';
import { InvalidError } from './runtime/errors.ts';
import { kinds } from './runtime/kinds.ts';
import type { LogSink } from './runtime/log/logger.ts';
import type { KubeObject } from './runtime/object.ts';
import { Reflector } from './runtime/watch/reflector.ts';

type Library = InstanceType<typeof dotI.default>;

/**
 * The library's class without its constructor, which nobody can tell what to read. `instanceof` holds. The fields that the
 * constructor would set are missing.
 */
function Unconstructed(): void {}
Unconstructed.prototype = dotI.default.prototype;
const LibraryClass = Unconstructed as unknown as abstract new () => Library;

export abstract class OperatorContract extends LibraryClass {
	readonly #log: LogSink;
	readonly #reflectors: Reflector<KubeObject>[] = [];
	readonly #stopped = new AbortController();
	/** The library's own client is never made. */
	declare protected readonly kubeConfig: never;
	declare protected readonly k8sApi: never;

	constructor(log: LogSink) {
		super();
		this.#log = log;
		this.logger = {
			debug: (message) => log.debug(message),
			info: (message) => log.info(message),
			warn: (message) => log.warn(message),
			error: (message) => log.error(message),
		};
	}

	/** The client of the API server. Called when a method of the contract needs it. */
	protected abstract connected(): ApiServer;

	/** Ends the watches. No callback is called after this returns. */
	override stop(): void {
		this.#stopped.abort(new Error('the operator was stopped'));
		for (const reflector of this.#reflectors) reflector.stop();
	}

	/**
	 * Calls back for each change, from a list and watch that lasts. Settles when everything is listed. What the callback
	 * throws is logged and ends nothing. Only kinds in the table of kinds have a path.
	 */
	protected override async watchResource(
		group: string,
		version: string,
		plural: string,
		onEvent: (event: ResourceEvent) => Promise<void>,
		namespace?: string,
	): Promise<void> {
		const apiVersion = group === '' ? version : `${group}/${version}`;
		const kind = Object.values(kinds).find((entry) => entry.apiVersion === apiVersion && entry.plural === plural);
		if (kind === undefined)
			throw new InvalidError('UnknownKind', `${plural}.${apiVersion} is not a kind that Meshwright reads`);
		const report = (error: unknown): void => this.#log.error({ err: error }, `watch of ${plural}`);
		const reflector = new Reflector<KubeObject>(this.connected(), {
			kind,
			namespace,
			transform: (object) => object,
			onError: report,
		});
		this.#reflectors.push(reflector);
		reflector.addHandler(({ type, old, current }) => {
			const object = current ?? old;
			const event = {
				meta: metaOf(`${plural}.${apiVersion}`, object),
				object: asClientObject(object),
				type: types[type],
			};
			onEvent(event).catch(report);
		});
		reflector.start();
		await reflector.synced;
	}

	/** Adds the finalizer when it is missing, or runs the action of a deletion and then removes it. */
	protected override async handleResourceFinalizer(
		event: ResourceEvent,
		finalizer: string,
		deleteAction: (event: ResourceEvent) => Promise<void>,
	): Promise<boolean> {
		if (event.type === ResourceEventType.Deleted) return false;
		const object = event.object as unknown as KubeObject;
		const { signal } = this.#stopped;
		const { deletionTimestamp, finalizers = [] } = object.metadata;
		if (deletionTimestamp !== undefined) {
			if (finalizers.includes(finalizer)) {
				await deleteAction(event);
				await removeFinalizer(this.connected(), object, finalizer, signal);
			}
			return true;
		}
		if (finalizers.includes(finalizer)) return false;
		await addFinalizer(this.connected(), object, finalizer, signal);
		return true;
	}

	/** Replaces the list, but only of the version that was read. Otherwise it rejects with ConflictError. */
	protected override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
		const { resourceVersion } = meta;
		await this.connected().patch(
			meta,
			{ metadata: { resourceVersion, finalizers } },
			{ type: 'merge', signal: this.#stopped.signal },
		);
	}

	/** Replaces the status, but only of the version that was read. Otherwise it rejects with ConflictError. */
	protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
		const { apiVersion, kind, name, namespace, resourceVersion } = meta;
		const metadata = { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
		const { object } = await this.connected().replace(
			{ apiVersion, kind, metadata, status },
			{ fieldManager: statusFieldManager, subresource: 'status', signal: this.#stopped.signal },
		);
		return metaOf(meta.id, object);
	}

	/** Patches the status (RFC 7386), but only of the version that was read. Otherwise it rejects with ConflictError. */
	protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
		const { resourceVersion } = meta;
		const { object } = await this.connected().patch(
			meta,
			{ metadata: { resourceVersion }, status },
			{ type: 'merge', fieldManager: statusFieldManager, subresource: 'status', signal: this.#stopped.signal },
		);
		return metaOf(meta.id, object);
	}

	/** Applies a CRD from a YAML file. An existing one is brought up to date. */
	protected override async registerCustomResourceDefinition(crdFile: string) {
		const crd = parse(await readFile(crdFile, 'utf8'));
		await this.connected().apply(crd, { fieldManager, force: true, signal: this.#stopped.signal });
		return { group: crd.spec.group, versions: crd.spec.versions, plural: crd.spec.names.plural };
	}
}

const types = {
	added: ResourceEventType.Added,
	updated: ResourceEventType.Modified,
	deleted: ResourceEventType.Deleted,
} as const;

function metaOf(id: string, { apiVersion, kind, metadata }: KubeObject): ResourceMeta {
	const { name, namespace, resourceVersion = '' } = metadata;
	return { id, apiVersion, kind, name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
}

/** Gives an object the client library's type, which has no readonly fields. */
function asClientObject(object: KubeObject): KubernetesObject {
	return object as unknown as KubernetesObject;
}
