/**
 * Watches the Secrets with the kubeconfigs of clusters: one watch per namespace, of metadata alone. Content is read when it
 * is needed and has changed. Whoever depends on a Secret learns of every change.
 */
import { mayReadLabel } from '../../../api/v1/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { withinDeadline } from '../../runtime/deadline.ts';
import { orAbsent, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { ObjectName } from '../../runtime/object.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { Reflector } from '../../runtime/watch/reflector.ts';
import { mayRead, type SecretReader } from './may-read.ts';

/** The values of a Secret, by key. */
export type KubeconfigSecret = ReadonlyMap<string, Buffer>;

export interface KubeconfigSecretsOptions {
	/** A Secret that they may read came, changed or went. */
	readonly onChange: (name: ObjectName, interested: readonly string[]) => void;
	readonly onError: (error: unknown) => void;
}

/** Wait this long for the first list of a namespace. */
const syncDeadlineMs = 5_000;

/** What is kept of a Secret. */
interface Seen {
	readonly resourceVersion: string;
	/** Value of the label that says who may read it. */
	readonly allowed: string | undefined;
}

interface Interest {
	readonly name: ObjectName;
	readonly reader: SecretReader;
}

export class KubeconfigSecrets {
	readonly #api: ApiServer;
	readonly #options: KubeconfigSecretsOptions;
	/** The watches by namespace. */
	readonly #watches = new Map<string, Reflector<Seen>>();
	readonly #interests = new Map<string, Interest>();
	/** Namespaces that somebody waited for in vain. They learn when these are listed. */
	readonly #late = new Set<string>();
	readonly #contents = new Map<string, { readonly version: string; readonly secret: KubeconfigSecret }>();
	#isStopped = false;

	constructor(api: ApiServer, options: KubeconfigSecretsOptions) {
		this.#api = api;
		this.#options = options;
	}

	/** Sets the Secret that somebody depends on from now on; undefined for none. */
	setInterest(who: string, interest: Interest | undefined): void {
		const name = interest?.name;
		// Called by a pass of a mesh that goes on a little after the stop: nobody would end a new watch.
		if (this.#isStopped) return;
		const before = this.#interests.get(who)?.name;
		if (interest === undefined) this.#interests.delete(who);
		else this.#interests.set(who, interest);
		if (before?.namespace === name?.namespace && before?.name === name?.name) return;
		const namespaces = new Set([...this.#interests.values()].map((one) => one.name.namespace));
		for (const [namespace, reflector] of this.#watches) {
			if (namespaces.has(namespace)) continue;
			reflector.stop();
			this.#watches.delete(namespace);
			this.#late.delete(namespace);
		}
		const keys = new Set([...this.#interests.values()].map((one) => keyOf(one.name)));
		for (const key of this.#contents.keys()) if (!keys.has(key)) this.#contents.delete(key);
		if (name !== undefined && !this.#watches.has(name.namespace)) this.#watch(name.namespace);
	}

	/**
	 * Reads the Secret. Undefined when there is none that the mesh may read. Rejects with TransientError when it can't be
	 * read now.
	 */
	async read({ name, reader }: Interest, signal: AbortSignal): Promise<KubeconfigSecret | undefined> {
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
		const seen = reflector.store.get(key);
		if (seen === undefined || !mayRead(reader, name, seen.allowed)) return undefined;
		const known = this.#contents.get(key);
		if (known?.version === seen.resourceVersion) return known.secret;
		const { apiVersion, kind } = kinds.Secret;
		const object = await orAbsent(
			this.#api.get<KubeObject & { readonly data?: unknown }>({ apiVersion, kind, ...name }, { signal }),
		);
		// The label may have gone since the watch told of it.
		if (object === undefined || !mayRead(reader, name, toSeen(object).allowed)) return undefined;
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

	#watch(namespace: string): Reflector<Seen> {
		const reflector = new Reflector<Seen>(this.#api, {
			kind: kinds.Secret,
			namespace,
			metadataOnly: true,
			transform: toSeen,
			onError: this.#options.onError,
		});
		this.#watches.set(namespace, reflector);
		reflector.addHandler(({ key, initial, old, current }) => {
			if (initial) return;
			// Whoever may not read a Secret does not learn that it changes either.
			this.#tell(
				({ name, reader }) =>
					keyOf(name) === key &&
					[old, current].some((seen) => seen !== undefined && mayRead(reader, name, seen.allowed)),
			);
		});
		void reflector.synced.then(() => {
			// Deferred, so that whoever still waits goes on first.
			setImmediate(() => {
				if (this.#late.delete(namespace)) this.#tell(({ name }) => name.namespace === namespace);
			});
		});
		reflector.start();
		return reflector;
	}

	#tell(isAbout: (interest: Interest) => boolean): void {
		for (const [who, interest] of this.#interests) {
			if (isAbout(interest)) this.#options.onChange(interest.name, [who]);
		}
	}
}

function toSeen({ metadata }: KubeObject): Seen {
	return { resourceVersion: metadata.resourceVersion ?? '', allowed: metadata.labels?.[mayReadLabel] };
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
