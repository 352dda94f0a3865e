/** Which kinds of children are watched in an API server, and how. */
import type { Kind } from '../runtime/kinds.ts';
import type { ReflectorHappening } from '../runtime/watch/reflector.ts';
import type { IndexFunction } from '../runtime/watch/store.ts';
import type { Child } from './child.ts';

/** How one kind is watched. */
export interface WatchedKind {
	readonly kind: Kind;
	readonly metadataOnly: boolean;
	/** Watches all objects, whoever made them. Then the caches alone tell that a name is free. */
	readonly isAll?: boolean;
	/** Watches one object alone, by its name. */
	readonly only?: string;
	/** Watches one namespace alone. */
	readonly namespace?: string;
	/** Replaces the selector that other kinds use. */
	readonly labelSelector?: string;
}

export interface ChildCachesOptions {
	readonly watched: readonly WatchedKind[];
	/** Kinds that not every mesh has, or that exist only when their CRDs do. Each is watched once there are objects of it. */
	readonly onDemand?: readonly Kind[];
	/** A kind that is watched in single namespaces alone, see `followNamespace`. */
	readonly perNamespace?: WatchedKind;
	/** Selects the objects of kinds that are not watched as a whole. Default: everything that any installation made. */
	readonly labelSelector?: string;
	/** Further indexes of each kind's store. */
	readonly indexes?: Readonly<Record<string, IndexFunction<Child>>>;
	readonly onError: (error: unknown) => void;
	readonly observe?: (happening: ReflectorHappening) => void;
}
