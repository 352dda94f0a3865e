/** Kubernetes objects as plain JSON, the only form that crosses rooms: no class instances, no dates. */

export interface OwnerReference {
	readonly apiVersion: string;
	readonly kind: string;
	readonly name: string;
	readonly uid: string;
	readonly controller?: boolean;
	readonly blockOwnerDeletion?: boolean;
}

/** One entry of `metadata.managedFields`: the fields that a manager owns by one kind of write. */
export interface ManagedFieldsEntry {
	readonly manager?: string;
	readonly operation?: 'Apply' | 'Update';
	readonly apiVersion?: string;
	readonly time?: string;
	readonly fieldsType?: string;
	readonly fieldsV1?: Readonly<Record<string, unknown>>;
	readonly subresource?: string;
}

export interface ObjectMeta {
	readonly name: string;
	readonly namespace?: string;
	readonly uid?: string;
	readonly resourceVersion?: string;
	readonly generation?: number;
	readonly creationTimestamp?: string;
	readonly deletionTimestamp?: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
	readonly finalizers?: readonly string[];
	readonly ownerReferences?: readonly OwnerReference[];
	readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** Any Kubernetes object. Code that knows the kind reads the fields beyond the header. */
export interface KubeObject {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: ObjectMeta;
	readonly [field: string]: unknown;
}

/** Names an object, for a person and for a map: kind, namespace, name. */
export interface ObjectReference {
	readonly apiVersion: string;
	readonly kind: string;
	readonly namespace?: string;
	readonly name: string;
}

/** Names a namespaced object whose kind both sides know. */
export interface ObjectName {
	readonly namespace: string;
	readonly name: string;
}

/** The API group of an `apiVersion`; the core group is the empty string. */
export function groupOf(apiVersion: string): string {
	const slash = apiVersion.indexOf('/');
	return slash === -1 ? '' : apiVersion.slice(0, slash);
}

/**
 * A key that is equal for two versions of the same object: kind and group without version, namespace, name. Sortable, and
 * readable in a log: `Deployment.apps istio-system/istio-pilot`.
 */
export function objectKey(object: KubeObject | ObjectReference): string {
	const { name, namespace } = 'metadata' in object ? (object as KubeObject).metadata : (object as ObjectReference);
	const group = groupOf(object.apiVersion);
	return `${object.kind}${group === '' ? '' : `.${group}`} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** The reference to an object. A reference is returned as it is. */
export function referenceOf(object: KubeObject | ObjectReference): ObjectReference {
	if (!('metadata' in object)) return object as ObjectReference;
	const { apiVersion, kind, metadata } = object as KubeObject;
	const { name, namespace } = metadata;
	return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** `Deployment istio-system/istio-pilot`: how events, conditions and logs name an object. */
export function describeObject(object: KubeObject | ObjectReference): string {
	const { name, namespace } = 'metadata' in object ? (object as KubeObject).metadata : (object as ObjectReference);
	return `${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
