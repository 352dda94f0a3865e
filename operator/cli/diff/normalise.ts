/**
 * Gives objects the form in which two of them are compared: what a person asked for, without the API server's own fields.
 */
import type { KubeObject } from '../../runtime/object.ts';

const serverMetadata = new Set([
	'managedFields',
	'resourceVersion',
	'uid',
	'generation',
	'creationTimestamp',
	'deletionTimestamp',
	'deletionGracePeriodSeconds',
	'selfLink',
	// The owner reference has the installation's uid, which a file does not know. The operator alone adds it.
	'ownerReferences',
]);

type Fields = Readonly<Record<string, unknown>>;

/** The object without status and bookkeeping, with sorted keys, and Secrets without their data. */
export function comparable(object: KubeObject): Fields {
	const { status: _status, metadata, ...rest } = object;
	const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !serverMetadata.has(key)));
	const { apiVersion, kind, ...body } = rest;
	return {
		apiVersion,
		kind,
		metadata: sorted(kept),
		...(sorted(object.kind === 'Secret' ? masked(body) : body) as Fields),
	};
}

function masked(body: Fields): Fields {
	const mask = (data: unknown): unknown =>
		typeof data === 'object' && data !== null
			? Object.fromEntries(Object.entries(data).map(([key, value]) => [key, `(${String(value).length} characters)`]))
			: data;
	return { ...body, data: mask(body.data), stringData: mask(body.stringData) };
}

function sorted(value: unknown): unknown {
	if (Array.isArray(value)) {
		return value.map(sorted);
	}
	if (typeof value !== 'object' || value === null) {
		return value;
	}
	return Object.fromEntries(
		Object.entries(value)
			.toSorted(([a], [b]) => (a < b ? -1 : 1))
			.map(([key, entry]) => [key, sorted(entry)]),
	);
}

/** Drops the replicas of a Deployment when they are not rendered, because then an autoscaler owns them. */
export function withoutReplicas(object: KubeObject): KubeObject {
	const { replicas: _replicas, ...spec } = object.spec as Fields;
	return { ...object, spec };
}
