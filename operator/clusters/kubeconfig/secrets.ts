/**
 * Watches the Secrets with the kubeconfigs of clusters: one watch per namespace, of metadata alone. Content is read when it
 * is needed and has changed. Whoever depends on a Secret learns of every change.
 */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { withinDeadline } from '../../runtime/deadline.ts';
import { orAbsent, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { ObjectName } from '../../runtime/object.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { Reflector } from '../../runtime/watch/reflector.ts';

/** The values of a Secret, by key. */
export type KubeconfigSecret = ReadonlyMap<string, Buffer>;

export interface KubeconfigSecretsOptions {
	/** A Secret came, changed or went. */
	readonly onChange: (name: ObjectName, interested: readonly string[]) => void;
	readonly onError: (error: unknown) => void;
}

/** Wait this long for the first list of a namespace. */
const syncDeadlineMs = 5_000;

export class KubeconfigSecrets {
	readonly #api: ApiServer;
	readonly #options: KubeconfigSecretsOptions;
	/** The watches by namespace. Of a Secret only its resourceVersion is kept. */
	readonly #watches = new Map<string, Reflector<string>>();
	readonly #interests = new Map<string, ObjectName>();
	/** Namespaces that somebody waited for in vain. They learn when these are listed. */
	readonly #late = new Set<string>();
	readonly #contents = new Map<string, { readonly version: string; readonly secret: KubeconfigSecret }>();
	#isStopped = false;

	constructor(api: ApiServer, options: KubeconfigSecretsOptions) {
		this.#api = api;
		this.#options = options;
	}

	/** Sets the Secret that somebody depends on from now on; undefined for none. */
	setInterest(who: string, name: ObjectName | undefined): void {
		// Called by a pass of a mesh that goes on a little after the stop: nobody would end a new watch.
		if (this.#isStopped) return;
		const before = this.#interests.get(who);
		if (before?.namespace === name?.namespace && before?.name === name?.name) return;
		if (name === undefined) this.#interests.delete(who);
		else this.#interests.set(who, name);
		const namespaces = new Set([...this.#interests.values()].map(({ namespace }) => namespace));
		for (const [namespace, reflector] of this.#watches) {
			if (namespaces.has(namespace)) continue;
			reflector.stop();
			this.#watches.delete(namespace);
			this.#late.delete(namespace);
		}
		const keys = new Set([...this.#interests.values()].map(keyOf));
		for (const key of this.#contents.keys()) if (!keys.has(key)) this.#contents.delete(key);
		if (name !== undefined && !this.#watches.has(name.namespace)) this.#watch(name.namespace);
	}

	/** Reads the Secret. Undefined when there is none. Rejects with TransientError when it can't be read now. */
	async read(name: ObjectName, signal: AbortSignal): Promise<KubeconfigSecret | undefined> {
		if (this.#isStopped) throw new TransientError(`Secrets in namespace ${name.namespace} are not watched any more`);
		const reflector = this.#watches.get(name.namespace) ?? this.#watch(name.namespace);
		if (!reflector.hasSynced) {
			this.#late.add(name.namespace);
			await withinDeadline(reflector.synced, {
				ms: syncDeadlineMs,
				late: () =>
					new TransientError(
						`Secrets in namespace ${name.namespace} were not listed within ${syncDeadlineMs / 1_000} s`,
					),
				signal,
			});
			this.#late.delete(name.namespace);
		}
		const key = keyOf(name);
		const version = reflector.store.get(key);
		if (version === undefined) return undefined;
		const known = this.#contents.get(key);
		if (known?.version === version) return known.secret;
		const { apiVersion, kind } = kinds.Secret;
		const object = await orAbsent(
			this.#api.get<KubeObject & { readonly data?: unknown }>({ apiVersion, kind, ...name }, { signal }),
		);
		if (object === undefined) return undefined;
		const secret = contentOf(object);
		this.#contents.set(key, { version: object.metadata.resourceVersion ?? '', secret });
		return secret;
	}

	relist(): void {
		for (const reflector of this.#watches.values()) reflector.relist();
	}

	stop(): void {
		this.#isStopped = true;
		for (const reflector of this.#watches.values()) reflector.stop();
		this.#watches.clear();
		this.#late.clear();
		this.#contents.clear();
	}

	#watch(namespace: string): Reflector<string> {
		const reflector = new Reflector<string>(this.#api, {
			kind: kinds.Secret,
			namespace,
			metadataOnly: true,
			transform: ({ metadata }) => metadata.resourceVersion ?? '',
			onError: this.#options.onError,
		});
		this.#watches.set(namespace, reflector);
		reflector.addHandler(({ key, initial }) => {
			if (!initial) this.#tell((name) => keyOf(name) === key);
		});
		void reflector.synced.then(() => {
			// Deferred, so that whoever still waits goes on first.
			setImmediate(() => {
				if (this.#late.delete(namespace)) this.#tell((name) => name.namespace === namespace);
			});
		});
		reflector.start();
		return reflector;
	}

	#tell(isAbout: (name: ObjectName) => boolean): void {
		for (const [who, name] of this.#interests) if (isAbout(name)) this.#options.onChange(name, [who]);
	}
}

function contentOf({ data }: { readonly data?: unknown }): KubeconfigSecret {
	const values = Object.entries((data ?? {}) as Readonly<Record<string, unknown>>);
	return new Map(
		values.flatMap(([key, value]) => (typeof value === 'string' ? [[key, Buffer.from(value, 'base64')] as const] : [])),
	);
}

function keyOf(name: ObjectName): string {
	return objectKey({ ...kinds.Secret, ...name });
}
